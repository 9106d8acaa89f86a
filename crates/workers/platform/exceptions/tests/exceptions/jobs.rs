//! Replays of many cases at once.

use std::sync::Arc;

use despatch_contracts::order::OrderCompleted;
use despatch_exceptions::store::Filter;
use despatch_exceptions::{Desk, DeskError, Id, Job, JobState, Terms, worker};
use despatch_runtime::{Database, Process};
use despatch_testkit::{TestEnv, eventually};

use crate::{config, fussy};

const ALL: usize = 300;

/// A env where every event of so many orders is dead.
async fn many_dead() -> (TestEnv, Arc<Process>, Desk) {
    let env = TestEnv::new().await;
    let process = env.run_all(vec![fussy(), worker(&config()).expect("a sound configuration")]).await;
    let desk = Desk::new(Database::new(&env.settings().database_url, 1).expect("a URL"));
    for order in 0..ALL {
        let envelope = crate::message(&OrderCompleted { order_id: format!("o-{order:05}") });
        env.publish(&envelope).await;
    }
    let all = i64::try_from(ALL).unwrap();
    eventually("every event is a case", async || {
        let count = env.db().await.query_one("select count(*) from exceptions.exception", &[]).await;
        (count.unwrap().get::<_, i64>(0) == all).then_some(())
    })
    .await;
    (env, process, desk)
}

/// Mends what makes every `each`th order fail.
async fn mend(env: &TestEnv, each: i32) {
    let sql = "insert into fussy.mended select order_id from exceptions.exception
                where right(order_id, 5)::int % $1 = 0 on conflict do nothing";
    env.db().await.execute(sql, &[&each]).await.unwrap();
}

async fn comes_to(desk: &Desk, job: i64, state: JobState) -> Job {
    eventually(state.name(), async || {
        let (job, _) = desk.job(job).await.unwrap();
        (job.state == state && job.tally.sent == 0).then_some(job)
    })
    .await
}

/// How many events were handled, and how many of these more than once.
async fn handled(env: &TestEnv) -> (i64, i64) {
    let sql =
        "select count(*) filter (where handled > 0), count(*) filter (where handled > 1) from fussy.mended";
    let row = env.db().await.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

fn terms() -> Terms {
    Terms { per_second: 500.0, ..Terms::default() }
}

fn count(cases: usize) -> i64 {
    i64::try_from(cases).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_stops_within_its_canary_and_goes_on_once_that_is_mended() {
    let (env, _process, desk) = many_dead().await;
    mend(&env, 2).await;
    let job = desk.freeze(&Filter::default(), &terms(), "ada").await.unwrap();
    assert_eq!((job.state, job.tally.pending), (JobState::Frozen, count(ALL)));
    assert_eq!(desk.foresee(job.id).await.unwrap(), (count(ALL), vec![]));
    desk.start(job.id, "ada").await.unwrap();

    let stopped = comes_to(&desk, job.id, JobState::Stopped).await;
    let tried = stopped.tally.succeeded + stopped.tally.failed;
    assert!(stopped.tally.failed > 0 && tried <= 11, "{stopped:?}");
    assert_eq!(handled(&env).await, (stopped.tally.succeeded, 0));

    mend(&env, 1).await;
    desk.resume(job.id, "ada").await.unwrap();
    let finished = comes_to(&desk, job.id, JobState::Finished).await;
    assert_eq!(finished.tally.failed, stopped.tally.failed, "what had failed is another job's");
    assert_eq!(finished.tally.succeeded, count(ALL) - stopped.tally.failed);
    assert_eq!(handled(&env).await, (finished.tally.succeeded, 0));
    let (_, history) = desk.job(job.id).await.unwrap();
    let kinds: Vec<&str> = history.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["frozen", "started", "stopped", "resumed", "finished"]);

    let rest = desk.freeze(&Filter::default(), &terms(), "ada").await.unwrap();
    assert_eq!(rest.tally.total(), stopped.tally.failed);
    desk.start(rest.id, "ada").await.unwrap();
    comes_to(&desk, rest.id, JobState::Finished).await;
    assert_eq!(handled(&env).await, (count(ALL), 0));
    let nothing = desk.freeze(&Filter::default(), &terms(), "ada").await;
    assert!(matches!(nothing, Err(DeskError::Nothing(_))), "{nothing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_accounts_for_every_case() {
    let (env, _process, desk) = many_dead().await;
    mend(&env, 1).await;
    let slow = Terms { canary: vec![], per_second: 40.0, stop_above: 0.0 };
    let job = desk.freeze(&Filter::default(), &slow, "ada").await.unwrap().id;
    desk.start(job, "ada").await.unwrap();
    eventually("some are handled", async || (handled(&env).await.0 > 5).then_some(())).await;
    desk.pause(job, "bob").await.unwrap();
    let paused = comes_to(&desk, job, JobState::Paused).await.tally;
    desk.resume(job, "bob").await.unwrap();
    eventually("more are handled", async || (handled(&env).await.0 > paused.succeeded + 5).then_some(()))
        .await;
    desk.cancel_job(job, "bob").await.unwrap();
    assert!(matches!(desk.resume(job, "bob").await, Err(DeskError::JobNotNow { .. })));
    env.quiet().await;
    let cancelled = comes_to(&desk, job, JobState::Cancelled).await.tally;
    assert!(cancelled.cancelled > 0 && cancelled.pending == 0, "{cancelled:?}");
    assert_eq!(cancelled.succeeded + cancelled.cancelled, count(ALL));
    assert_eq!(handled(&env).await, (cancelled.succeeded, 0));
    let items = desk.items(job, 0, u32::MAX).await.unwrap();
    assert_eq!(items.len(), ALL);
    assert!(items.iter().all(|item| ["succeeded", "cancelled"].contains(&item.state.as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_outlives_whoever_runs_it() {
    let (env, process, desk) = many_dead().await;
    mend(&env, 1).await;
    let settings = env.settings().clone();
    let slow = Terms { per_second: 100.0, ..Terms::default() };
    let job = desk.freeze(&Filter::default(), &slow, "ada").await.unwrap().id;
    desk.start(job, "ada").await.unwrap();
    eventually("some are handled", async || (handled(&env).await.0 > 5).then_some(())).await;
    drop((env, process));
    let env = TestEnv::join(settings).await;
    let _process = env.run_all(vec![fussy(), worker(&config()).unwrap()]).await;
    let finished = comes_to(&desk, job, JobState::Finished).await;
    assert_eq!(finished.tally.succeeded, count(ALL));
    assert_eq!(handled(&env).await, (count(ALL), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_it_was_shown_is_skipped_and_said() {
    let (env, _process, desk) = many_dead().await;
    let job = desk.freeze(&Filter::default(), &terms(), "ada").await.unwrap().id;
    let items = desk.items(job, 0, 4).await.unwrap();
    let ids: Vec<Id> =
        items.into_iter().map(|item| Id { handler: item.handler, event_id: item.event_id }).collect();
    mend(&env, 1).await;
    desk.claim(&ids[0], "ada").await.unwrap();
    desk.claim(&ids[1], "bob").await.unwrap();
    desk.discard(&ids[2], "bob", "a test order").await.unwrap();
    desk.replay(&ids[3], "bob").await.unwrap();
    env.quiet().await;
    let (replayed, skipped) = desk.foresee(job).await.unwrap();
    assert_eq!(replayed, count(ALL) - 3);
    let expected = ["claimed by bob", "discarded since", "replayed since"].map(|why| (why.to_owned(), 1));
    assert_eq!(skipped, expected);
    desk.start(job, "ada").await.unwrap();
    let finished = comes_to(&desk, job, JobState::Finished).await.tally;
    assert_eq!((finished.succeeded, finished.skipped), (count(ALL) - 3, 3));
    let items = desk.items(job, 0, 4).await.unwrap();
    let results: Vec<&str> = items.iter().map(|item| item.result.as_str()).collect();
    assert_eq!(results, ["", "claimed by bob", "discarded since", "replayed since"]);
    assert_eq!(handled(&env).await, (count(ALL) - 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_make_no_sense_are_refused() {
    let env = TestEnv::new().await;
    let desk = Desk::new(Database::new(&env.settings().database_url, 1).expect("a URL"));
    for (field, terms) in [
        ("canary", Terms { canary: vec![1, 0], ..terms() }),
        ("per_second", Terms { per_second: 0.0, ..terms() }),
        ("per_second", Terms { per_second: f64::NAN, ..terms() }),
        ("stop_above", Terms { stop_above: 1.5, ..terms() }),
    ] {
        let refused = desk.freeze(&Filter::default(), &terms, "ada").await.unwrap_err();
        assert!(matches!(refused, DeskError::Terms(named, _) if named == field), "{refused}");
    }
}
