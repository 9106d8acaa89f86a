//! Operators' changes: policies, names of handlers, pending retries; and the effects of a moved clock.

use std::time::{Duration, SystemTime};

use async_nats::jetstream::stream;
use despatch_contracts::order::OrderCancelRequested;
use despatch_contracts::runtime::{CancelRetries, Changed, Envelope, RetryNow, Settled};
use despatch_contracts::{Emitted, EventId, Trace};
use despatch_runtime::{
    AskError, AskHandler, OperatorError, Outbox, PolicyOverride, Process, Settings, Worker,
};
use despatch_testkit::{TestEnv, eventually};
use prost::Message as _;

use crate::author::{Fails, Named, TABLES, handled};
use crate::fixture::{message, told};
use crate::recovery::jetstream;

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_tunes_a_policy() {
    let env = TestEnv::new().await;
    let tuned = PolicyOverride { attempts: Some(1), ..PolicyOverride::default() };
    let settings =
        Settings { policies: [("author.fail".to_owned(), tuned)].into(), ..env.settings().clone() };
    let env = TestEnv::join(settings).await;
    env.run(Worker::new("author", TABLES).handler(Fails)).await;
    env.deliver(&told("o-1", "complete")).await;
    let letter = env.expect_dead("o-1").await;
    assert_eq!((letter.reason.as_str(), letter.failures.len()), ("attempts-exhausted", 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_handler_goes_on_where_it_was() {
    let env = TestEnv::new().await;
    let old = Process::start(env.settings().clone(), vec![Worker::new("author", TABLES).handler(Named::<1>)]);
    let old = old.await.unwrap();
    old.health().until_ready().await;
    env.deliver(&told("o-1", "complete")).await;
    env.deliver(&told("o-2", "fail")).await;
    let waiting = async || {
        let sql = "select from author.journal where state = 'waiting'";
        env.db().await.query_opt(sql, &[]).await.unwrap()
    };
    eventually("one is handled and one waits", async || {
        waiting().await?;
        (handled(&env, "o-1").await.len() == 1).then_some(())
    })
    .await;
    old.drain().await;

    env.run(Worker::new("author", TABLES).handler(Named::<2>)).await;
    // The same event once more, past the broker's dedupe: its row is under the former name.
    for event in env.messages("evt.order.cancel-requested").await {
        env.publish_again(&event).await;
    }
    env.deliver(&told("o-3", "complete")).await;
    env.db().await.batch_execute("insert into author.ready values (despatch_now())").await.unwrap();
    let operator = env.operator().await;
    assert_eq!(operator.ask("author", &RetryNow { filter: None }).await.unwrap().count, 1);
    env.quiet().await;
    assert_eq!(handled(&env, "o-1").await, ["author.old"]);
    assert_eq!(handled(&env, "o-2").await, ["author.new"]);
    assert_eq!(handled(&env, "o-3").await, ["author.new"]);
    let reports = env.messages("settled.author.old").await;
    assert_eq!(Settled::decode(reports[0].payload.clone()).unwrap().outcome, "done");
    assert!(env.stream().await.consumer_info("author-old").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_may_begin_with_what_comes_after_its_creation() {
    let env = TestEnv::new().await;
    // A new stream may have replaced a lost one, and then all of it counts.
    let old = Process::start(env.settings().clone(), vec![Worker::new("author", TABLES).handler(Named::<1>)]);
    let old = old.await.unwrap();
    old.health().until_ready().await;
    env.deliver(&told("o-1", "complete")).await;
    let config = env.stream().await.get_info().await.unwrap().config;
    let start = format!("despatch-start-{}", "author-late");
    let last = env.stream().await.get_info().await.unwrap().state.last_sequence;
    let metadata = [(start, (last + 1).to_string())].into();
    let with_start = stream::Config { metadata, ..config };
    jetstream(&env).await.update_stream(&with_start).await.unwrap();
    old.drain().await;
    env.stream().await.delete_consumer("author-old").await.unwrap();

    env.run(Worker::new("author", TABLES).handler(Named::<3>)).await;
    env.deliver(&told("o-2", "complete")).await;
    env.quiet().await;
    // Its consumer is lost, and messages from meanwhile are not skipped.
    env.stream().await.delete_consumer("author-late").await.unwrap();
    env.deliver(&told("o-3", "complete")).await;
    // As long as there is no consumer, nothing is pending either.
    eventually("the consumer is back", async || env.stream().await.consumer_info("author-late").await.ok())
        .await;
    env.quiet().await;
    assert_eq!(handled(&env, "o-1").await, ["author.old"]);
    assert_eq!(handled(&env, "o-2").await, ["author.late"]);
    assert_eq!(handled(&env, "o-3").await, ["author.late"]);
}

/// The largest message that a NATS server accepts by default, in bytes.
const MAX_PAYLOAD: usize = 1_048_576;

#[tokio::test(flavor = "multi_thread")]
async fn a_large_event_that_is_cancelled_leaves_a_letter_without_it() {
    let env = TestEnv::new().await;
    env.run(Worker::new("author", TABLES).handler(Fails)).await;
    // So near the limit that the dead letter, which holds the event and more, exceeds it.
    let order = "x".repeat(100);
    let event = OrderCancelRequested {
        order_id: order.clone(),
        reason: "r".repeat(MAX_PAYLOAD - 1_700),
        requested_by: "test".into(),
        by: String::new(),
    };
    env.publish(&message(&event)).await;
    let operator = env.operator().await;
    let cancel = CancelRetries { filter: None, by: "ada".into(), reason: "too large".into() };
    eventually("it waits and is cancelled", async || {
        (operator.ask("author", &cancel).await.unwrap().count == 1).then_some(())
    })
    .await;
    let letter = env.expect_dead(&order).await;
    assert_eq!((letter.reason.as_str(), letter.handler.as_str()), ("retry-cancelled", "author.fail"));
    assert!(letter.event.is_none() && letter.replayable, "the journal has the event");
    env.quiet().await;
    assert_eq!(env.messages("dead.>").await.len(), 1);
}

/// Refuses each request.
struct Answers;

impl AskHandler for Answers {
    type Ask = CancelRetries;

    async fn answer(&self, ask: CancelRetries, _: &Outbox) -> Result<Changed, AskError> {
        Err(AskError::new("not-that", format!("not for {}\r\nat all", ask.by)))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_is_told_why_a_worker_refuses_and_when_none_is_there() {
    let env = TestEnv::new().await;
    let operator = env.operator().await;
    let ask = CancelRetries { filter: None, by: "ada".into(), reason: "x".into() };
    let nobody = operator.ask("author", &ask).await.unwrap_err();
    assert!(matches!(nobody, OperatorError::NoWorker { .. }), "{nobody:?}");
    env.run(Worker::new("author", TABLES).ask(Answers).handler(Fails)).await;
    let refused = eventually("the worker answers", async || match operator.ask("author", &ask).await {
        Err(OperatorError::Refused { code, message }) => Some((code, message)),
        _ => None,
    })
    .await;
    assert_eq!(refused, ("not-that".to_owned(), "not for ada  at all".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_time_makes_due_what_waits_for_hours_and_ids_follow_it() {
    let env = TestEnv::new().await;
    env.run(Worker::new("author", TABLES).handler(Named::<1>)).await;
    env.deliver(&told("o-1", "fail")).await;
    eventually("it waits for an hour", async || {
        let sql = "select from author.retry where due > despatch_now() + interval '20 minutes'";
        env.db().await.query_opt(sql, &[]).await.unwrap()
    })
    .await;
    env.db().await.batch_execute("insert into author.ready values (despatch_now())").await.unwrap();
    env.advance(Duration::from_secs(2 * 3600)).await;
    eventually("it is handled", async || (handled(&env, "o-1").await.len() == 1).then_some(())).await;

    // Ninety days later the journal treats a new event as new, not as expired.
    env.advance(Duration::from_secs(90 * 24 * 3600)).await;
    let outbox = env.run(Worker::new("shop", &[])).await.outbox("shop").unwrap();
    let now: SystemTime = env.db().await.query_one("select despatch_now()", &[]).await.unwrap().get(0);
    let id = eventually("the process knows the time", async || {
        let id = outbox.new_id()?;
        let apart = id.created_at().duration_since(now).unwrap_or_else(|error| error.duration());
        (apart < Duration::from_secs(60)).then_some(id)
    })
    .await;
    let event = Emitted::from(&told("o-2", "complete"));
    env.publish(&Envelope::first(id, "test", event, &Trace::root())).await;
    env.quiet().await;
    assert_eq!(handled(&env, "o-2").await, ["author.old"]);
    let old = EventId::new();
    let event = Emitted::from(&told("o-3", "complete"));
    env.publish(&Envelope::first(old, "test", event, &Trace::root())).await;
    assert_eq!(env.expect_dead("o-3").await.reason, "event-expired");
}
