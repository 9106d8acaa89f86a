//! Mistakes of a worker's author are found when the worker starts, or are refused; legitimate requests are granted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use despatch_contracts::exception::MonitorDue;
use despatch_contracts::order::OrderCancelRequested;
use despatch_contracts::runtime::DeadLetter;
use despatch_domain::Reason;
use despatch_runtime::{
    Attempt, BatchedQuery, EffectHandler, Handler, Policy, Process, Reader, Tx, Verdict, Worker,
};
use despatch_testkit::{TestEnv, eventually};
use prost::Message as _;

use crate::author::{AuthorError, TABLES, handled, note};
use crate::fixture::{message, told};

/// Sends a statement that writes through a call that reads.
struct WritesWhileReading;

impl Handler for WritesWhileReading {
    const NAME: &'static str = "author.write";
    type In = OrderCancelRequested;
    type Out = ();
    type Error = AuthorError;

    async fn record(&self, event: &Self::In, tx: &Tx<'_>) -> Result<(), AuthorError> {
        let sql = "insert into author.handled values ($1, 'slipped through') returning order_id";
        tx.query(sql, &[&event.order_id]).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_call_refuses_a_statement_that_writes() {
    let env = TestEnv::new().await;
    env.run(Worker::new("author", TABLES).handler(WritesWhileReading)).await;
    env.deliver(&told("o-1", "complete")).await;
    let letter = env.expect_dead("o-1").await;
    assert!(letter.failures[0].error.contains("found one that writes"), "{letter:?}");
    assert!(handled(&env, "o-1").await.is_empty());
}

const NO_PLACE: BatchedQuery =
    BatchedQuery::new("select id from unnest($1::text[]) with ordinality as each(id, n)");

/// Asks a batched query.
struct Asks(BatchedQuery);

impl Handler for Asks {
    const NAME: &'static str = "author.ask";
    type In = OrderCancelRequested;
    type Out = ();
    type Error = AuthorError;

    async fn record(&self, event: &Self::In, tx: &Tx<'_>) -> Result<(), AuthorError> {
        tx.query_batched(self.0, (event.order_id.clone(),)).await?;
        Ok(())
    }
}

/// Returns why a worker is not ready.
async fn reason_not_ready(env: &TestEnv, worker: Worker) -> String {
    let process = Process::start(env.settings().clone(), vec![worker]).await.unwrap();
    let parts = eventually("it says why it is not ready", async || {
        let why = format!("{:?}", process.health().parts().get("postgres/author")?);
        (!why.contains("starting")).then_some(why)
    });
    let why = parts.await;
    assert!(!process.health().is_ready());
    process.drain().await;
    why
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batched_query_without_the_place_of_its_events_is_found_at_the_start() {
    let env = TestEnv::new().await;
    let worker = Worker::new("author", TABLES).queries(&[NO_PLACE]).handler(Asks(NO_PLACE));
    let why = reason_not_ready(&env, worker).await;
    assert!(why.contains("a column n of type bigint"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batched_query_that_writes_is_found_at_the_start() {
    const WRITES: BatchedQuery = BatchedQuery::new(
        "with gone as (delete from author.handled where order_id = any($1::text[]) returning 1::bigint as n) select n from gone",
    );
    let env = TestEnv::new().await;
    let why = reason_not_ready(&env, Worker::new("author", TABLES).queries(&[WRITES])).await;
    assert!(why.contains("found one that writes"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batched_query_that_no_worker_registered_is_refused() {
    const UNREGISTERED: BatchedQuery =
        BatchedQuery::new("select n from unnest($1::text[]) with ordinality as each(unregistered, n)");
    let env = TestEnv::new().await;
    env.run(Worker::new("author", TABLES).handler(Asks(UNREGISTERED))).await;
    env.deliver(&told("o-1", "complete")).await;
    let letter = env.expect_dead("o-1").await;
    assert!(letter.failures[0].error.contains("Worker::queries"), "{letter:?}");
}

/// Waits until the world is ready, with the policy's own delay.
struct WaitsForTheWorld {
    kept: Arc<AtomicU32>,
    tried: Arc<AtomicU32>,
}

impl Handler for WaitsForTheWorld {
    const NAME: &'static str = "author.wait";
    const POLICY: Policy = Policy { not_yet: Duration::from_millis(20), ..Policy::DEFAULT };
    type In = OrderCancelRequested;
    type Out = ();
    type Error = AuthorError;

    async fn record(&self, event: &Self::In, tx: &Tx<'_>) -> Result<(), AuthorError> {
        self.tried.fetch_add(1, Ordering::Relaxed);
        let kept = self.kept.clone();
        tx.after_commit(move || {
            kept.fetch_add(1, Ordering::Relaxed);
        });
        note(tx, &event.order_id, "wait").await?;
        match tx.query_opt("select from author.ready", &[]).await? {
            Some(_) => Ok(()),
            None => Err(AuthorError::Told(Verdict::NotYet)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_too_early_waits_and_a_hook_runs_once_for_the_run_that_is_kept() {
    let env = TestEnv::new().await;
    let (kept, tried) = <(Arc<AtomicU32>, Arc<AtomicU32>)>::default();
    let handler = WaitsForTheWorld { kept: kept.clone(), tried: tried.clone() };
    env.run(Worker::new("author", TABLES).handler(handler)).await;
    env.deliver(&told("o-1", "complete")).await;
    eventually("it was tried several times", async || (tried.load(Ordering::Relaxed) > 3).then_some(()))
        .await;
    assert_eq!(kept.load(Ordering::Relaxed), 0);
    env.db().await.batch_execute("insert into author.ready values (despatch_now())").await.unwrap();
    env.quiet().await;
    assert_eq!((kept.load(Ordering::Relaxed), handled(&env, "o-1").await.len()), (1, 1));
    assert!(env.messages("dead.>").await.is_empty());
}

/// Begins an effect, whatever the event's subject.
struct Effects;

impl EffectHandler for Effects {
    const NAME: &'static str = "author.effect";
    type In = MonitorDue;
    type Plan = ();
    type Response = ();
    type Out = ();
    type Error = AuthorError;

    async fn prepare(&self, _: &Self::In, _: &Reader<'_>) -> Result<(), AuthorError> {
        Ok(())
    }

    async fn perform(&self, (): &(), attempt: &Attempt) -> Result<(), AuthorError> {
        attempt.begin("author", "").await?;
        Ok(())
    }

    async fn record(&self, _: &Self::In, (): &(), (): &(), _: &Tx<'_>) -> Result<(), AuthorError> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_needs_a_subject() {
    let env = TestEnv::new().await;
    env.run(Worker::new("author", TABLES).effect_handler(Effects)).await;
    env.publish(&message(&MonitorDue {})).await;
    let letter = eventually("the dead letter", async || env.messages("dead.author.>").await.pop()).await;
    let letter = DeadLetter::decode(letter.payload).unwrap();
    assert!(letter.failures[0].error.contains("needs an event with a subject"), "{letter:?}");
}

/// Meets its twin, another handler of the same worker, in the middle of recording the same event.
struct Meets<const TWIN: usize>(Arc<tokio::sync::Barrier>);

macro_rules! meets {
    ($twin:literal, $name:literal) => {
        impl Handler for Meets<$twin> {
            const NAME: &'static str = $name;
            type In = MonitorDue;
            type Out = ();
            type Error = AuthorError;

            async fn record(&self, _: &Self::In, tx: &Tx<'_>) -> Result<(), AuthorError> {
                let met = tokio::time::timeout(Duration::from_secs(20), self.0.wait()).await;
                met.map_err(|_| AuthorError::Told(Verdict::Reject(Reason::StockShort)))?;
                note(tx, "met", Self::NAME).await
            }
        }
    };
}

meets!(1, "author.one");
meets!(2, "author.two");

#[tokio::test(flavor = "multi_thread")]
async fn events_without_a_subject_take_no_lock() {
    let env = TestEnv::new().await;
    let barrier = Arc::new(tokio::sync::Barrier::new(2));
    let worker = Worker::new("author", TABLES);
    env.run(worker.handler(Meets::<1>(barrier.clone())).handler(Meets::<2>(barrier))).await;
    env.publish(&message(&MonitorDue {})).await;
    env.quiet().await;
    assert_eq!(handled(&env, "met").await, ["author.one", "author.two"]);
}
