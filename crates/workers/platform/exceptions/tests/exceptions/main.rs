//! The exceptions worker against real servers. Every letter goes through the runtime, and is delivered twice.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in what it calls too")]

mod alerts;
mod bulk_replays;
mod cancelled_orders;
mod cases;
mod edits;
mod of_orders;
mod pruning;
mod replays;
mod search;
mod team;

use despatch_calendar::CalendarConfig;
use despatch_contracts::order::OrderCompleted;
use despatch_contracts::runtime::{DeadLetter, Envelope, Failure, Settled};
use despatch_contracts::{Emitted, Event, EventId, Trace};
use despatch_exceptions::{CaseId, Config, worker};
use despatch_testkit::TestEnv;

use crate::team::Team;

/// Open day and night, so that an hour of service is an hour.
fn config() -> Config {
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let calendar = CalendarConfig {
        time_zone: "UTC".into(),
        opens: "00:00".into(),
        closes: "23:59:59.999999999".into(),
        days: days.map(String::from).into(),
    };
    // The monitor runs rarely, so that a test which waits for quiet finds it.
    Config { calendar, high_value_minor: 50_000, low_value_minor: 5_000, monitor_seconds: 3600 }
}

async fn env() -> (TestEnv, Team) {
    env_of(&config()).await
}

async fn env_of(config: &Config) -> (TestEnv, Team) {
    let env = TestEnv::new().await;
    env.run(worker(config).expect("a sound configuration")).await;
    let team = Team::of(&env, 4);
    (env, team)
}

/// The letter of an event of `order` that `labels.create` gave up in this generation.
fn letter(event_id: EventId, order: &str, generation: u32, reason: &str, error: &str) -> DeadLetter {
    let event = OrderCompleted { order_id: order.into() };
    let event = Envelope::first(event_id, "test", Emitted::from(&event), &Trace::root());
    DeadLetter {
        worker: "labels".into(),
        handler: "labels.create".into(),
        event_id: event_id.to_string(),
        generation,
        subject: format!("order/{order}"),
        reason: reason.into(),
        failures: vec![Failure {
            attempt: generation + 1,
            generation,
            at: Some(despatch_contracts::now()),
            error: error.into(),
            verdict: "reject".into(),
        }],
        event: Some(event),
        replayable: true,
    }
}

fn message(event: &impl Event) -> Envelope {
    Envelope::first(EventId::new(), "test", Emitted::from(event), &Trace::root())
}

async fn dies(env: &TestEnv, letter: &DeadLetter) {
    let envelope = Envelope::dead(EventId::new(), letter, &Trace::root());
    env.publish(&envelope).await;
    env.publish_again(&envelope).await;
}

async fn settles(env: &TestEnv, event_id: EventId, generation: u32, outcome: &str) {
    let settled = Settled {
        worker: "labels".into(),
        handler: "labels.create".into(),
        event_id: event_id.to_string(),
        generation,
        subject: "order/o-1".into(),
        outcome: outcome.into(),
        reason: String::new(),
    };
    let envelope = Envelope::settled(EventId::new(), &settled, &Trace::root());
    env.publish(&envelope).await;
    env.publish_again(&envelope).await;
}

fn id(event_id: EventId) -> CaseId {
    CaseId { handler: "labels.create".into(), event_id: event_id.uuid() }
}

async fn kinds(team: &Team, id: &CaseId) -> Vec<String> {
    let (_, history) = team.show(id).await.expect("a case");
    assert!(history.iter().map(|entry| entry.seq).eq(1..=i32::try_from(history.len()).expect("few")));
    history.into_iter().map(|entry| entry.kind).collect()
}
