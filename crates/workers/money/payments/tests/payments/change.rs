//! Orders that change after they were accepted: the newest is captured, and a paid one is settled to its total.

use despatch_contracts::order::{Order, OrderChanged, OrderExtended, Tender, TenderState};
use despatch_contracts::payment::{PaymentCaptured, PaymentRefunded, RefundApproved, RefundReported};
use despatch_sandbox::{Fault, Operation};
use despatch_testkit::{eventually, order};
use futures_util::future::join_all;
use prost::Message as _;

use crate::checkout::{Checkout, PRICE, reference};
use crate::partial::part;
use crate::refunds::{captured, refund, void};

/// The order after the shop took so much off what its first tender paid.
pub(crate) fn less(order: &Order, off: i64) -> Order {
    let mut order = order.clone();
    order.total_minor -= off;
    let tender = &mut order.tenders[0];
    if tender.authorised_minor == 0 {
        tender.authorised_minor = tender.amount_minor;
    }
    tender.amount_minor -= off;
    order
}

/// The event that the order is this one now.
pub(crate) fn changed(order: &Order, change: u32) -> OrderChanged {
    OrderChanged { order: Some(order.clone()), change, ..OrderChanged::default() }
}

pub(crate) fn extended(order: &Order, change: u32) -> OrderExtended {
    OrderExtended { order: Some(order.clone()), change }
}

pub(crate) fn shop(minor: i64) -> Tender {
    Tender {
        provider: "shop".to_owned(),
        amount_minor: minor,
        currency: "USD".to_owned(),
        state: TenderState::Captured.into(),
        ..Tender::default()
    }
}

/// An order that was paid in the shop and is recorded so.
pub(crate) async fn paid_in_shop(checkout: &Checkout, order_id: &str) -> Order {
    let order = Order { tenders: vec![shop(PRICE)], ..order(order_id) };
    checkout.reserve(&order).await;
    checkout.env.expect::<PaymentCaptured>(order_id).await;
    order
}

/// The shop's word that it gave this much back.
pub(crate) fn gave_back(order: &Order, reference: &str, minor: i64) -> RefundReported {
    RefundReported {
        order_id: order.order_id.clone(),
        provider: "shop".to_owned(),
        reference: reference.to_owned(),
        amount_minor: minor,
        currency: "USD".to_owned(),
        refund_id: String::new(),
    }
}

/// The amounts of the order's refunds in this state, by their ids.
pub(crate) async fn refunds(checkout: &Checkout, order: &Order, state: &str) -> Vec<(String, i64)> {
    let payment = checkout.payment(order).await.unwrap();
    let refunds = payment.refunds.into_iter().filter(|it| it.state == state);
    refunds.map(|it| (it.refund_id, it.amount_minor)).collect()
}

/// How much the shop keeps of the order, in minor units.
pub(crate) async fn kept(checkout: &Checkout, order: &Order) -> i64 {
    let tenders = checkout.payment(order).await.unwrap().tenders;
    tenders.iter().map(|it| it.captured_minor - it.refunded_minor).sum()
}

#[tokio::test]
async fn an_order_that_changed_before_its_capture_is_captured_as_it_is_now() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    let newest = less(&order, 3000);
    checkout.env.deliver(&changed(&newest, 5)).await;
    // An older change comes late.
    checkout.env.deliver(&changed(&less(&order, 1000), 4)).await;
    checkout.env.quiet().await;
    checkout.fault(Operation::Capture, &order, Fault::Timeout, 1);
    checkout.reserve(&order).await;
    let captured: PaymentCaptured = checkout.env.expect("o-1").await;
    checkout.env.quiet().await;
    assert_eq!((captured.amount_minor, captured.order), (PRICE - 3000, Some(newest)));
    let counts = checkout.counts(&order);
    assert_eq!((counts.captures, counts.captured_minor, counts.refunds), (1, PRICE - 3000, 0));
    assert!(checkout.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn what_a_paid_order_does_not_cost_any_more_goes_back_once() {
    let checkout = Checkout::open().await;
    let order = captured(&checkout, "o-1").await;
    checkout.fault(Operation::Refund, &order, Fault::Timeout, 1);
    checkout.env.deliver(&changed(&less(&order, 3000), 5)).await;
    let refunded: PaymentRefunded = checkout.env.expect("o-1").await;
    assert_eq!(
        (&*refunded.refund_id, refunded.amount_minor, &*refunded.reason),
        ("change-5", 3000, "order-changed")
    );
    // The same change under another event id, and an older one.
    checkout.env.deliver(&changed(&less(&order, 3000), 5)).await;
    checkout.env.deliver(&changed(&less(&order, 4000), 4)).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.counts(&order).refunded_minor, 3000);
    // A newer one gives back the rest of what was taken off. A goodwill refund counts too.
    checkout.env.deliver(&part(&order, "r-1", 500)).await;
    checkout.env.quiet().await;
    checkout.env.deliver(&changed(&less(&order, 4000), 6)).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.counts(&order).refunded_minor, 4000);
    assert_eq!(kept(&checkout, &order).await, PRICE - 4000);
    assert!(checkout.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_change_while_the_payment_is_captured_is_settled() {
    let checkout = Checkout::open().await;
    checkout.run().await;
    let ids: Vec<String> = (0..24).map(|n| format!("o-{n}")).collect();
    let orders = join_all(ids.iter().map(async |id| {
        let order = checkout.order(id).await;
        tokio::join!(checkout.reserve(&order), async {
            checkout.env.deliver(&changed(&less(&order, 3000), 5)).await;
        });
        order
    }))
    .await;
    checkout.env.quiet().await;
    for order in orders {
        let counts = checkout.counts(&order);
        assert_eq!(counts.captured_minor - counts.refunded_minor, PRICE - 3000, "{counts:?}");
        assert_eq!(kept(&checkout, &order).await, PRICE - 3000, "{counts:?}");
        assert_eq!(checkout.env.count::<PaymentCaptured>(&order.order_id).await, 1);
    }
    assert!(checkout.env.messages("dead.>").await.is_empty());
}

/// Waits until a statement of the worker waits for another transaction.
async fn until_one_waits(checkout: &Checkout) {
    eventually("one waits for the other", async || {
        let sql =
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        checkout.db.query_opt(sql, &[]).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn a_change_and_a_capture_that_are_recorded_at_once_see_each_other() {
    let checkout = Checkout::open().await;
    let mut other = checkout.env.db().await;

    let order = checkout.order("capture-first").await;
    checkout.capture_whole(&order, PRICE).await;
    let capture = other.transaction().await.unwrap();
    let sql = "INSERT INTO payments.tender (order_id, number, provider, authorisation, capture, currency, captured_minor)
               VALUES ($1, 1, 'stripe', $2, 'ch_1', 'USD', $3)";
    capture.execute(sql, &[&order.order_id, &reference(&order), &PRICE]).await.unwrap();
    checkout.env.deliver(&changed(&less(&order, 3000), 5)).await;
    until_one_waits(&checkout).await;
    capture.commit().await.unwrap();
    let refunded: PaymentRefunded = checkout.env.expect("capture-first").await;
    assert_eq!(refunded.amount_minor, 3000);

    let order = checkout.order("change-first").await;
    let newest = less(&order, 3000);
    let change = other.transaction().await.unwrap();
    let sql = "INSERT INTO payments.changed (order_id, change, document) VALUES ($1, 5, $2)";
    change.execute(sql, &[&order.order_id, &newest.encode_to_vec()]).await.unwrap();
    let sql = "INSERT INTO payments.tender (order_id, number, provider, authorisation, capture, currency, captured_minor)
               VALUES ($1, 1, '', '', '', '', 0)";
    change.execute(sql, &[&order.order_id]).await.unwrap();
    checkout.reserve(&order).await;
    until_one_waits(&checkout).await;
    let sql = "DELETE FROM payments.tender WHERE order_id = $1";
    change.execute(sql, &[&order.order_id]).await.unwrap();
    change.commit().await.unwrap();
    let refunded: PaymentRefunded = checkout.env.expect("change-first").await;
    assert_eq!(refunded.amount_minor, 3000);
    let captured: PaymentCaptured = checkout.env.expect("change-first").await;
    assert_eq!((captured.amount_minor, captured.order), (PRICE, Some(newest)));
}

#[tokio::test]
async fn a_capture_that_was_recorded_by_nobody_is_settled_to_the_order_as_it_is_now() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    // A process captured for the change before the newest, and died.
    checkout.capture_whole(&order, PRICE - 1000).await;
    checkout.env.deliver(&changed(&less(&order, 3000), 5)).await;
    checkout.env.quiet().await;
    checkout.reserve(&order).await;
    checkout.env.quiet().await;
    let counts = checkout.counts(&order);
    assert_eq!((counts.captured_minor, counts.refunded_minor), (PRICE - 1000, 2000));
    assert!(checkout.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_change_is_settled_in_the_currency_in_which_the_customer_paid() {
    let checkout = Checkout::open().await;
    let mut order = checkout.order_of("o-1", 16_380, "jpy").await;
    order.presentment_currency = "JPY".to_owned();
    order.presentment_total_minor = 16_380;
    order.tenders[0].currency = "JPY".to_owned();
    order.tenders[0].amount_minor = 16_380;
    checkout.reserve(&order).await;
    checkout.env.expect::<PaymentCaptured>("o-1").await;
    let mut newest = less(&order, 1638);
    newest.presentment_total_minor -= 1638;
    newest.total_minor = PRICE - 1300;
    checkout.env.deliver(&changed(&newest, 5)).await;
    let refunded: PaymentRefunded = checkout.env.expect("o-1").await;
    assert_eq!((refunded.amount_minor, &*refunded.currency), (1638, "JPY"));
}

#[tokio::test]
async fn a_capture_in_the_shop_after_a_change_counts_whichever_event_comes_first() {
    let checkout = Checkout::open().await;
    let with = |id: &str, tender| Order { tenders: vec![tender], ..order(id) };
    let before = |id: &str| with(id, Tender { state: TenderState::Authorised.into(), ..shop(PRICE) });
    let since = |id: &str| with(id, shop(PRICE));
    let ids = ["reserved-first", "change-first", "neither-knows"];
    for id in ids {
        checkout.env.deliver(&changed(&before(id), 3)).await;
    }
    checkout.env.quiet().await;

    checkout.reserve(&since("reserved-first")).await;
    checkout.env.expect::<PaymentCaptured>("reserved-first").await;
    checkout.env.deliver(&changed(&since("reserved-first"), 4)).await;
    checkout.env.deliver(&changed(&since("change-first"), 4)).await;
    checkout.env.quiet().await;
    checkout.reserve(&before("change-first")).await;

    checkout.reserve(&before("neither-knows")).await;
    eventually("the capture waits for the change", async || {
        let waiting =
            "SELECT 1 FROM payments.journal WHERE handler = 'payments.capture' AND state = 'waiting'";
        checkout.db.query_opt(waiting, &[]).await.unwrap()
    })
    .await;
    checkout.env.deliver(&changed(&since("neither-knows"), 4)).await;

    for id in ids {
        checkout.env.expect::<PaymentCaptured>(id).await;
    }
    checkout.env.quiet().await;
    for id in ids {
        assert_eq!(checkout.env.count::<PaymentCaptured>(id).await, 1);
        assert_eq!(checkout.env.count::<RefundApproved>(id).await, 0);
        assert_eq!(kept(&checkout, &since(id)).await, PRICE);
    }
    assert!(checkout.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_change_of_a_cancelled_order_moves_nothing() {
    let checkout = Checkout::open().await;
    let paid = captured(&checkout, "paid").await;
    checkout.env.deliver(&refund(&paid)).await;
    let voided = checkout.order("voided").await;
    checkout.env.deliver(&void(&voided)).await;
    checkout.env.quiet().await;
    for order in [&paid, &voided] {
        checkout.env.deliver(&changed(&less(order, 3000), 5)).await;
        checkout.env.deliver(&extended(&less(order, -3000), 6)).await;
    }
    checkout.reserve(&voided).await;
    checkout.env.quiet().await;
    let (paid, voided) = (checkout.counts(&paid), checkout.counts(&voided));
    assert_eq!((paid.refunds, paid.refunded_minor), (1, PRICE));
    assert_eq!((voided.captures, voided.refunds), (0, 0));
    assert!(checkout.env.messages("dead.>").await.is_empty());
}
