//! Refunds and voids, and their races with the capture.

use despatch_contracts::order::Order;
use despatch_contracts::payment::{
    PaymentCaptured, PaymentRefunded, PaymentVoided, RefundRequested, VoidRequested,
};
use despatch_domain::Reason;
use despatch_payments::provider::Standing;
use despatch_sandbox::{Fault, Operation};
use despatch_testkit::eventually;

use crate::till::{PRICE, Till, reference};

fn refund(order: &Order) -> RefundRequested {
    let reason = Reason::CapturedAfterCancellation.code().into();
    RefundRequested { order_id: order.order_id.clone(), reason }
}

fn void(order: &Order) -> VoidRequested {
    VoidRequested {
        order_id: order.order_id.clone(),
        provider: "stripe".into(),
        reference: reference(order).into(),
        reason: Reason::CustomerCancelled.code().into(),
    }
}

/// An order whose payment was captured.
async fn captured(till: &Till, order_id: &str) -> Order {
    let order = till.order(order_id).await;
    till.reserve(&order).await;
    till.env.expect::<PaymentCaptured>(order_id).await;
    order
}

#[tokio::test]
async fn captured_money_goes_back_once() {
    let till = Till::open().await;
    let order = captured(&till, "o-1").await;
    till.env.deliver(&refund(&order)).await;
    let refunded: PaymentRefunded = till.env.expect("o-1").await;
    assert_eq!((refunded.amount_minor, refunded.currency.as_str()), (PRICE, "USD"));
    assert!(refunded.reference.starts_with("re_"), "{}", refunded.reference);
    assert_eq!(refunded.reason, Reason::CapturedAfterCancellation.code());
    // Asked for once more, under another event id.
    till.env.deliver(&refund(&order)).await;
    till.env.quiet().await;
    assert_eq!(till.env.count::<PaymentRefunded>("o-1").await, 1);
    let counts = till.counts(&order);
    assert_eq!((counts.refunds, counts.refunded_minor), (1, PRICE));
    assert_eq!(till.payment(&order).await.unwrap().refunded_minor, PRICE);
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_looked_up() {
    let till = Till::open().await;
    let (lost, failed) = (captured(&till, "lost").await, captured(&till, "failed").await);
    till.fault(Operation::Refund, &lost, Fault::Timeout, 1);
    till.fault(Operation::Refund, &failed, Fault::ServerError, 1);
    for (order, keys) in [(lost, 1), (failed, 2)] {
        till.env.deliver(&refund(&order)).await;
        till.env.expect::<PaymentRefunded>(&order.order_id).await;
        till.env.quiet().await;
        assert_eq!((till.counts(&order).refunds, till.keys(&order, "refund").await), (1, keys));
    }
}

#[tokio::test]
async fn what_was_never_captured_is_not_refunded() {
    let till = Till::open().await;
    let order = till.order("o-1").await;
    till.env.deliver(&refund(&order)).await;
    assert_eq!(till.env.expect_dead("o-1").await.reason, "command-refused");
    assert_eq!(till.standing(&order).await, Standing::Authorised);
}

#[tokio::test]
async fn a_voided_authorisation_is_not_captured_any_more() {
    let till = Till::open().await;
    let order = till.order("o-1").await;
    till.env.deliver(&void(&order)).await;
    let voided: PaymentVoided = till.env.expect("o-1").await;
    assert_eq!(
        (voided.reference.as_str(), voided.reason.as_str()),
        (reference(&order), "customer-cancelled")
    );
    till.reserve(&order).await;
    till.env.quiet().await;
    assert_eq!(till.env.count::<PaymentVoided>("o-1").await, 1);
    assert_eq!(till.env.count::<PaymentCaptured>("o-1").await, 0);
    assert_eq!(till.env.messages("dead.>").await.len(), 0);
    let counts = till.counts(&order);
    assert_eq!((counts.captures, counts.cancels), (0, 1));
}

#[tokio::test]
async fn a_void_whose_answer_was_lost_is_looked_up() {
    let till = Till::open().await;
    let order = till.order("o-1").await;
    till.fault(Operation::Cancel, &order, Fault::Timeout, 1);
    till.env.deliver(&void(&order)).await;
    till.env.expect::<PaymentVoided>("o-1").await;
    assert_eq!((till.counts(&order).cancels, till.keys(&order, "void").await), (1, 1));
}

#[tokio::test]
async fn a_void_after_the_capture_leaves_the_money_to_be_refunded() {
    let till = Till::open().await;
    let order = captured(&till, "o-1").await;
    till.env.deliver(&void(&order)).await;
    till.env.deliver(&refund(&order)).await;
    till.env.expect::<PaymentRefunded>("o-1").await;
    till.env.quiet().await;
    assert_eq!(till.env.count::<PaymentVoided>("o-1").await, 0);
}

/// The worker captured and died before it could say so; then the order was cancelled.
#[tokio::test]
async fn a_capture_that_the_void_came_too_late_for_is_still_told() {
    let till = Till::open().await;
    let order = till.order("o-1").await;
    till.capture_elsewhere(&order).await.unwrap();
    till.env.deliver(&void(&order)).await;
    eventually("the cancellation is noted", async || till.payment(&order).await).await;
    till.reserve(&order).await;
    let captured: PaymentCaptured = till.env.expect("o-1").await;
    assert_eq!(captured.amount_minor, PRICE);
    till.env.deliver(&refund(&order)).await;
    till.env.expect::<PaymentRefunded>("o-1").await;
    till.env.quiet().await;
    assert_eq!(till.env.count::<PaymentVoided>("o-1").await, 0);
    let counts = till.counts(&order);
    assert_eq!((counts.captures, counts.refunds), (1, 1));
}
