//! Parcels that are voided because their order changed: labels bought are live or voided, whatever came first.

use despatch_contracts::label::{LabelCreated, LabelVoided};
use despatch_contracts::order::{Order, ServiceLevel};
use despatch_contracts::stock::{ParcelVoided, StockPicked};
use despatch_read_model::labels::{LabelFormat, LabelState, document, labels_of, parcel_by_tracking};
use despatch_runtime::{Database, QueryBatcher};
use despatch_sandbox::{Fault, Faults, Operation, Sandbox, Target};
use despatch_testkit::{TestEnv, eventually};

use crate::voids::{bought_and_voided, states};
use crate::{at_level, env, picked, sandbox};

fn voided(order_id: &str, parcel: u32) -> ParcelVoided {
    ParcelVoided { order_id: order_id.into(), parcel, reason: "order-changed".into() }
}

/// The parcel that takes the place of the first of two.
fn made_again(order: Order, number: u32) -> StockPicked {
    let mut picked = picked(order, number, 2);
    picked.parcel.as_mut().expect("a parcel").position = 1;
    picked
}

/// Each label that was bought is live or voided, and these are the live ones.
async fn live(shippo: &Sandbox, env: &TestEnv, order_id: &str) -> Vec<u32> {
    let labels = labels_of(&env.db().await, order_id).await.expect("the table");
    let valid = labels.into_iter().filter(|label| label.state == LabelState::Valid);
    let live: Vec<u32> = valid.map(|label| label.parcel).collect();
    let (bought, voided) = bought_and_voided(shippo, order_id);
    assert_eq!(bought, live.len() as u64 + voided, "labels bought are live or voided");
    live
}

/// Each label as a scan finds it: its parcel, the parcel's place, and how many go.
async fn scanned(env: &TestEnv, order_id: &str) -> Vec<(u32, u32, u32)> {
    let scans = QueryBatcher::start(Database::new(&env.settings().database_url, 1).expect("a URL"));
    let mut found = Vec::new();
    for label in labels_of(&env.db().await, order_id).await.expect("the table") {
        let parcel = parcel_by_tracking(&scans, &label.carrier, &label.tracking_number).await;
        let parcel = parcel.expect("the tables").expect("it is ours");
        found.push((parcel.parcel, parcel.position, parcel.parcels));
    }
    found
}

#[tokio::test]
async fn the_label_of_a_voided_parcel_is_voided_at_the_carrier_and_its_successor_has_one() {
    let shippo = sandbox().await;
    let env = env(Some(&shippo)).await;
    let order = at_level("changed", ServiceLevel::FirstClass);
    for parcel in [1, 2] {
        env.deliver(&picked(order.clone(), parcel, 2)).await;
    }
    env.quiet().await;
    env.deliver(&made_again(order, 3)).await;
    env.deliver(&voided("changed", 1)).await;
    let label: LabelVoided = env.expect("changed").await;
    assert_eq!((label.parcel, label.reason.as_str()), (1, "order-changed"));
    env.quiet().await;
    assert_eq!(live(&shippo, &env, "changed").await, [2, 3]);
    assert_eq!(scanned(&env, "changed").await, [(1, 1, 2), (2, 2, 2), (3, 1, 2)]);
    // The second is empty by now, and nothing takes its place.
    env.deliver(&voided("changed", 2)).await;
    env.quiet().await;
    assert_eq!(scanned(&env, "changed").await, [(1, 1, 1), (2, 2, 1), (3, 1, 1)], "as many as go");
    assert_eq!(
        (env.count::<LabelCreated>("changed").await, env.count::<LabelVoided>("changed").await),
        (3, 2)
    );
}

#[tokio::test]
async fn a_parcel_that_was_voided_before_its_label_gets_none_and_its_successor_does() {
    let shippo = sandbox().await;
    let env = env(Some(&shippo)).await;
    env.deliver(&voided("early", 1)).await;
    env.quiet().await;
    let order = at_level("early", ServiceLevel::FirstClass);
    env.deliver(&picked(order.clone(), 1, 2)).await;
    env.deliver(&made_again(order, 3)).await;
    env.expect::<LabelCreated>("early").await;
    env.quiet().await;
    assert_eq!(live(&shippo, &env, "early").await, [3]);
    assert_eq!(bought_and_voided(&shippo, "early"), (1, 0));
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_parcel_that_is_voided_while_its_label_is_bought_or_in_doubt_costs_nothing() {
    for fault in [Fault::Slow, Fault::Timeout, Fault::ServerError] {
        let shippo = sandbox().await;
        shippo.set_faults(Faults { slow_ms: 2_000, ..Faults::none() }).expect("sound faults");
        shippo.fault_next(Target { operation: Operation::Label, order: "race".into(), fault, times: 1 });
        let env = env(Some(&shippo)).await;
        let order = at_level("race", ServiceLevel::FirstClass);
        env.deliver(&picked(order.clone(), 1, 1)).await;
        let begun = "select from labels.effect where operation = 'label'";
        eventually("the purchase is under way", async || env.db().await.query_opt(begun, &[]).await.unwrap())
            .await;
        env.deliver(&voided("race", 1)).await;
        env.deliver(&made_again(order, 2)).await;
        env.quiet().await;
        assert_eq!(live(&shippo, &env, "race").await, [2], "{fault:?}");
    }
}

#[tokio::test]
async fn a_label_of_our_own_says_the_place_of_its_parcel_and_the_newest_address() {
    let env = env(None).await;
    let mut order = at_level("own", ServiceLevel::SecondClass);
    env.deliver(&picked(order.clone(), 1, 2)).await;
    env.expect::<LabelCreated>("own").await;
    order.ship_to.as_mut().expect("an address").street1 = "9 Newest Street".into();
    env.deliver(&voided("own", 1)).await;
    env.deliver(&made_again(order, 3)).await;
    env.quiet().await;
    assert_eq!(states(&env, "own").await, [LabelState::Voided, LabelState::Valid]);
    let zpl = document(&env.db().await, "own-3", LabelFormat::Zpl).await.expect("the tables are there");
    let zpl = String::from_utf8(zpl.expect("a label of our own has both forms")).expect("text");
    assert!(zpl.contains("Parcel 1 of 2") && zpl.contains("9 Newest Street"), "{zpl}");
}
