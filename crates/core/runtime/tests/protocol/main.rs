//! The protocol, prepare → perform → record → publish → ack, as a model that a checker explores. It covers every order
//! of the steps of two replicas, a scheduler and a downstream worker, with a crash at any point, repeated deliveries,
//! and a broker that loses what it acknowledged.
//!
//! One order comes in. The provider may refuse it, and it may be retried, until it is captured or dead. The model
//! leaves out batches of several events (`record`, `split_batch`), quarantine, and consumers that are ahead of a stream
//! that was rolled back (they are created again). It also leaves out timers, which enter like orders, and replays,
//! which are like retries.
//!
//! Make a change to the protocol here too. The checker prints its findings step by step.

mod ablations;
mod broker;
mod journal;
mod ledger;
mod messages;
mod model;
mod properties;
mod provider;
mod step;
mod workers;
mod world;

use std::collections::{BTreeSet, HashMap};

use stateright::{Checker, HasDiscoveries, Model};

use crate::ablations::Ablation;
use crate::model::Protocol;
use crate::properties::{CONSUMED, PERFORMED_ONCE, RECORDED_ONCE, SETTLED};
use crate::step::Faults;
use crate::world::World;

const NONE: Faults = Faults { crashes: 0, deliveries_again: 0, losses: 0, refusals: 0 };

/// Checks every run with at most these faults.
fn holds_under(faults: Faults) {
    let checked = Protocol { without: Ablation::Nothing, faults }.checker().threads(2).spawn_bfs().join();
    println!("{} states, {} steps deep, under {faults:?}", checked.unique_state_count(), checked.max_depth());
    checked.assert_properties();
}

/// Leaves a protection out, and requires a run that breaks `property`.
fn needs(without: Ablation, faults: Faults, property: &'static str) {
    let broken = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checked = Protocol { without, faults }.checker().threads(2).finish_when(broken).spawn_bfs().join();
    let steps = checked.assert_any_discovery(property).into_actions();
    println!("without {without:?} it is not true that {property}:");
    for step in steps {
        println!("  {step:?}");
    }
}

#[test]
fn an_order_survives_crashes_and_deliveries_again() {
    holds_under(Faults { crashes: 3, deliveries_again: 3, ..NONE });
}

#[test]
fn a_retry_survives_crashes_and_deliveries_again() {
    holds_under(Faults { crashes: 1, deliveries_again: 1, refusals: 1, ..NONE });
}

#[test]
fn every_generation_survives_a_crash() {
    holds_under(Faults { crashes: 1, refusals: 2, ..NONE });
}

#[test]
fn an_order_that_cannot_be_captured_is_left_to_a_person() {
    holds_under(Faults { refusals: 3, ..NONE });
}

#[test]
fn an_order_survives_a_broker_that_loses_what_it_acknowledged() {
    holds_under(Faults { losses: 2, crashes: 1, ..NONE });
}

#[test]
fn a_retry_survives_a_broker_that_loses_what_it_acknowledged() {
    holds_under(Faults { losses: 1, refusals: 1, ..NONE });
}

#[test]
fn without_outbox_batches_what_follows_is_lost() {
    needs(Ablation::OutboxBatch, Faults { crashes: 1, ..NONE }, CONSUMED);
}

#[test]
fn without_a_batch_for_fired_retries_they_are_lost() {
    needs(Ablation::BatchOfRetries, Faults { crashes: 1, refusals: 1, ..NONE }, SETTLED);
}

#[test]
fn without_the_fired_retry_in_what_is_published_it_is_lost() {
    needs(Ablation::FiredRetry, Faults { crashes: 1, refusals: 1, ..NONE }, SETTLED);
}

#[test]
fn without_the_sweeper_batches_of_the_dead_stay_open() {
    needs(Ablation::Sweeper, Faults { crashes: 1, refusals: 1, ..NONE }, SETTLED);
}

#[test]
fn without_the_earlier_outbox_a_report_is_lost() {
    needs(Ablation::EarlierOutbox, Faults { crashes: 1, refusals: 2, ..NONE }, CONSUMED);
}

#[test]
fn without_admission_a_message_is_never_settled() {
    needs(Ablation::Admission, Faults { deliveries_again: 1, ..NONE }, SETTLED);
}

#[test]
fn without_the_journals_key_two_replicas_record_the_same() {
    needs(Ablation::JournalKey, Faults { deliveries_again: 1, ..NONE }, RECORDED_ONCE);
}

#[test]
fn without_generations_a_delivery_counts_as_a_retry() {
    needs(Ablation::Generations, Faults { deliveries_again: 1, refusals: 1, ..NONE }, RECORDED_ONCE);
}

#[test]
fn without_the_ack_last_a_crash_loses_the_order() {
    needs(Ablation::AckLast, Faults { crashes: 1, ..NONE }, CONSUMED);
}

#[test]
fn without_the_ledger_the_provider_is_asked_for_the_same_twice() {
    needs(Ablation::Ledger, Faults { crashes: 1, ..NONE }, PERFORMED_ONCE);
}

#[test]
fn without_restoring_what_the_broker_lost_is_lost() {
    needs(Ablation::Restoring, Faults { losses: 1, ..NONE }, CONSUMED);
}

#[test]
fn without_accepting_the_stream_last_a_crash_loses_what_was_lost() {
    needs(Ablation::AcceptingLast, Faults { losses: 1, crashes: 1, ..NONE }, CONSUMED);
}

#[test]
fn without_a_mark_at_what_was_restored_it_is_lost_again() {
    needs(Ablation::MarkOfRestored, Faults { losses: 2, crashes: 1, ..NONE }, CONSUMED);
}

#[test]
fn without_catching_up_what_was_lost_since_the_last_look_is_lost() {
    needs(Ablation::CatchingUp, Faults { losses: 1, ..NONE }, CONSUMED);
}

#[test]
fn without_catching_up_after_a_new_connection_what_others_saw_is_lost() {
    needs(Ablation::Reconnecting, Faults { losses: 1, ..NONE }, CONSUMED);
}

#[test]
fn without_another_look_what_was_caught_up_with_is_lost_again() {
    needs(Ablation::LookAgain, Faults { losses: 2, ..NONE }, CONSUMED);
}

#[test]
fn without_waiting_for_the_consumers_what_they_have_not_settled_is_lost() {
    needs(Ablation::Floor, Faults { losses: 1, ..NONE }, CONSUMED);
}

/// No run contains a circle, so a property that holds once nothing is left to do is reached in every run.
#[test]
fn every_run_ends() {
    ends_under(Faults { crashes: 1, deliveries_again: 1, refusals: 1, ..NONE });
    ends_under(Faults { crashes: 1, losses: 1, ..NONE });
}

/// Explores the worlds depth first. A world that is met again among its own successors closes a circle.
fn ends_under(faults: Faults) {
    let protocol = Protocol { without: Ablation::Nothing, faults };
    let mut left_behind: HashMap<World, bool> = HashMap::new();
    let mut path: Vec<(World, Vec<World>)> = Vec::new();
    let mut entered = protocol.init_states().pop();
    loop {
        if let Some(world) = entered.take() {
            if let Some(left) = left_behind.get(&world) {
                assert!(left, "a circle through {world:#?}");
            } else {
                left_behind.insert(world.clone(), false);
                let next = protocol.next_states(&world);
                path.push((world, next));
            }
        }
        let Some((_, next)) = path.last_mut() else { break };
        entered = next.pop();
        if entered.is_none() {
            left_behind.extend(path.pop().map(|(world, _)| (world, true)));
        }
    }
    println!("{} states and no circle under {faults:?}", left_behind.len());
}
