//! Refunds and voids, and their races with the capture.

use despatch_contracts::order::Order;
use despatch_contracts::payment::{
    PaymentCaptured, PaymentRefunded, PaymentVoided, RefundRequested, VoidRequested,
};
use despatch_domain::Reason;
use despatch_payments::provider::AuthorisationStatus;
use despatch_read_model::payments::refunded_since;
use despatch_sandbox::{Fault, Operation};

use crate::checkout::{Checkout, PRICE, reference};

pub(crate) fn refund(order: &Order) -> RefundRequested {
    let reason = Reason::CapturedAfterCancellation.code().into();
    let refund_id = "cancellation".into();
    RefundRequested { order_id: order.order_id.clone(), reason, refund_id, ..RefundRequested::default() }
}

pub(crate) fn void(order: &Order) -> VoidRequested {
    VoidRequested {
        order_id: order.order_id.clone(),
        reason: Reason::CustomerCancelled.code().into(),
        tenders: order.tenders.clone(),
    }
}

/// An order whose payment was captured.
pub(crate) async fn captured(checkout: &Checkout, order_id: &str) -> Order {
    let order = checkout.order(order_id).await;
    checkout.reserve(&order).await;
    checkout.env.expect::<PaymentCaptured>(order_id).await;
    order
}

#[tokio::test]
async fn captured_money_goes_back_once() {
    let checkout = Checkout::open().await;
    let order = captured(&checkout, "o-1").await;
    checkout.env.deliver(&refund(&order)).await;
    let refunded: PaymentRefunded = checkout.env.expect("o-1").await;
    assert_eq!((refunded.amount_minor, refunded.currency.as_str()), (PRICE, "USD"));
    assert!(refunded.reference.starts_with("re_"), "{}", refunded.reference);
    assert_eq!(refunded.reason, Reason::CapturedAfterCancellation.code());
    // Asked for once more, under another event id.
    checkout.env.deliver(&refund(&order)).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.env.count::<PaymentRefunded>("o-1").await, 1);
    let counts = checkout.counts(&order);
    assert_eq!((counts.refunds, counts.refunded_minor), (1, PRICE));
    let refunded = checkout.payment(&order).await.unwrap();
    assert_eq!(refunded.tenders[0].refunded_minor, PRICE);
    let at = refunded.refunds[0].made_at.unwrap();
    let since = async |at| refunded_since(&checkout.db, at).await.unwrap();
    assert_eq!(since(at).await, [("USD".to_owned(), PRICE)]);
    assert_eq!(since(at + jiff::SignedDuration::from_millis(1)).await, []);
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_looked_up() {
    let checkout = Checkout::open().await;
    let (lost, failed) = (captured(&checkout, "lost").await, captured(&checkout, "failed").await);
    checkout.fault(Operation::Refund, &lost, Fault::Timeout, 1);
    checkout.fault(Operation::Refund, &failed, Fault::ServerError, 1);
    for (order, keys) in [(lost, 1), (failed, 2)] {
        checkout.env.deliver(&refund(&order)).await;
        checkout.env.expect::<PaymentRefunded>(&order.order_id).await;
        checkout.env.quiet().await;
        assert_eq!((checkout.counts(&order).refunds, checkout.keys(&order, "refund").await), (1, keys));
    }
}

#[tokio::test]
async fn what_was_never_captured_is_not_refunded() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    checkout.env.deliver(&refund(&order)).await;
    assert_eq!(checkout.env.expect_dead("o-1").await.reason, "command-refused");
    assert_eq!(checkout.authorisation_status(&order).await, AuthorisationStatus::Authorised);
}

#[tokio::test]
async fn a_voided_authorisation_is_not_captured_any_more() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    checkout.env.deliver(&void(&order)).await;
    let voided: PaymentVoided = checkout.env.expect("o-1").await;
    assert_eq!(
        (voided.reference.as_str(), voided.reason.as_str()),
        (reference(&order), "customer-cancelled")
    );
    checkout.reserve(&order).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.env.count::<PaymentVoided>("o-1").await, 1);
    assert_eq!(checkout.env.count::<PaymentCaptured>("o-1").await, 0);
    assert_eq!(checkout.env.messages("dead.>").await.len(), 0);
    let counts = checkout.counts(&order);
    assert_eq!((counts.captures, counts.cancels), (0, 1));
}

#[tokio::test]
async fn a_void_whose_answer_was_lost_is_looked_up() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    checkout.fault(Operation::Cancel, &order, Fault::Timeout, 1);
    checkout.env.deliver(&void(&order)).await;
    checkout.env.expect::<PaymentVoided>("o-1").await;
    assert_eq!((checkout.counts(&order).cancels, checkout.keys(&order, "void").await), (1, 1));
}

#[tokio::test]
async fn a_void_after_the_capture_leaves_the_money_to_be_refunded() {
    let checkout = Checkout::open().await;
    let order = captured(&checkout, "o-1").await;
    checkout.env.deliver(&void(&order)).await;
    checkout.env.deliver(&refund(&order)).await;
    checkout.env.expect::<PaymentRefunded>("o-1").await;
    checkout.env.quiet().await;
    assert_eq!(checkout.env.count::<PaymentVoided>("o-1").await, 0);
}

/// The worker captured and died before it could record it. Then the order was cancelled.
#[tokio::test]
async fn a_capture_that_the_void_came_too_late_for_is_refunded() {
    let checkout = Checkout::open().await;
    let order = checkout.order("o-1").await;
    checkout.capture_elsewhere(&order).await.unwrap();
    checkout.env.deliver(&void(&order)).await;
    let refunded: PaymentRefunded = checkout.env.expect("o-1").await;
    assert_eq!(refunded.amount_minor, PRICE);
    // The stock's reservation and the orders' own request come late.
    checkout.reserve(&order).await;
    checkout.env.deliver(&refund(&order)).await;
    checkout.env.quiet().await;
    assert_eq!(checkout.env.count::<PaymentVoided>("o-1").await, 0);
    let counts = checkout.counts(&order);
    assert_eq!((counts.captures, counts.refunds), (1, 1));
}
