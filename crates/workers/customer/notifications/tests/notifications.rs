//! The notifications worker through the runtime, against real NATS, PostgreSQL and a mail server that stores its mail.
//! Every event is delivered twice.

#[path = "notifications/moved.rs"]
mod moved;
#[path = "notifications/overdue.rs"]
mod overdue;
#[path = "notifications/pruning.rs"]
mod pruning;

use std::time::Duration;

use despatch_contracts::Event;
use despatch_contracts::label::LabelCreated;
use despatch_contracts::notification::{NotificationSent, NotificationSkipped, Unsubscribed};
use despatch_contracts::order::{Customer, Order, OrderAccepted, OrderCancelled};
use despatch_contracts::payment::PaymentRefunded;
use despatch_contracts::review::ReviewRequested;
use despatch_contracts::shipment::{
    ReadyForPickup, Scan, ShipmentCollected, ShipmentDelivered, ShipmentDespatched,
};
use despatch_notifications::Config;
use despatch_read_model::messages::messages_of;
use despatch_sandbox::{Fault, Faults, Operation, Options, Rates, Sandbox, Target};
use despatch_testkit::{TestEnv, eventually, order};

async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.expect("free ports")
}

fn config(mail: &Sandbox) -> Config {
    Config {
        shop_name: "Quay Street Supplies".into(),
        from: "Quay Street Supplies <orders@shop.example>".into(),
        message_id_domain: "shop.example".into(),
        public_url: "https://shop.example".into(),
        smtp_url: mail.smtp_url(),
        smtp_timeout_seconds: 5,
        link_secret: "a link secret of thirty-two bytes".into(),
        alert_webhook: String::new(),
    }
}

async fn env(mail: &Sandbox) -> TestEnv {
    let env = TestEnv::new().await;
    env.run(despatch_notifications::worker(&config(mail)).expect("a sound configuration")).await;
    env
}

fn accepted(order: Order) -> OrderAccepted {
    OrderAccepted { order: Some(order) }
}

fn scan(order_id: &str, parcel: u32, parcels: u32) -> Scan {
    Scan {
        order_id: order_id.into(),
        parcel,
        position: parcel,
        parcels,
        carrier: "usps".into(),
        tracking_number: "9205".into(),
        ..Scan::default()
    }
}

fn review(order_id: &str, ask: u32) -> ReviewRequested {
    let review_url = format!("https://shop.example/reviews/{order_id}/token");
    ReviewRequested { order_id: order_id.into(), ask, review_url }
}

/// The ids of the messages that the mail server got about an order, each once.
fn messages(mail: &Sandbox, order_id: &str) -> Vec<String> {
    let counts = mail.order_counts(order_id).expect("the mail server's counts");
    let mut ids: Vec<String> = counts.mails.into_iter().map(|mail| mail.message_id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn the_customer_is_notified_of_every_milestone_once() {
    let mail = sandbox().await;
    let env = env(&mail).await;
    env.deliver(&accepted(order("whole"))).await;
    env.quiet().await;
    for parcel in [1, 2] {
        env.deliver(&ShipmentDespatched { scan: Some(scan("whole", parcel, 2)) }).await;
        env.deliver(&ShipmentDelivered { scan: Some(scan("whole", parcel, 2)) }).await;
    }
    env.deliver(&review("whole", 0)).await;
    env.deliver(&review("whole", 1)).await;
    // Facts that customers are not notified of.
    env.deliver(&LabelCreated { order_id: "whole".into(), ..LabelCreated::default() }).await;
    eventually("seven messages", async || (env.count::<NotificationSent>("whole").await == 7).then_some(()))
        .await;
    env.quiet().await;
    assert_eq!(env.count::<NotificationSent>("whole").await, 7);

    let expected = [
        "accepted.whole.0@shop.example",
        "delivered.whole.1@shop.example",
        "delivered.whole.2@shop.example",
        "despatched.whole.1@shop.example",
        "despatched.whole.2@shop.example",
        "review-reminder.whole.1@shop.example",
        "review.whole.0@shop.example",
    ];
    assert_eq!(messages(&mail, "whole"), expected);
    let counts = mail.counts();
    assert_eq!((counts.mails, counts.distinct_mails), (7, 7));
    let mut stored: Vec<String> = messages_of(&env.db().await, "whole")
        .await
        .unwrap()
        .into_iter()
        .map(|message| message.message_id)
        .collect();
    stored.sort();
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn the_customer_is_notified_of_a_cancellation_and_of_the_money_that_goes_back() {
    let mail = sandbox().await;
    let env = env(&mail).await;
    env.deliver(&accepted(order("off"))).await;
    env.deliver(&OrderCancelled { order_id: "off".into(), reason: "operator-cancelled".into() }).await;
    let refund = PaymentRefunded {
        order_id: "off".into(),
        amount_minor: 1050,
        currency: "USD".into(),
        refund_id: "r-1".into(),
        tender: 1,
        ..PaymentRefunded::default()
    };
    env.deliver(&refund).await;
    // Each refund has a mail of its own.
    env.deliver(&PaymentRefunded { refund_id: "r-2".into(), ..refund }).await;
    env.quiet().await;
    let expected = [
        "accepted.off.0@shop.example",
        "cancelled.off.0@shop.example",
        "refunded.off.r-1@shop.example",
        "refunded.off.r-2@shop.example",
    ];
    assert_eq!(messages(&mail, "off"), expected);
}

#[tokio::test]
async fn what_overtakes_the_acceptance_waits_for_it() {
    let mail = sandbox().await;
    let env = env(&mail).await;
    env.deliver(&ShipmentDespatched { scan: Some(scan("early", 1, 1)) }).await;
    eventually("the despatch waits", async || {
        let sql = "select 1 from notifications.journal where handler = 'notifications.notify' and state = 'waiting'";
        env.db().await.query_opt(sql, &[]).await.ok().flatten()
    })
    .await;
    assert_eq!(mail.counts().mails, 0);
    env.deliver(&accepted(order("early"))).await;
    eventually("both messages", async || (env.count::<NotificationSent>("early").await == 2).then_some(()))
        .await;
    env.quiet().await;
    assert_eq!(messages(&mail, "early").len(), 2);
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_goes_again_under_the_same_id() {
    let mail = sandbox().await;
    let target = |fault| Target { operation: Operation::Mail, order: "lost".into(), fault, times: 1 };
    mail.fault_next(target(Fault::Timeout));
    let env = env(&mail).await;
    env.deliver(&accepted(order("lost"))).await;
    env.expect::<NotificationSent>("lost").await;
    env.quiet().await;
    assert_eq!(env.count::<NotificationSent>("lost").await, 1);
    let counts = mail.order_counts("lost").unwrap();
    assert_eq!(counts.mails.len(), 1, "one Message-ID: {:?}", counts.mails);
    assert_eq!(counts.mails[0].copies, 2, "sent again, because it could not be known");
}

#[tokio::test]
async fn a_refused_message_is_a_case_and_later_ones_still_go() {
    let mail = sandbox().await;
    mail.fault_next(Target {
        operation: Operation::Mail,
        order: "refused".into(),
        fault: Fault::Decline,
        times: 1,
    });
    let env = env(&mail).await;
    env.deliver(&accepted(order("refused"))).await;
    let dead = env.expect_dead("refused").await;
    assert_eq!(dead.handler, "notifications.notify");
    assert!(["message-rejected", "recipient-rejected"].contains(&dead.reason.as_str()), "{}", dead.reason);
    env.deliver(&ShipmentDespatched { scan: Some(scan("refused", 1, 1)) }).await;
    env.expect::<NotificationSent>("refused").await;
    assert_eq!(messages(&mail, "refused"), ["despatched.refused.1@shop.example"]);
}

#[tokio::test]
async fn an_address_that_is_none_is_a_case() {
    let mail = sandbox().await;
    let env = env(&mail).await;
    let mut order = order("nobody");
    order.customer.as_mut().expect("a customer").email = "not an address".into();
    env.deliver(&accepted(order)).await;
    let dead = env.expect_dead("nobody").await;
    assert_eq!(dead.reason, "recipient-rejected");
}

#[tokio::test]
async fn an_order_without_a_usable_address_costs_its_mails_and_nothing_else() {
    let mail = sandbox().await;
    let env = env(&mail).await;
    let customer = order("any").customer.map(|customer| Customer { email: String::new(), ..customer });
    for (order_id, customer) in [("none", customer), ("nobody", None)] {
        let order = Order { customer, ..order(order_id) };
        env.deliver(&accepted(order)).await;
        env.deliver(&ShipmentDelivered { scan: Some(scan(order_id, 1, 1)) }).await;
        env.deliver(&review(order_id, 0)).await;
        let skipped = async || (env.count::<NotificationSkipped>(order_id).await == 3).then_some(());
        eventually("three mails are skipped", skipped).await;
        let skipped: NotificationSkipped = env.expect(order_id).await;
        assert_eq!((skipped.milestone.as_str(), skipped.reason.as_str()), ("accepted", "no-mail-address"));
    }
    env.quiet().await;
    assert_eq!(mail.counts().mails, 0);
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn the_customer_is_asked_to_come_until_the_parcel_is_collected() {
    let mail = sandbox().await;
    let env = env(&mail).await;
    let ready = |order_id: &str| ReadyForPickup {
        order_id: order_id.into(),
        parcel: 1,
        position: 1,
        parcels: 1,
        ..ReadyForPickup::default()
    };
    let collected = |order_id: &str| ShipmentCollected { order_id: order_id.into(), parcel: 1, parcels: 1 };
    for order_id in ["usual", "late"] {
        env.deliver(&accepted(order(order_id))).await;
    }
    env.quiet().await;
    env.deliver(&ready("usual")).await;
    env.quiet().await;
    env.deliver(&collected("usual")).await;
    env.deliver(&collected("late")).await;
    env.quiet().await;
    env.deliver(&ready("late")).await;
    env.quiet().await;
    let expected =
        ["accepted.usual.0@shop.example", "collected.usual.1@shop.example", "ready.usual.1@shop.example"];
    assert_eq!(messages(&mail, "usual"), expected);
    assert_eq!(messages(&mail, "late"), ["accepted.late.0@shop.example", "collected.late.1@shop.example"]);
}

#[tokio::test]
async fn mails_name_the_number_that_people_know() {
    let mail = sandbox().await;
    let env = env(&mail).await;
    let numbered = Order { number: "#5017".into(), ..order("numbered") };
    env.deliver(&accepted(numbered)).await;
    env.expect::<NotificationSent>("numbered").await;
    let stored = "select number from notifications.contact where order_id = 'numbered'";
    eventually("the contact is stored", async || {
        let row = env.db().await.query_opt(stored, &[]).await.ok().flatten()?;
        (row.get::<_, String>(0) == "#5017").then_some(())
    })
    .await;
}

/// Two scans that come at once, the mail about the first of them slowly.
async fn at_once(order_id: &str, first: &impl Event, second: &impl Event) -> (Sandbox, Vec<String>) {
    let mail = sandbox().await;
    // As slow as two mails are never apart by themselves.
    mail.set_faults(Faults { slow_ms: 1_000, ..Faults::none() }).expect("sound faults");
    let env = env(&mail).await;
    env.deliver(&accepted(order(order_id))).await;
    env.expect::<NotificationSent>(order_id).await;
    env.quiet().await;
    mail.fault_next(Target {
        operation: Operation::Mail,
        order: order_id.into(),
        fault: Fault::Slow,
        times: 1,
    });
    env.deliver(first).await;
    env.deliver(second).await;
    env.quiet().await;
    let sql = "select milestone from notifications.sent where order_id = $1 order by sent_at";
    let sent = env.db().await.query(sql, &[&order_id]).await.expect("the table is there");
    (mail, sent.iter().skip(1).map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn a_parcel_that_arrived_is_not_on_its_way() {
    let delivered = ShipmentDelivered { scan: Some(scan("late", 1, 1)) };
    let despatched = ShipmentDespatched { scan: Some(scan("late", 1, 1)) };
    let (mail, sent) = at_once("late", &delivered, &despatched).await;
    assert_eq!(sent, ["delivered"]);
    assert_eq!(messages(&mail, "late"), ["accepted.late.0@shop.example", "delivered.late.1@shop.example"]);
}

#[tokio::test]
async fn scans_in_their_order_give_mails_in_their_order() {
    let despatched = ShipmentDespatched { scan: Some(scan("soon", 1, 1)) };
    let delivered = ShipmentDelivered { scan: Some(scan("soon", 1, 1)) };
    let (_, sent) = at_once("soon", &despatched, &delivered).await;
    assert_eq!(sent, ["despatched", "delivered"]);
}

#[tokio::test]
async fn an_unsubscribed_customer_gets_only_what_the_order_needs() {
    let mail = sandbox().await;
    let env = env(&mail).await;
    env.deliver(&accepted(order("first"))).await;
    env.expect::<NotificationSent>("first").await;
    env.deliver(&Unsubscribed { order_id: "first".into() }).await;
    env.quiet().await;
    // The same customer's next order, with the address written another way: the address counts, not the order.
    let mut next = order("next");
    next.customer.as_mut().expect("a customer").email = "Zoe@Example.com".into();
    env.deliver(&accepted(next)).await;
    env.expect::<NotificationSent>("next").await;
    env.quiet().await;
    for order_id in ["first", "next"] {
        env.deliver(&review(order_id, 0)).await;
        env.deliver(&ShipmentDelivered { scan: Some(scan(order_id, 1, 1)) }).await;
    }
    eventually("both deliveries", async || {
        let first = env.count::<NotificationSent>("first").await;
        let next = env.count::<NotificationSent>("next").await;
        (first == 2 && next == 2).then_some(())
    })
    .await;
    env.quiet().await;
    assert_eq!(messages(&mail, "first"), ["accepted.first.0@shop.example", "delivered.first.1@shop.example"]);
    assert_eq!(messages(&mail, "next"), ["accepted.next.0@shop.example", "delivered.next.1@shop.example"]);
}

#[tokio::test]
async fn a_second_scan_of_the_same_kind_says_nothing_new() {
    let mail = sandbox().await;
    let env = env(&mail).await;
    env.deliver(&accepted(order("scans"))).await;
    env.deliver(&ShipmentDespatched { scan: Some(scan("scans", 1, 1)) }).await;
    env.deliver(&ShipmentDespatched { scan: Some(scan("scans", 1, 1)) }).await;
    eventually("both messages", async || (env.count::<NotificationSent>("scans").await == 2).then_some(()))
        .await;
    env.quiet().await;
    assert_eq!(env.count::<NotificationSent>("scans").await, 2);
    assert_eq!(mail.counts().distinct_mails, 2);
}

#[tokio::test]
async fn a_mail_server_that_is_down_for_an_hour_gets_every_mail_afterwards() {
    const ORDERS: usize = 20;
    let mail = sandbox().await;
    let down = Rates { outage: 1.0, ..Rates::default() };
    mail.set_faults(Faults { rates: [(Operation::Mail, down)].into(), ..Faults::none() }).unwrap();
    let env = env(&mail).await;
    for number in 0..ORDERS {
        env.deliver(&accepted(order(&format!("o-{number}")))).await;
    }
    let db = env.db().await;
    // The breaker's state, its probes, and the mails that it holds.
    let breaker = async || -> (String, i32, usize) {
        let sql = "select state, probes, (select count(*) from notifications.retry where held_by = 'smtp')
                     from notifications.breaker where provider = 'smtp'";
        let row = db.query_one(sql, &[]).await.unwrap();
        (row.get(0), row.get(1), usize::try_from(row.get::<_, i64>(2)).unwrap())
    };
    eventually("every mail is held", async || {
        let (state, _, held) = breaker().await;
        (state == "open" && held == ORDERS).then_some(())
    })
    .await;
    for _ in 0..6 {
        let (_, probes, _) = breaker().await;
        env.advance(Duration::from_secs(600)).await;
        eventually("one mail probes", async || (breaker().await.1 > probes).then_some(())).await;
    }
    assert_eq!(mail.counts().mails, 0);
    mail.set_faults(Faults::none()).unwrap();
    env.advance(Duration::from_secs(60)).await;
    for number in 0..ORDERS {
        env.expect::<NotificationSent>(&format!("o-{number}")).await;
    }
    env.quiet().await;
    let counts = mail.counts();
    assert_eq!((counts.mails, counts.distinct_mails), (20, 20));
    assert!(env.messages("dead.>").await.is_empty(), "no mail is given up");
    let attempts = "select max(attempts) from notifications.journal where handler = 'notifications.notify'";
    assert_eq!(db.query_one(attempts, &[]).await.unwrap().get::<_, i32>(0), 1, "an outage costs no attempt");
}
