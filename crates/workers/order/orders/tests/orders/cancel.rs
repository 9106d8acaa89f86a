//! Calling an order off: when it is allowed, what goes back, and that the answer is in the timeline.

use despatch_contracts::order::{OrderCancelRequested, OrderCancelled};
use despatch_contracts::payment::{RefundRequested, VoidRequested};
use despatch_orders::State;

use crate::story::{accepted, bed, cancel, captured, despatched, labelled, reserved, status, timeline, told};

#[tokio::test]
async fn before_the_capture_the_authorisation_is_let_go() {
    let bed = bed().await;
    accepted(&bed, "o-1").await;
    bed.deliver(&reserved("o-1")).await;
    bed.quiet().await;
    bed.deliver(&cancel("o-1")).await;
    let cancelled: OrderCancelled = bed.expect("o-1").await;
    assert_eq!(cancelled.reason, "customer-cancelled");
    let void: VoidRequested = bed.expect("o-1").await;
    assert_eq!((void.provider.as_str(), void.reference.as_str()), ("instant", "auth-o-1"));
    bed.quiet().await;
    assert_eq!(bed.count::<OrderCancelled>("o-1").await, 1);
    assert_eq!(bed.count::<VoidRequested>("o-1").await, 1);
    assert_eq!(bed.count::<RefundRequested>("o-1").await, 0);
    let last = timeline(&bed, "o-1").await.pop().expect("an entry");
    assert_eq!((last.from, last.to), (Some(State::Reserved), State::Cancelled));
    assert_eq!(last.detail, "asked for by customer: changed my mind");
}

#[tokio::test]
async fn a_capture_that_was_under_way_is_refunded_once() {
    let bed = bed().await;
    accepted(&bed, "o-1").await;
    bed.deliver(&cancel("o-1")).await;
    bed.expect::<OrderCancelled>("o-1").await;
    // Two captures by different events: a bug elsewhere, and still one refund.
    bed.deliver(&captured("o-1")).await;
    bed.deliver(&captured("o-1")).await;
    let refund: RefundRequested = bed.expect("o-1").await;
    assert_eq!(refund.reason, "captured-after-cancellation");
    bed.quiet().await;
    assert_eq!(bed.count::<RefundRequested>("o-1").await, 1);
    assert_eq!(status(&bed, "o-1").await.state, State::Cancelled);
}

#[tokio::test]
async fn after_the_capture_the_money_goes_back() {
    let bed = bed().await;
    accepted(&bed, "o-1").await;
    bed.deliver(&captured("o-1")).await;
    bed.deliver(&labelled("o-1", 1, 1)).await;
    bed.quiet().await;
    let request = OrderCancelRequested { reason: "stock-short".into(), ..cancel("o-1") };
    bed.deliver(&request).await;
    let refund: RefundRequested = bed.expect("o-1").await;
    assert_eq!(refund.reason, "stock-short", "a reason of the registry is kept");
    bed.quiet().await;
    assert_eq!(bed.count::<RefundRequested>("o-1").await, 1);
    assert_eq!(bed.count::<VoidRequested>("o-1").await, 0);

    bed.deliver(&request).await;
    bed.quiet().await;
    assert_eq!(bed.count::<OrderCancelled>("o-1").await, 1);
    let told = told(&bed, "o-1").await;
    let again = ("order.cancel-requested".into(), State::Cancelled, "already-applied".into());
    assert_eq!(told.last(), Some(&again));
}

#[tokio::test]
async fn once_a_parcel_has_left_the_command_is_refused_and_told() {
    let bed = bed().await;
    accepted(&bed, "o-1").await;
    bed.deliver(&despatched("o-1", 1, 2)).await;
    bed.quiet().await;
    bed.deliver(&cancel("o-1")).await;
    bed.quiet().await;
    assert_eq!(bed.count::<OrderCancelled>("o-1").await, 0);
    let told = told(&bed, "o-1").await;
    let refused = ("order.cancel-requested".into(), State::Accepted, "command-refused".into());
    assert_eq!(told.last(), Some(&refused));
}

#[tokio::test]
async fn a_parcel_that_leaves_all_the_same_is_a_case() {
    let bed = bed().await;
    accepted(&bed, "o-1").await;
    bed.deliver(&cancel("o-1")).await;
    bed.expect::<OrderCancelled>("o-1").await;
    bed.deliver(&despatched("o-1", 1, 1)).await;
    assert_eq!(bed.expect_dead("o-1").await.reason, "unexpected-fact");
}

#[tokio::test]
async fn a_command_that_overtakes_its_order_waits_for_it() {
    let bed = bed().await;
    bed.deliver(&cancel("o-1")).await;
    accepted(&bed, "o-1").await;
    bed.expect::<OrderCancelled>("o-1").await;
    bed.quiet().await;
    assert_eq!(bed.count::<OrderCancelled>("o-1").await, 1);
}
