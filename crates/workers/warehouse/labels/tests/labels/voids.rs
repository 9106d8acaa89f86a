//! Labels of cancelled orders cost nothing, whatever came first.

use std::time::Duration;

use despatch_contracts::label::{LabelCreated, LabelVoided};
use despatch_contracts::order::{OrderCancelled, ServiceLevel};
use despatch_contracts::shipment::ReadyForPickup;
use despatch_read_model::labels::{LabelFormat, LabelState, document, labels_of};
use despatch_sandbox::{Fault, Faults, Operation, Sandbox, Target};
use despatch_testkit::{TestEnv, eventually};

use crate::{at_level, env, picked, sandbox};

fn cancelled(order_id: &str) -> OrderCancelled {
    OrderCancelled { order_id: order_id.into(), reason: "operator-cancelled".into() }
}

/// Labels bought and voided at the carrier, over all parcels of an order.
pub(crate) fn bought_and_voided(shippo: &Sandbox, order_id: &str) -> (u64, u64) {
    let labels = shippo.order_counts(order_id).expect("counts").labels;
    labels.values().fold((0, 0), |(bought, voided), it| (bought + it.bought, voided + it.voided))
}

pub(crate) async fn states(env: &TestEnv, order_id: &str) -> Vec<LabelState> {
    let labels = labels_of(&env.db().await, order_id).await.expect("the table");
    labels.into_iter().map(|label| label.state).collect()
}

#[tokio::test]
async fn the_labels_of_a_cancelled_order_are_voided_at_the_carrier() {
    let shippo = sandbox().await;
    let env = env(Some(&shippo)).await;
    for parcel in [1, 2] {
        env.deliver(&picked(at_level("off", ServiceLevel::FirstClass), parcel, 2)).await;
    }
    env.quiet().await;
    let label: LabelCreated = env.expect("off").await;
    assert_eq!(bought_and_voided(&shippo, "off"), (2, 0));
    env.deliver(&cancelled("off")).await;
    eventually("both labels are void", async || (env.count::<LabelVoided>("off").await == 2).then_some(()))
        .await;
    env.quiet().await;
    assert_eq!(env.count::<LabelVoided>("off").await, 2);
    let voided: LabelVoided = env.expect("off").await;
    assert_eq!((voided.carrier.as_str(), voided.reason.as_str()), ("usps", "operator-cancelled"));
    assert_eq!(bought_and_voided(&shippo, "off"), (2, 2));
    assert_eq!(states(&env, "off").await, [LabelState::Voided; 2]);
    let printed = document(&env.db().await, &label.label_id, LabelFormat::Pdf).await.expect("the table");
    assert_eq!(printed, None, "nobody prints it again");
}

#[tokio::test]
async fn a_carrier_that_decides_later_is_asked_again() {
    let shippo = sandbox().await;
    let env = env(Some(&shippo)).await;
    env.deliver(&picked(at_level("later", ServiceLevel::Standard), 1, 1)).await;
    env.expect::<LabelCreated>("later").await;
    env.deliver(&cancelled("later")).await;
    env.quiet().await;
    assert_eq!(states(&env, "later").await, [LabelState::VoidRequested]);
    for (days, voided) in [(1, 0), (1, 1)] {
        env.advance(Duration::from_secs(days * 24 * 3600 + 60)).await;
        let due = "select from labels.timer where due <= despatch_now()";
        eventually("no timer is due", async || match env.db().await.query_opt(due, &[]).await.unwrap() {
            Some(_) => None,
            None => Some(()),
        })
        .await;
        env.quiet().await;
        assert_eq!(env.count::<LabelVoided>("later").await, voided);
    }
    assert_eq!(states(&env, "later").await, [LabelState::Voided]);
    assert_eq!(bought_and_voided(&shippo, "later"), (1, 1));
}

#[tokio::test]
async fn a_label_of_our_own_is_struck_off() {
    let env = env(None).await;
    env.deliver(&picked(at_level("own", ServiceLevel::SecondClass), 1, 1)).await;
    env.expect::<LabelCreated>("own").await;
    env.deliver(&cancelled("own")).await;
    env.expect::<LabelVoided>("own").await;
    assert_eq!(states(&env, "own").await, [LabelState::Voided]);
}

#[tokio::test]
async fn a_cancelled_order_gets_no_label_and_is_not_ready() {
    let shippo = sandbox().await;
    let env = env(Some(&shippo)).await;
    env.deliver(&cancelled("early")).await;
    env.quiet().await;
    let order = at_level("early", ServiceLevel::FirstClass);
    env.deliver(&picked(order.clone(), 1, 2)).await;
    let mut collected = picked(order, 2, 2);
    collected.parcel.as_mut().expect("a parcel").is_collected = true;
    env.deliver(&collected).await;
    env.quiet().await;
    assert_eq!(env.count::<LabelCreated>("early").await, 0);
    assert_eq!(env.count::<ReadyForPickup>("early").await, 0);
    assert_eq!(bought_and_voided(&shippo, "early"), (0, 0));
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_label_whose_purchase_was_under_way_is_voided_too() {
    let shippo = sandbox().await;
    let target = |fault| Target { operation: Operation::Label, order: "race".into(), fault, times: 1 };
    // The label is bought, and the cancellation comes before the answer does.
    shippo.set_faults(Faults { slow_ms: 2_000, ..Faults::none() }).expect("sound faults");
    shippo.fault_next(target(Fault::Slow));
    let env = env(Some(&shippo)).await;
    env.deliver(&picked(at_level("race", ServiceLevel::FirstClass), 1, 1)).await;
    let begun = "select from labels.effect where operation = 'label'";
    eventually("the purchase is under way", async || env.db().await.query_opt(begun, &[]).await.unwrap())
        .await;
    env.deliver(&cancelled("race")).await;
    env.expect::<LabelVoided>("race").await;
    env.quiet().await;
    assert_eq!((env.count::<LabelCreated>("race").await, env.count::<LabelVoided>("race").await), (1, 1));
    assert_eq!(bought_and_voided(&shippo, "race"), (1, 1));
}

#[tokio::test]
async fn a_purchase_whose_answer_was_lost_before_the_cancellation_is_found_and_voided() {
    let shippo = sandbox().await;
    let target = |fault| Target { operation: Operation::Label, order: "lost".into(), fault, times: 1 };
    shippo.fault_next(target(Fault::Timeout));
    let env = env(Some(&shippo)).await;
    env.deliver(&picked(at_level("lost", ServiceLevel::FirstClass), 1, 1)).await;
    let waits = "select from labels.journal where handler = 'labels.create' and state = 'waiting'";
    eventually("the purchase is in doubt", async || env.db().await.query_opt(waits, &[]).await.unwrap())
        .await;
    env.deliver(&cancelled("lost")).await;
    env.expect::<LabelVoided>("lost").await;
    env.quiet().await;
    assert_eq!(bought_and_voided(&shippo, "lost"), (1, 1));
}

#[tokio::test]
async fn a_void_whose_answer_was_lost_is_looked_up_and_not_asked_for_twice() {
    let shippo = sandbox().await;
    let target = |fault| Target { operation: Operation::VoidLabel, order: "void".into(), fault, times: 1 };
    shippo.fault_next(target(Fault::Timeout));
    let env = env(Some(&shippo)).await;
    env.deliver(&picked(at_level("void", ServiceLevel::FirstClass), 1, 1)).await;
    env.expect::<LabelCreated>("void").await;
    env.deliver(&cancelled("void")).await;
    env.expect::<LabelVoided>("void").await;
    env.quiet().await;
    assert_eq!(env.count::<LabelVoided>("void").await, 1);
    assert_eq!(bought_and_voided(&shippo, "void"), (1, 1));
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test]
async fn a_label_that_the_carrier_does_not_take_back_is_a_case() {
    let shippo = sandbox().await;
    let env = env(Some(&shippo)).await;
    env.deliver(&picked(at_level("gone", ServiceLevel::FirstClass), 1, 1)).await;
    env.expect::<LabelCreated>("gone").await;
    // Shippo knows no such purchase any more.
    let forget = "update labels.label set transaction = 'ffffffffffffffffffffffffffffffff'";
    env.db().await.execute(forget, &[]).await.unwrap();
    env.deliver(&cancelled("gone")).await;
    let dead = env.expect_dead("gone").await;
    assert_eq!((dead.handler.as_str(), dead.reason.as_str()), ("labels.void", "label-not-voided"));
    assert_eq!(states(&env, "gone").await, [LabelState::Valid], "it is not said to be void");
}
