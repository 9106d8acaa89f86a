//! Orders that their customers collect.

use super::*;

#[test]
fn an_order_for_pickup_has_its_own_last_steps() {
    let mut order = after(1, [Fact::PaymentCaptured]);
    assert_eq!(order.collect().0.reason, Reason::CommandRefused, "nothing is picked");
    order.apply(Fact::Picked(1, EACH)).unwrap();
    assert_eq!(order.collect().0.reason, Reason::CommandRefused, "nothing is ready");
    order.apply(Fact::Parcel(ParcelStage::Ready, 1)).unwrap();
    assert_eq!(order.state(), OrderState::Ready);
    let mut cancelled = order.clone();
    assert_eq!(cancelled.cancel(Reason::CustomerCancelled).to, OrderState::Cancelled);
    assert_eq!(cancelled.collect().0.reason, Reason::CommandRefused);

    let (step, parcels) = order.collect();
    assert_eq!((step.to, step.reason, parcels), (OrderState::Delivered, Reason::StepDone, vec![1]));
    let (again, parcels) = order.collect();
    assert_eq!((again.reason, parcels), (Reason::AlreadyApplied, Vec::new()));
    assert_eq!(order.apply(Fact::Parcel(ParcelStage::Collected, 1)).unwrap().reason, Reason::AlreadyApplied);
    assert_eq!(order.cancel(Reason::CustomerCancelled).reason, Reason::CommandRefused);
    assert!(order.apply(Fact::ReviewEnded).unwrap().enters(OrderState::Completed));
}

#[test]
fn an_order_that_is_collected_and_sent_is_as_far_as_both() {
    let mut order = after(2, [Fact::PaymentCaptured, Fact::Picked(1, EACH), Fact::Picked(2, EACH)]);
    order.apply(Fact::Parcel(ParcelStage::Ready, 1)).unwrap();
    assert_eq!(order.state(), OrderState::Picked);
    order.apply(Fact::Parcel(ParcelStage::Labelled, 2)).unwrap();
    assert_eq!(order.state(), OrderState::Labelled);
    assert_eq!(order.collect().1, [1]);
    assert_eq!(order.cancel(Reason::CustomerCancelled).reason, Reason::CommandRefused, "a part is gone");
    order.apply(Fact::Parcel(ParcelStage::Delivered, 2)).unwrap();
    assert_eq!(order.state(), OrderState::Delivered);
}
