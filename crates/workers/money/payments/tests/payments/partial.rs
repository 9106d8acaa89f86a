//! Refunds of parts: each has its own id, and together they are never more than was captured.

use std::collections::BTreeMap;

use despatch_contracts::order::Order;
use despatch_contracts::payment::{PaymentRefunded, RefundRefused, RefundRequested};
use despatch_sandbox::{Fault, Operation};
use despatch_testkit::eventually;
use futures_util::future::join_all;
use proptest::prelude::{Strategy as _, any};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use prost::Message as _;

use crate::checkout::{Checkout, PRICE};
use crate::dashboard::changed;
use crate::refunds::{captured, refund};

/// A request for a refund of this much under this id.
pub(crate) fn part(order: &Order, refund_id: &str, minor: i64) -> RefundRequested {
    let currency = if minor == 0 { String::new() } else { "USD".to_owned() };
    RefundRequested { refund_id: refund_id.to_owned(), amount_minor: minor, currency, ..refund(order) }
}

/// The refunds that payments reported of the order, in minor units, by their ids.
pub(crate) async fn reported(checkout: &Checkout, order: &Order) -> BTreeMap<String, i64> {
    let mut reported = BTreeMap::new();
    for message in checkout.env.messages("evt.payment.refunded").await {
        let refund = PaymentRefunded::decode(message.payload).unwrap();
        if refund.order_id == order.order_id {
            reported.insert(refund.refund_id, refund.amount_minor);
        }
    }
    reported
}

#[tokio::test]
async fn two_equal_refunds_are_both_paid_whatever_answers_are_lost() {
    let checkout = Checkout::open().await;
    let order = captured(&checkout, "o-1").await;
    for id in ["r-1", "r-2"] {
        checkout.fault(Operation::Refund, &order, Fault::Timeout, 1);
        checkout.env.deliver(&part(&order, id, 500)).await;
        eventually("it is refunded", async || reported(&checkout, &order).await.get(id).copied()).await;
    }
    // The same id is the same refund, whatever amount it asks for now.
    checkout.env.deliver(&part(&order, "r-2", 700)).await;
    checkout.env.quiet().await;
    let counts = checkout.counts(&order);
    assert_eq!((counts.refunds, counts.refunded_minor), (2, 1000));
    assert_eq!(reported(&checkout, &order).await.values().sum::<i64>(), 1000);
    // The rest goes back with a cancellation.
    checkout.env.deliver(&refund(&order)).await;
    eventually("the rest is refunded", async || {
        reported(&checkout, &order).await.get("cancellation").copied()
    })
    .await;
    checkout.env.quiet().await;
    assert_eq!(checkout.counts(&order).refunded_minor, PRICE);
    assert_eq!(checkout.payment(&order).await.unwrap().tenders[0].refunded_minor, PRICE);
}

#[tokio::test]
async fn refunds_at_once_are_together_no_more_than_was_captured() {
    let checkout = Checkout::open().await;
    checkout.run().await;
    let order = captured(&checkout, "o-1").await;
    let requests: Vec<RefundRequested> = (0..20).map(|n| part(&order, &format!("r-{n}"), 1000)).collect();
    join_all(requests.iter().map(|request| checkout.env.deliver(request))).await;
    checkout.env.quiet().await;
    let counts = checkout.counts(&order);
    assert_eq!((counts.refunds, counts.refunded_minor), (13, PRICE));
    let refused = checkout.env.messages("evt.payment.refund-refused").await;
    assert_eq!(refused.len(), 7);
    let refused = RefundRefused::decode(refused[0].payload.clone()).unwrap();
    assert_eq!(refused.reason, "refund-above-captured");
    assert_eq!(refused.detail, "10.00 USD was asked for, and 0.00 USD of what was captured is left");
    assert!(checkout.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn what_somebody_else_gave_back_is_not_given_back_again() {
    let checkout = Checkout::open().await;
    let order = captured(&checkout, "o-1").await;
    checkout.refund_elsewhere(&order, 10_000).await;
    checkout.env.deliver(&part(&order, "r-1", 5000)).await;
    let refused: RefundRefused = checkout.env.expect("o-1").await;
    assert_eq!((&*refused.refund_id, &*refused.reason), ("r-1", "refunded-elsewhere"));
    let foreign = reported(&checkout, &order).await;
    assert_eq!(foreign.values().copied().collect::<Vec<_>>(), [10_000]);
    // Known by now, so that an amount that is left passes, and everything that is left is what is left.
    checkout.env.deliver(&part(&order, "r-2", 1000)).await;
    eventually("it is refunded", async || reported(&checkout, &order).await.get("r-2").copied()).await;
    checkout.refund_elsewhere(&order, 500).await;
    checkout.env.deliver(&refund(&order)).await;
    let rest = eventually("the rest is refunded", async || {
        reported(&checkout, &order).await.get("cancellation").copied()
    });
    assert_eq!(rest.await, 1500);
    checkout.env.quiet().await;
    assert_eq!(checkout.counts(&order).refunded_minor, PRICE);
    assert_eq!(checkout.payment(&order).await.unwrap().tenders[0].refunded_minor, PRICE);
    assert!(checkout.env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_refund_in_another_currency_or_without_an_id_moves_nothing() {
    let checkout = Checkout::open().await;
    let order = captured(&checkout, "o-1").await;
    checkout.env.deliver(&RefundRequested { currency: "EUR".into(), ..part(&order, "r-1", 100) }).await;
    let refused: RefundRefused = checkout.env.expect("o-1").await;
    assert_eq!(refused.reason, "refund-above-captured");
    checkout.env.deliver(&part(&order, "", 100)).await;
    assert_eq!(checkout.env.expect_dead("o-1").await.reason, "amount-invalid");
    assert_eq!(checkout.counts(&order).refunds, 0);
}

/// Something that happens to an order's money.
#[derive(Debug, Clone, Copy)]
enum Step {
    Refund { id: u8, minor: i64 },
    Rest,
    Elsewhere { minor: i64 },
    Lose(Fault),
    Event,
}

/// Refunds are asked for, lost and made elsewhere, in any order and at once. The records are the provider's, to the cent.
#[tokio::test]
async fn the_records_are_the_provider_s_whatever_comes() {
    let checkout = Checkout::open().await;
    checkout.run().await;
    let step = proptest::prop_oneof![
        6 => (0_u8..6, 1_i64..6000).prop_map(|(id, minor)| Step::Refund { id, minor }),
        1 => any::<()>().prop_map(|()| Step::Rest),
        2 => (1_i64..3000).prop_map(|minor| Step::Elsewhere { minor }),
        2 => any::<()>().prop_map(|()| Step::Event),
        2 => proptest::sample::select(vec![Fault::Timeout, Fault::ServerError, Fault::RateLimited]).prop_map(Step::Lose),
    ];
    let histories = proptest::collection::vec(step, 1..10);
    let mut runner = TestRunner::deterministic();
    let cases = (0..24).map(|n| (n, histories.new_tree(&mut runner).unwrap().current()));
    let orders = join_all(cases.map(async |(n, history)| {
        let order = captured(&checkout, &format!("o-{n}")).await;
        join_all(history.iter().map(async |step| match *step {
            Step::Refund { id, minor } => {
                checkout.env.deliver(&part(&order, &format!("r-{id}"), minor)).await;
            }
            Step::Rest => {
                checkout.env.deliver(&refund(&order)).await;
            }
            Step::Elsewhere { minor } => checkout.try_refund_elsewhere(&order, minor).await,
            Step::Event => {
                checkout.env.deliver(&changed(&order)).await;
            }
            Step::Lose(fault) => checkout.fault(Operation::Refund, &order, fault, 1),
        }))
        .await;
        (order, history)
    }))
    .await;
    checkout.env.quiet().await;
    // In the end Stripe says that something happened.
    for (order, _) in &orders {
        checkout.env.deliver(&changed(order)).await;
    }
    checkout.env.quiet().await;
    for (order, history) in orders {
        let counts = checkout.counts(&order);
        let tender = checkout.payment(&order).await.unwrap().tenders.remove(0);
        assert_eq!(counts.captured_minor, PRICE, "{history:?}");
        assert_eq!(counts.refunded_minor, tender.refunded_minor, "{history:?}");
        assert!(counts.refunded_minor <= PRICE, "{history:?}");
        assert_eq!(
            reported(&checkout, &order).await.values().sum::<i64>(),
            tender.refunded_minor,
            "{history:?}"
        );
        let open = "select count(*) from payments.refund where order_id = $1 and state = 'approved'";
        let open: i64 = checkout.db.query_one(open, &[&order.order_id]).await.unwrap().get(0);
        assert_eq!(open, 0, "{history:?}");
    }
    assert!(checkout.env.messages("dead.>").await.is_empty());
}
