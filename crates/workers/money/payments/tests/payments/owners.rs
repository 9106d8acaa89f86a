//! The owner of a payment: one payment pays for one order, and for the order that it says.

use despatch_contracts::order::{Order, Proof};
use despatch_contracts::payment::{PaymentCaptured, PaymentVoided};
use despatch_payments::provider::AuthorisationStatus;
use despatch_testkit::eventually;

use crate::checkout::{Checkout, PRICE};
use crate::refunds::{refund, void};

/// Makes the order's reference one that a visitor could have set. The sandbox's payment names the order whose customer
/// authorised it.
fn settable(mut order: Order) -> Order {
    let proof = |key: &str, value: &str| Proof { key: key.into(), value: value.into() };
    let proofs = vec![proof("order_number", "1001"), proof("order_id", &order.order_id)];
    order.tenders[0].proofs = proofs;
    order
}

/// An order of somebody who names the payment of `owner`'s order.
fn thief_of(owner: &Order, order_id: &str) -> Order {
    let tenders = owner.tenders.clone();
    settable(Order { tenders, ..despatch_testkit::order(order_id) })
}

#[tokio::test]
async fn a_payment_that_a_visitor_could_name_pays_only_the_order_that_it_names() {
    let checkout = Checkout::open().await;
    for thief_is_first in [true, false] {
        let owner = settable(checkout.order(&format!("owner-{thief_is_first}")).await);
        let thief = thief_of(&owner, &format!("thief-{thief_is_first}"));
        let (first, second) = if thief_is_first { (&thief, &owner) } else { (&owner, &thief) };
        checkout.reserve(first).await;
        checkout.env.quiet().await;
        checkout.reserve(second).await;
        checkout.env.expect::<PaymentCaptured>(&owner.order_id).await;
        let dead = checkout.env.expect_dead(&thief.order_id).await;
        assert_eq!(dead.reason, "payment-unproven");
        assert!(dead.failures[0].error.contains("order_id \"thief-"), "{}", dead.failures[0].error);
        // The thief's order is cancelled: of the owner's money nothing goes back.
        checkout.env.deliver(&void(&thief)).await;
        checkout.env.deliver(&refund(&thief)).await;
        checkout.reserve(&thief).await;
        checkout.env.quiet().await;
        let counts = checkout.counts(&owner);
        assert_eq!(
            (counts.captures, counts.captured_minor, counts.refunds, counts.cancels),
            (1, PRICE, 0, 0)
        );
        assert_eq!(checkout.env.count::<PaymentCaptured>(&thief.order_id).await, 0);
    }
}

#[tokio::test]
async fn cancelling_an_order_voids_no_payment_of_another() {
    let checkout = Checkout::open().await;
    let owner = settable(checkout.order("owner").await);
    let thief = thief_of(&owner, "thief");
    checkout.env.deliver(&void(&thief)).await;
    eventually("the cancellation is noted", async || checkout.payment(&thief).await).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.authorisation_status(&owner).await, AuthorisationStatus::Authorised);
    assert_eq!(checkout.env.count::<PaymentVoided>("thief").await, 0);
    checkout.reserve(&owner).await;
    checkout.env.expect::<PaymentCaptured>("owner").await;
}

/// The shop itself names one payment for many orders, and for one of them it is captured.
#[tokio::test]
async fn of_64_orders_at_once_that_name_one_payment_one_has_it() {
    let checkout = Checkout::open().await;
    checkout.run().await;
    let owner = checkout.order("o-0").await;
    let others = (1..64).map(|n| {
        let tenders = owner.tenders.clone();
        Order { tenders, ..despatch_testkit::order(&format!("o-{n}")) }
    });
    let orders: Vec<Order> = std::iter::once(owner.clone()).chain(others).collect();
    futures_util::future::join_all(orders.iter().map(|order| checkout.reserve(order))).await;
    checkout.env.quiet().await;
    let captured = checkout.env.messages("evt.payment.captured").await;
    assert_eq!(captured.len(), 1);
    let dead = checkout.env.messages("dead.payments.payment-used").await;
    assert_eq!(dead.len(), 63);
    assert_eq!(checkout.counts(&owner).captured_minor, PRICE);
    // The others are cancelled, and nothing of it goes back.
    let winner = captured[0].subject.trim_start_matches("order/").to_owned();
    for order in orders.iter().filter(|order| order.order_id != winner) {
        checkout.env.deliver(&void(order)).await;
        checkout.reserve(order).await;
    }
    checkout.env.quiet().await;
    let counts = checkout.counts(&owner);
    assert_eq!((counts.captures, counts.refunds, counts.cancels), (1, 0, 0));
    assert_eq!(checkout.env.messages("evt.payment.captured").await.len(), 1);
}
