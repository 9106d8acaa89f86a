//! Random histories of orders that change while their money moves.

use despatch_contracts::order::Order;
use despatch_contracts::payment::{PaymentCaptured, PaymentRefunded};
use despatch_sandbox::{Fault, Operation};
use futures_util::future::join_all;
use proptest::prelude::{Strategy as _, any};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use prost::Message as _;

use crate::change::{changed, extended, gave_back, kept, less, refunds, shop};
use crate::checkout::{Checkout, PRICE};
use crate::dashboard::changed as provider_changed;
use crate::partial::part;
use crate::refunds::refund;

/// Something that happens to the money of an order that changes.
#[derive(Debug, Clone, Copy)]
enum Step {
    Less { minor: i64 },
    More { minor: i64 },
    Goodwill { id: u8, minor: i64 },
    Dashboard { minor: i64 },
    Shop { minor: i64 },
    Cancel,
    Lose(Fault),
    Event,
}

/// An order's history, to compare its records with.
struct History {
    /// The orders of the history's steps, with the number of each change.
    orders: Vec<(Step, Order, u32)>,
    newest: Order,
    /// The amount that people gave back, or asked to give back, without a change.
    by_hand: i64,
    is_cancelled: bool,
}

/// Half of the orders are paid in part in the shop.
async fn history(checkout: &Checkout, order_id: &str, in_shop: i64, steps: &[Step]) -> (Order, History) {
    let mut first = checkout.order_of(order_id, PRICE - in_shop, "usd").await;
    first.tenders[0].amount_minor = PRICE - in_shop;
    first.tenders.push(shop(in_shop));
    let mut newest = first.clone();
    let mut orders = Vec::new();
    let (mut by_hand, mut given, mut is_cancelled) = (0, 0, false);
    for (change, step) in (1..).zip(steps) {
        match *step {
            Step::Less { minor } => newest = less(&newest, minor),
            Step::More { minor } => {
                newest.total_minor += minor;
                newest.tenders[1].amount_minor += minor;
            }
            Step::Goodwill { minor, .. } | Step::Dashboard { minor } => by_hand += minor,
            Step::Shop { minor } if given + minor > in_shop => continue,
            Step::Shop { minor } => {
                given += minor;
                by_hand += minor;
            }
            Step::Cancel => is_cancelled = true,
            Step::Lose(_) | Step::Event => {}
        }
        orders.push((*step, newest.clone(), change));
    }
    (first, History { orders, newest, by_hand, is_cancelled })
}

async fn happens(checkout: &Checkout, first: &Order, (step, order, change): &(Step, Order, u32)) {
    let env = &checkout.env;
    match *step {
        Step::Less { .. } => {
            env.deliver(&changed(order, *change)).await;
        }
        Step::More { .. } => {
            env.deliver(&extended(order, *change)).await;
        }
        Step::Goodwill { id, minor } => {
            env.deliver(&part(first, &format!("r-{id}"), minor)).await;
        }
        Step::Dashboard { minor } => checkout.try_refund_elsewhere(first, minor).await,
        Step::Shop { minor } => {
            env.deliver(&gave_back(first, &format!("shop-{change}"), minor)).await;
        }
        Step::Cancel => {
            env.deliver(&refund(first)).await;
        }
        Step::Lose(fault) => {
            checkout.fault(Operation::Refund, first, fault, 1);
            checkout.fault(Operation::Capture, first, fault, 1);
        }
        Step::Event => {
            env.deliver(&provider_changed(first)).await;
        }
    }
}

/// The shop does what it is asked for, in two parts.
async fn shop_obeys(checkout: &Checkout, first: &Order, round: usize) -> bool {
    let sql = "SELECT refund_id, refund.amount_minor FROM payments.refund
                 JOIN payments.tender ON tender.order_id = refund.order_id AND number = tender
                WHERE refund.order_id = $1 AND state = 'approved' AND provider = 'shop'";
    let open = checkout.db.query(sql, &[&first.order_id]).await.unwrap();
    for row in &open {
        let (id, minor): (String, i64) = (row.get(0), row.get(1));
        let part = if id.starts_with("r-") { 0 } else { minor / 3 };
        for (n, minor) in [(1, part), (2, minor - part)].into_iter().filter(|(_, minor)| *minor > 0) {
            checkout.env.deliver(&gave_back(first, &format!("{id}-{round}-{n}"), minor)).await;
        }
    }
    !open.is_empty()
}

/// The sum of the refunds that payments reported of the order.
async fn all_reported(checkout: &Checkout, order: &Order) -> i64 {
    let messages = checkout.env.messages("evt.payment.refunded").await;
    let refunds = messages.into_iter().map(|message| PaymentRefunded::decode(message.payload).unwrap());
    refunds.filter(|it| it.order_id == order.order_id).map(|it| it.amount_minor).sum()
}

/// Orders change before, while and after they are captured. People give money back meanwhile, answers are lost, two processes
/// work. The records are the provider's, to the cent, and the shop keeps what the order costs.
#[tokio::test]
async fn whatever_comes_a_changed_order_keeps_its_total() {
    let checkout = Checkout::open().await;
    checkout.run().await;
    let faults = vec![Fault::Timeout, Fault::ServerError, Fault::RateLimited];
    let step = proptest::prop_oneof![
        5 => (1_i64..1500).prop_map(|minor| Step::Less { minor }),
        2 => (1_i64..1500).prop_map(|minor| Step::More { minor }),
        2 => (0_u8..4, 1_i64..800).prop_map(|(id, minor)| Step::Goodwill { id, minor }),
        2 => (1_i64..800).prop_map(|minor| Step::Dashboard { minor }),
        2 => (1_i64..800).prop_map(|minor| Step::Shop { minor }),
        1 => any::<()>().prop_map(|()| Step::Cancel),
        1 => any::<()>().prop_map(|()| Step::Event),
        2 => proptest::sample::select(faults).prop_map(Step::Lose),
    ];
    let histories = (proptest::collection::vec(step, 1..7), 1_usize..7, 2000_i64..6000);
    let mut runner = TestRunner::deterministic();
    let cases = (0..32).map(|n| (n, histories.new_tree(&mut runner).unwrap().current()));
    let orders = join_all(cases.map(async |(n, (steps, early, in_shop))| {
        let (first, history) = history(&checkout, &format!("o-{n}"), in_shop, &steps).await;
        // Before the capture and while it goes on, only the order changes.
        let is_early = |(at, (step, ..)): &(usize, &(Step, Order, u32))| {
            *at < early && matches!(step, Step::Less { .. } | Step::More { .. } | Step::Lose(_))
        };
        let (before, after): (Vec<_>, Vec<_>) = history.orders.iter().enumerate().partition(is_early);
        let before = before.iter().map(|(_, event)| happens(&checkout, &first, event));
        tokio::join!(join_all(before), checkout.reserve(&first));
        checkout.env.expect::<PaymentCaptured>(&first.order_id).await;
        join_all(after.iter().map(|(_, event)| happens(&checkout, &first, event))).await;
        (first, history)
    }))
    .await;
    checkout.env.quiet().await;
    for (first, _) in &orders {
        checkout.env.deliver(&provider_changed(first)).await;
    }
    checkout.env.quiet().await;
    for (first, _) in &orders {
        let mut round = 0;
        while shop_obeys(&checkout, first, round).await {
            round += 1;
            assert!(round < 20, "{} has open refunds for good", first.order_id);
            checkout.env.quiet().await;
        }
    }
    for (first, history) in orders {
        let what =
            format!("{}: {:?}", first.order_id, history.orders.iter().map(|it| it.0).collect::<Vec<_>>());
        let (counts, payment) = (checkout.counts(&first), checkout.payment(&first).await.unwrap());
        let ours = &payment.tenders[0];
        assert_eq!(
            (ours.captured_minor, ours.refunded_minor),
            (counts.captured_minor, counts.refunded_minor),
            "{what}"
        );
        for tender in &payment.tenders {
            assert!(tender.refunded_minor <= tender.captured_minor, "{what}");
        }
        let refunded: i64 = payment.tenders.iter().map(|it| it.refunded_minor).sum();
        assert_eq!(all_reported(&checkout, &first).await, refunded, "{what}");
        assert_eq!(refunds(&checkout, &first, "approved").await, [], "{what}");
        let (kept, total) = (kept(&checkout, &first).await, history.newest.total_minor);
        if history.is_cancelled {
            assert_eq!(kept, 0, "{what}");
        } else {
            assert!(kept <= total && total - history.by_hand <= kept, "{kept} of {total}, {what}");
        }
    }
    let dead = checkout.env.messages("dead.>").await;
    assert!(dead.is_empty(), "{} cases", dead.len());
}
