//! Cancellation: when it is allowed, what is released and refunded, and its answer in the timeline.

use despatch_contracts::order::{
    Fulfilment, OrderAccepted, OrderCancelRequested, OrderCancelled, OrderCompleted, OrderPlaced,
};
use despatch_contracts::payment::{PaymentCaptured, RefundRequested, VoidRequested};
use despatch_status::OrderState;

use crate::fixture::{
    accepted, cancel, captured, despatched, env, labelled, recorded, reserved, status, timeline,
};

#[tokio::test]
async fn before_the_capture_the_authorisation_is_let_go() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&reserved("o-1")).await;
    env.quiet().await;
    env.deliver(&cancel("o-1")).await;
    let cancelled: OrderCancelled = env.expect("o-1").await;
    assert_eq!(cancelled.reason, "customer-cancelled");
    let void: VoidRequested = env.expect("o-1").await;
    assert_eq!(void.tenders, despatch_testkit::order("o-1").tenders);
    env.quiet().await;
    assert_eq!(env.count::<OrderCancelled>("o-1").await, 1);
    assert_eq!(env.count::<VoidRequested>("o-1").await, 1);
    assert_eq!(env.count::<RefundRequested>("o-1").await, 0);
    let last = timeline(&env, "o-1").await.pop().expect("an entry");
    assert_eq!((last.from, last.to), (Some(OrderState::Reserved), OrderState::Cancelled));
    assert_eq!(last.detail, "asked for by customer: changed my mind");
}

#[tokio::test]
async fn a_capture_that_was_under_way_is_refunded_once() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&cancel("o-1")).await;
    env.expect::<OrderCancelled>("o-1").await;
    // Two captures by different events would be a bug elsewhere, and still lead to one refund.
    env.deliver(&captured("o-1")).await;
    env.deliver(&captured("o-1")).await;
    let refund: RefundRequested = env.expect("o-1").await;
    assert_eq!(refund.reason, "captured-after-cancellation");
    env.quiet().await;
    assert_eq!(env.count::<RefundRequested>("o-1").await, 1);
    assert_eq!(status(&env, "o-1").await.state, OrderState::Cancelled);
}

#[tokio::test]
async fn after_the_capture_the_money_goes_back() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&captured("o-1")).await;
    env.deliver(&labelled("o-1", 1, 1)).await;
    env.quiet().await;
    let request = OrderCancelRequested { reason: "stock-short".into(), by: "ann".into(), ..cancel("o-1") };
    env.deliver(&request).await;
    let refund: RefundRequested = env.expect("o-1").await;
    assert_eq!(refund.reason, "stock-short", "a reason of the registry is kept");
    env.quiet().await;
    assert_eq!(env.count::<RefundRequested>("o-1").await, 1);
    assert_eq!(env.count::<VoidRequested>("o-1").await, 0);

    env.deliver(&request).await;
    env.quiet().await;
    assert_eq!(env.count::<OrderCancelled>("o-1").await, 1);
    let recorded = recorded(&env, "o-1").await;
    let again = ("order.cancel-requested".into(), OrderState::Cancelled, "already-applied".into());
    assert_eq!(recorded.last(), Some(&again));
    let last = timeline(&env, "o-1").await.pop().expect("an entry");
    assert_eq!(last.detail, "asked for by customer ann: stock-short");
}

#[tokio::test]
async fn once_a_parcel_has_left_the_command_is_refused_and_told() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&despatched("o-1", 1, 2)).await;
    env.quiet().await;
    env.deliver(&cancel("o-1")).await;
    env.quiet().await;
    assert_eq!(env.count::<OrderCancelled>("o-1").await, 0);
    let recorded = recorded(&env, "o-1").await;
    let refused = ("order.cancel-requested".into(), OrderState::Accepted, "command-refused".into());
    assert_eq!(recorded.last(), Some(&refused));
}

#[tokio::test]
async fn a_parcel_that_leaves_all_the_same_is_a_case() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&cancel("o-1")).await;
    env.expect::<OrderCancelled>("o-1").await;
    env.deliver(&despatched("o-1", 1, 1)).await;
    assert_eq!(env.expect_dead("o-1").await.reason, "unexpected-fact");
}

#[tokio::test]
async fn a_command_that_overtakes_its_order_waits_for_it() {
    let env = env().await;
    env.deliver(&cancel("o-1")).await;
    accepted(&env, "o-1").await;
    env.expect::<OrderCancelled>("o-1").await;
    env.quiet().await;
    assert_eq!(env.count::<OrderCancelled>("o-1").await, 1);
}

#[tokio::test]
async fn what_needs_no_parcel_is_cancelled_by_the_shop_and_not_by_its_customer() {
    let env = env().await;
    let mut download = despatch_testkit::order("o-1");
    download.lines.iter_mut().for_each(|line| line.set_fulfilment(Fulfilment::Digital));
    env.deliver(&OrderPlaced { order: Some(download.clone()) }).await;
    env.expect::<OrderAccepted>("o-1").await;
    env.deliver(&PaymentCaptured { order: Some(download), ..PaymentCaptured::default() }).await;
    env.expect::<OrderCompleted>("o-1").await;
    env.deliver(&cancel("o-1")).await;
    env.quiet().await;
    assert_eq!(status(&env, "o-1").await.state, OrderState::Completed);
    let by_shop = OrderCancelRequested { requested_by: "north".into(), ..cancel("o-1") };
    env.deliver(&by_shop).await;
    env.expect::<OrderCancelled>("o-1").await;
    env.expect::<RefundRequested>("o-1").await;
    assert_eq!(status(&env, "o-1").await.state, OrderState::Cancelled);
}
