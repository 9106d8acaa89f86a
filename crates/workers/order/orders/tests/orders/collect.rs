//! Orders that their customers collect.

use despatch_contracts::order::CollectionReported;
use despatch_contracts::shipment::{ReadyForPickup, ShipmentCollected};
use despatch_status::{OrderState, ParcelStage};

use crate::fixture::{accepted, captured, env, picked, placed, recorded, status, timeline};

fn noted(id: &str) -> CollectionReported {
    CollectionReported { order_id: id.into(), requested_by: "operator".into(), by: "ann".into() }
}

#[tokio::test]
async fn what_is_ready_is_collected_once() {
    let env = env().await;
    accepted(&env, "o-1").await;
    env.deliver(&captured("o-1")).await;
    env.deliver(&picked("o-1", 1, 1)).await;
    env.quiet().await;
    env.deliver(&noted("o-1")).await;
    env.quiet().await;
    assert_eq!(env.count::<ShipmentCollected>("o-1").await, 0, "nothing is ready");

    let ready = ReadyForPickup { order_id: "o-1".into(), parcel: 1, parcels: 1, ..ReadyForPickup::default() };
    env.deliver(&ready).await;
    env.quiet().await;
    assert_eq!(status(&env, "o-1").await.state, OrderState::Ready);
    env.deliver(&noted("o-1")).await;
    let collected: ShipmentCollected = env.expect("o-1").await;
    assert_eq!((collected.parcel, collected.parcels), (1, 1));
    env.deliver(&noted("o-1")).await;
    env.quiet().await;
    assert_eq!(env.count::<ShipmentCollected>("o-1").await, 1);
    let status = status(&env, "o-1").await;
    assert_eq!((status.state, status.parcels), (OrderState::Delivered, [(1, ParcelStage::Collected)].into()));

    let mut steps = recorded(&env, "o-1").await;
    steps.retain(|(event, ..)| event == "order.collection-reported");
    let reasons: Vec<&str> = steps.iter().map(|(_, _, reason)| reason.as_str()).collect();
    assert_eq!(reasons, ["command-refused", "step-done", "already-applied"]);
    let details = timeline(&env, "o-1").await.into_iter().map(|step| step.detail);
    assert_eq!(details.filter(|detail| detail == "noted by operator ann").count(), 3);
}

#[tokio::test]
async fn a_word_that_overtakes_its_order_waits_for_it() {
    let env = env().await;
    env.deliver(&noted("o-1")).await;
    env.deliver(&placed("o-1")).await;
    env.quiet().await;
    let last = recorded(&env, "o-1").await.pop();
    assert_eq!(
        last.map(|(event, _, reason)| (event, reason)),
        Some(("order.collection-reported".into(), "command-refused".into()))
    );
}
