//! Pending retries can be listed, and run before they are due.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use despatch_contracts::order::OrderCancelRequested;
use despatch_contracts::runtime::{self, CancelRetries, DeadLetter, Envelope, RetryNow, Settled};
use despatch_contracts::{Emitted, EventId, Trace};
use despatch_domain::Reason;
use despatch_runtime::{
    Database, DbError, Handler, HandlerError, Migration, Operator, Policy, Process, RetryFilter, Settings,
    Tx, Verdict, Worker, count_retries, list_retries,
};
use despatch_telemetry::Telemetry;
use despatch_testkit::{TestEnv, eventually};
use prost::Message as _;

use crate::fixture::told;

/// Fails until it is fixed, and then waits for an hour.
struct Patient;

const PATIENT: &[Migration] =
    &[Migration { name: "0001", sql: "create table patient.fixed (at timestamptz)" }];

#[derive(Debug, thiserror::Error)]
enum NotYet {
    #[error("the provider is away")]
    Away,
    #[error(transparent)]
    Database(#[from] DbError),
}

impl HandlerError for NotYet {
    fn verdict(&self) -> Verdict {
        match self {
            NotYet::Away => Verdict::Retry,
            NotYet::Database(_) => Verdict::Reject(Reason::PayloadUndecodable),
        }
    }
}

impl Handler for Patient {
    const NAME: &'static str = "patient.wait";
    const POLICY: Policy = Policy {
        first_retry: Duration::from_secs(3600),
        longest_retry: Duration::from_secs(3600),
        ..Policy::DEFAULT
    };
    type In = OrderCancelRequested;
    type Out = ();
    type Error = NotYet;

    async fn record(&self, _: &OrderCancelRequested, tx: &Tx<'_>) -> Result<(), NotYet> {
        let fixed = tx.query_opt("select from patient.fixed", &[]).await?;
        fixed.map(drop).ok_or(NotYet::Away)
    }
}

fn filter(filter: &RetryFilter) -> runtime::RetryFilter {
    let RetryFilter { handler, event_id } = filter.clone();
    let event_id = event_id.map(|id| id.to_string()).unwrap_or_default();
    runtime::RetryFilter { handler: handler.unwrap_or_default(), event_id }
}

async fn retry_now(operator: &Operator, which: &RetryFilter) -> u64 {
    operator.ask("patient", &RetryNow { filter: Some(filter(which)) }).await.unwrap().count
}

async fn cancel_retries(operator: &Operator, which: &RetryFilter, by: &str, reason: &str) -> u64 {
    let ask = CancelRetries { filter: Some(filter(which)), by: by.into(), reason: reason.into() };
    operator.ask("patient", &ask).await.unwrap().count
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_listed_and_tried_at_once_when_it_is_hurried() {
    let env = TestEnv::new().await;
    env.run(Worker::new("patient", PATIENT).handler(Patient)).await;
    let first = env.deliver(&told("o-1", "complete")).await;
    env.deliver(&told("o-2", "complete")).await;
    let db = Database::new(&env.settings().database_url, 1).unwrap();
    let operator = env.operator().await;
    let listed = eventually("both wait", async || {
        list_retries(&db, "patient", &RetryFilter::default(), 10)
            .await
            .ok()
            .filter(|listed| listed.len() == 2)
    })
    .await;
    assert!(listed[0].due > SystemTime::now() + Duration::from_secs(1000), "{listed:?}");
    assert_eq!(
        (listed[0].handler.as_str(), listed[0].error.as_str()),
        ("patient.wait", "the provider is away")
    );
    assert_eq!(list_retries(&db, "patient", &RetryFilter::default(), 1).await.unwrap().len(), 1);

    let all = RetryFilter::default();
    let one = RetryFilter { event_id: Some(first.uuid()), ..RetryFilter::default() };
    let others = RetryFilter { handler: Some("patient.other".into()), ..RetryFilter::default() };
    assert_eq!(count_retries(&db, "patient", &all).await.unwrap(), 2);
    assert_eq!(retry_now(&operator, &others).await, 0);
    env.db().await.batch_execute("insert into patient.fixed values (despatch_now())").await.unwrap();
    assert_eq!(retry_now(&operator, &one).await, 1);
    eventually("the hurried one is handled", async || {
        let left = list_retries(&db, "patient", &RetryFilter::default(), 10).await.ok()?;
        (left.len() == 1 && left[0].subject == "order/o-2").then_some(())
    })
    .await;
    assert_eq!(retry_now(&operator, &all).await, 1);
    env.quiet().await;
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withdrawn_is_a_dead_letter_that_can_be_replayed() {
    let env = TestEnv::new().await;
    env.run(Worker::new("patient", PATIENT).handler(Patient)).await;
    let withdrawn = env.deliver(&told("o-1", "complete")).await;
    env.deliver(&told("o-2", "complete")).await;
    let db = Database::new(&env.settings().database_url, 1).unwrap();
    let operator = env.operator().await;
    eventually("both wait", async || {
        list_retries(&db, "patient", &RetryFilter::default(), 10)
            .await
            .ok()
            .filter(|listed| listed.len() == 2)
    })
    .await;

    // Failed once more, so that the cancelled generation is a later one.
    let one = RetryFilter { event_id: Some(withdrawn.uuid()), ..RetryFilter::default() };
    assert_eq!(retry_now(&operator, &one).await, 1);
    eventually("it waits again", async || {
        let listed = list_retries(&db, "patient", &RetryFilter::default(), 10).await.ok()?;
        listed.iter().find(|waiting| waiting.subject == "order/o-1" && waiting.attempts == 2).cloned()
    })
    .await;
    assert_eq!(cancel_retries(&operator, &one, "ada", "closed for good").await, 1);
    assert_eq!(cancel_retries(&operator, &one, "bob", "me too").await, 0);

    let letter =
        eventually("the dead letter", async || env.messages("dead.patient.retry-cancelled").await.pop())
            .await;
    let letter = DeadLetter::decode(letter.payload).unwrap();
    let last = letter.failures.last().unwrap();
    assert_eq!((letter.generation, letter.failures.len()), (2, 3));
    assert_eq!((&*last.error, &*last.verdict), ("cancelled by ada: closed for good", "cancel"));
    let left = list_retries(&db, "patient", &RetryFilter::default(), 10).await.unwrap();
    assert_eq!(left.iter().map(|waiting| &*waiting.subject).collect::<Vec<_>>(), ["order/o-2"]);
    eventually("its outcome is told", async || {
        let told = env.messages("settled.patient.wait").await;
        let mut told = told.into_iter().map(|message| Settled::decode(message.payload).unwrap());
        told.find(|settled| settled.generation == 2 && settled.outcome == "dead")
    })
    .await;

    env.db().await.batch_execute("insert into patient.fixed values (despatch_now())").await.unwrap();
    env.publish_again(&letter.event.unwrap().replay("patient.wait", 3)).await;
    let settled = eventually("the replay is handled", async || {
        let told = env.messages("settled.patient.wait").await;
        let mut told = told.into_iter().map(|message| Settled::decode(message.payload).unwrap());
        told.find(|settled| settled.generation == 3)
    })
    .await;
    assert_eq!(settled.outcome, "done");
}

/// Returns the oldest event's wait, as a new process reports it.
async fn oldest(env: &TestEnv, telemetry: &Telemetry) -> f64 {
    let shown = || {
        let metrics = telemetry.metrics().unwrap();
        let line = metrics.lines().find(|line| line.starts_with("despatch_oldest_waiting_age_seconds{"))?;
        line.rsplit_once(' ')?.1.parse::<f64>().ok()
    };
    let before = shown();
    let settings = Settings { collect_gauges: true, ..env.settings().clone() };
    let looking =
        Process::start(settings, vec![Worker::new("patient", PATIENT).handler(Patient)]).await.unwrap();
    let age = eventually("the gauge is looked up", async || shown().filter(|age| Some(*age) != before)).await;
    looking.drain().await;
    age
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ask_that_reaches_a_process_while_it_drains_is_answered() {
    let env = TestEnv::new().await;
    env.run(Worker::new("patient", PATIENT).handler(Patient)).await;
    let operator = env.operator().await;
    for _ in 0..5 {
        let worker = Worker::new("patient", PATIENT).handler(Patient);
        let leaving = Process::start(env.settings().clone(), vec![worker]).await.unwrap();
        leaving.health().until_ready().await;
        let left = tokio::spawn(leaving.drain());
        while !left.is_finished() {
            assert_eq!(retry_now(&operator, &RetryFilter::default()).await, 0);
        }
        left.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_s_wait_counts_from_its_first_failed_try() {
    let env = TestEnv::new().await;
    let telemetry = Telemetry::start("test").unwrap();
    env.run(Worker::new("patient", PATIENT).handler(Patient)).await;
    // A follow-on of an event from long ago.
    let id = EventId::first_at(SystemTime::now() - Duration::from_secs(3 * 3600));
    env.publish(&Envelope::first(id, "env", Emitted::from(&told("o-1", "complete")), &Trace::root())).await;
    let db = Database::new(&env.settings().database_url, 1).unwrap();
    let operator = env.operator().await;
    let waits = async |attempts| {
        eventually("it waits", async || {
            let listed = list_retries(&db, "patient", &RetryFilter::default(), 10).await.ok()?;
            listed.first().filter(|waiting| waiting.attempts == attempts).map(drop)
        })
        .await;
    };
    waits(1).await;
    let age = oldest(&env, &telemetry).await;
    assert!((0.0..600.0).contains(&age), "{age} s, and it has only begun to wait");

    let earlier = "update patient.journal set waiting_since = waiting_since - interval '40 minutes'";
    env.db().await.batch_execute(earlier).await.unwrap();
    assert_eq!(retry_now(&operator, &RetryFilter::default()).await, 1);
    waits(2).await;
    let age = oldest(&env, &telemetry).await;
    assert!((2400.0..3000.0).contains(&age), "{age} s, and another try has not ended its wait");

    assert_eq!(cancel_retries(&operator, &RetryFilter::default(), "ada", "for now").await, 1);
    let letter =
        eventually("the dead letter", async || env.messages("dead.patient.retry-cancelled").await.pop())
            .await;
    let letter = DeadLetter::decode(letter.payload).unwrap();
    env.publish(&letter.event.unwrap().replay("patient.wait", 3)).await;
    waits(3).await;
    let age = oldest(&env, &telemetry).await;
    assert!((0.0..600.0).contains(&age), "{age} s, and a replayed event begins a new wait");
}

/// Fails at first. The number distinguishes the handlers.
struct Once<const N: usize>(AtomicBool);

macro_rules! once {
    ($number:literal, $name:literal) => {
        impl Handler for Once<$number> {
            const NAME: &'static str = $name;
            const POLICY: Policy = Policy { first_retry: Duration::from_millis(20), ..Policy::DEFAULT };
            type In = OrderCancelRequested;
            type Out = ();
            type Error = NotYet;

            async fn record(&self, _: &OrderCancelRequested, _: &Tx<'_>) -> Result<(), NotYet> {
                if self.0.swap(false, Ordering::Relaxed) { Err(NotYet::Away) } else { Ok(()) }
            }
        }
    };
}

once!(1, "twins.one");
once!(2, "twins.two");

#[tokio::test(flavor = "multi_thread")]
async fn handlers_of_one_event_retry_it_each_on_its_own() {
    let env = TestEnv::new().await;
    let failing = || AtomicBool::new(true);
    env.run(Worker::new("twins", &[]).handler(Once::<1>(failing())).handler(Once::<2>(failing()))).await;
    env.deliver(&told("o-1", "complete")).await;
    for handler in ["twins.one", "twins.two"] {
        let settled = format!("settled.{handler}");
        let outcome = async || (!env.messages(&settled).await.is_empty()).then_some(());
        eventually(&settled, outcome).await;
    }
    env.quiet().await;
}
