//! An order's way, in order and out of order, to each of its ends.

use despatch_contracts::Event;
use despatch_contracts::notification::NotificationSkipped;
use despatch_contracts::order::{OrderCompleted, OrderReturned};
use despatch_contracts::review::ReviewLapsed;
use despatch_contracts::shipment::{ShipmentFailed, ShipmentReturned};
use despatch_contracts::stock::StockReleased;
use despatch_orders::store;
use despatch_status::{OrderState, ParcelStage};
use despatch_testkit::TestEnv;

use crate::fixture::{
    accepted, captured, delivered, despatched, env, labelled, picked, placed, recorded, reserved, reviewed,
    scan, status, timeline,
};

/// Delivers an event and waits until it is handled.
async fn deliver(env: &TestEnv, event: &impl Event) {
    env.deliver(event).await;
    env.quiet().await;
}

#[tokio::test]
async fn each_step_moves_the_order_and_is_recorded() {
    let env = env().await;
    accepted(&env, "o-1").await;
    deliver(&env, &reserved("o-1")).await;
    deliver(&env, &captured("o-1")).await;
    deliver(&env, &picked("o-1", 1, 1)).await;
    deliver(&env, &labelled("o-1", 1, 1)).await;
    deliver(&env, &despatched("o-1", 1, 1)).await;
    deliver(&env, &delivered("o-1", 1, 1)).await;
    deliver(&env, &reviewed("o-1")).await;

    let steps = [
        ("order.placed", OrderState::Accepted, "order-valid"),
        ("stock.reserved", OrderState::Reserved, "step-done"),
        ("payment.captured", OrderState::Paid, "step-done"),
        ("stock.picked", OrderState::Picked, "step-done"),
        ("label.created", OrderState::Labelled, "step-done"),
        ("shipment.despatched", OrderState::Despatched, "step-done"),
        ("shipment.delivered", OrderState::Delivered, "step-done"),
        ("review.received", OrderState::Completed, "all-done"),
    ];
    let steps = steps.map(|(event, state, reason)| (event.to_owned(), state, reason.to_owned()));
    assert_eq!(recorded(&env, "o-1").await, steps);
    let timeline = timeline(&env, "o-1").await;
    assert!(timeline.windows(2).all(|pair| pair[1].from == Some(pair[0].to) && pair[0].at <= pair[1].at));
    assert_eq!(timeline[2].detail, "130.00 USD, ch_1");
    assert_eq!(timeline[4].detail, "parcel 1 of 1, own ground DH-1");

    assert_eq!(env.count::<OrderCompleted>("o-1").await, 1);
    let status = status(&env, "o-1").await;
    assert_eq!((status.state, status.parcels), (OrderState::Completed, [(1, ParcelStage::Delivered)].into()));
    assert!(status.completed_at.is_some_and(|at| at <= status.updated_at));
    let counts = store::counts_by_state(&env.db().await).await.unwrap();
    assert_eq!(counts, [(OrderState::Completed, 1)]);
}

#[tokio::test]
async fn everything_backwards_and_at_once_completes_the_order_too() {
    let env = env().await;
    env.deliver(&ReviewLapsed { order_id: "o-1".into() }).await;
    for parcel in [2, 1] {
        env.deliver(&delivered("o-1", parcel, 2)).await;
        // The despatch of parcel 2 was never scanned.
        if parcel == 1 {
            env.deliver(&despatched("o-1", parcel, 2)).await;
        }
        env.deliver(&labelled("o-1", parcel, 2)).await;
        env.deliver(&picked("o-1", parcel, 2)).await;
    }
    env.deliver(&captured("o-1")).await;
    env.deliver(&reserved("o-1")).await;
    env.deliver(&placed("o-1")).await;

    env.expect::<OrderCompleted>("o-1").await;
    env.quiet().await;
    assert_eq!(env.count::<OrderCompleted>("o-1").await, 1);
    assert_eq!(timeline(&env, "o-1").await.len(), 11, "each event is recorded once");
    assert_eq!(status(&env, "o-1").await.state, OrderState::Completed);
}

#[tokio::test]
async fn a_failed_delivery_is_a_case_and_does_not_stop_the_next_try() {
    let env = env().await;
    accepted(&env, "o-1").await;
    deliver(&env, &picked("o-1", 1, 1)).await;
    deliver(&env, &despatched("o-1", 1, 1)).await;
    env.deliver(&ShipmentFailed { scan: Some(scan("o-1", 1, 1)) }).await;
    let dead = env.expect_dead("o-1").await;
    assert_eq!(dead.reason, "delivery-failed");
    let error = &dead.failures.last().expect("a failure").error;
    assert_eq!(error, "unexpected shipment.failed: the order is despatched");

    deliver(&env, &delivered("o-1", 1, 1)).await;
    deliver(&env, &ShipmentFailed { scan: Some(scan("o-1", 1, 1)) }).await;
    let recorded = recorded(&env, "o-1").await;
    assert_eq!(
        recorded.last(),
        Some(&("shipment.failed".into(), OrderState::Delivered, "already-applied".into()))
    );
}

#[tokio::test]
async fn a_parcel_that_comes_back_returns_the_order_once() {
    let env = env().await;
    accepted(&env, "o-1").await;
    deliver(&env, &despatched("o-1", 1, 2)).await;
    for parcel in [1, 2] {
        deliver(&env, &ShipmentReturned { scan: Some(scan("o-1", parcel, 2)) }).await;
    }
    let returned: OrderReturned = env.expect("o-1").await;
    assert_eq!(returned.reason, "parcel-returned");
    assert_eq!(env.count::<OrderReturned>("o-1").await, 1);
    let status = status(&env, "o-1").await;
    assert_eq!(
        (status.state, status.parcels),
        (OrderState::Returned, [(1, ParcelStage::Returned), (2, ParcelStage::Returned)].into())
    );
}

#[tokio::test]
async fn a_reservation_that_lapses_takes_the_order_back() {
    let env = env().await;
    accepted(&env, "o-1").await;
    deliver(&env, &reserved("o-1")).await;
    deliver(&env, &StockReleased { order_id: "o-1".into(), reason: "reservation-expired".into() }).await;
    let recorded = recorded(&env, "o-1").await;
    let lapsed = ("stock.released".into(), OrderState::Accepted, "reservation-expired".into());
    assert_eq!(recorded.last(), Some(&lapsed));
}

#[tokio::test]
async fn words_that_postgres_cannot_hold_stop_nothing() {
    let env = env().await;
    accepted(&env, "o-1").await;
    deliver(&env, &picked("o-1", 1, 1)).await;
    let mut despatched = despatched("o-1", 1, 1);
    despatched.scan.as_mut().expect("a scan").detail = "left\0 the depot".into();
    deliver(&env, &despatched).await;
    assert_eq!(status(&env, "o-1").await.state, OrderState::Despatched);
}

#[tokio::test]
async fn a_mail_that_nobody_can_get_is_in_the_timeline() {
    let env = env().await;
    accepted(&env, "o-1").await;
    let (milestone, reason) = ("accepted".into(), "no-mail-address".into());
    deliver(&env, &NotificationSkipped { order_id: "o-1".into(), milestone, reason }).await;
    let recorded = recorded(&env, "o-1").await;
    let skipped = ("notification.skipped".into(), OrderState::Accepted, "no-mail-address".into());
    assert_eq!(recorded.last(), Some(&skipped));
    assert_eq!(timeline(&env, "o-1").await[1].detail, "accepted");
}
