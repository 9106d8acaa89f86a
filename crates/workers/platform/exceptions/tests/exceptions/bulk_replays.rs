//! Bulk replays.

use std::sync::Arc;

use despatch_contracts::order::OrderCompleted;
use despatch_exceptions::{
    BulkReplay, CaseId, DryRun, InvalidPlan, ReplayError, ReplayPlan, ReplayState, SkippedCases, worker,
};
use despatch_runtime::Process;
use despatch_testkit::{TestEnv, eventually};

use crate::config;
use crate::replays::fussy;
use crate::team::Team;

const ALL: usize = 300;

/// An environment where every event of so many orders is dead.
async fn many_dead() -> (TestEnv, Arc<Process>, Team) {
    let env = TestEnv::new().await;
    let process = env.run_all(vec![fussy(), worker(&config()).expect("a sound configuration")]).await;
    let team = Team::of(&env, 1);
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
    (env, process, team)
}

/// Fixes what makes every `each`th order fail.
async fn fix(env: &TestEnv, each: i32) {
    let sql = "insert into fussy.fixed select substr(subject, 7) from exceptions.exception
                where right(subject, 5)::int % $1 = 0 on conflict do nothing";
    env.db().await.execute(sql, &[&each]).await.unwrap();
}

async fn comes_to(team: &Team, id: i64, state: ReplayState) -> BulkReplay {
    eventually(state.name(), async || {
        let (replay, _) = team.replays.show(id).await.unwrap();
        (replay.state == state && replay.counts.sent == 0).then_some(replay)
    })
    .await
}

/// How many events were handled, and how many of these more than once.
async fn handled(env: &TestEnv) -> (i64, i64) {
    let sql =
        "select count(*) filter (where handled > 0), count(*) filter (where handled > 1) from fussy.fixed";
    let row = env.db().await.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

fn plan() -> ReplayPlan {
    ReplayPlan { per_second: 500.0, ..ReplayPlan::default() }
}

fn count(cases: usize) -> i64 {
    i64::try_from(cases).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_within_its_canary_and_goes_on_once_the_cause_is_fixed() {
    let (env, _process, team) = many_dead().await;
    fix(&env, 2).await;
    let replay = team.create(&plan(), "ada").await.unwrap();
    assert_eq!((replay.state, replay.counts.pending), (ReplayState::Created, count(ALL)));
    let dry_run = team.replays.dry_run(replay.id).await.unwrap();
    assert_eq!(dry_run, DryRun { replayed: count(ALL), skipped: vec![] });
    team.start(replay.id, "ada").await.unwrap();

    let stopped = comes_to(&team, replay.id, ReplayState::Stopped).await;
    let tried = stopped.counts.succeeded + stopped.counts.failed;
    assert!(stopped.counts.failed > 0 && tried <= 11, "{stopped:?}");
    assert_eq!(handled(&env).await, (stopped.counts.succeeded, 0));

    fix(&env, 1).await;
    team.resume(replay.id, "ada").await.unwrap();
    let finished = comes_to(&team, replay.id, ReplayState::Finished).await;
    assert_eq!(finished.counts.failed, stopped.counts.failed, "what had failed is another bulk replay's");
    assert_eq!(finished.counts.succeeded, count(ALL) - stopped.counts.failed);
    assert_eq!(handled(&env).await, (finished.counts.succeeded, 0));
    let (_, history) = team.replays.show(replay.id).await.unwrap();
    let kinds: Vec<&str> = history.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["created", "started", "stopped", "resumed", "finished"]);

    let rest = team.create(&plan(), "ada").await.unwrap();
    assert_eq!(rest.counts.total(), stopped.counts.failed);
    team.start(rest.id, "ada").await.unwrap();
    comes_to(&team, rest.id, ReplayState::Finished).await;
    assert_eq!(handled(&env).await, (count(ALL), 0));
    let nothing = team.create(&plan(), "ada").await;
    assert!(matches!(nothing, Err(ReplayError::NoCases(_))), "{nothing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_one_accounts_for_every_case() {
    let (env, _process, team) = many_dead().await;
    fix(&env, 1).await;
    let slow = ReplayPlan { canary: vec![], per_second: 40.0, stop_above: 0.0 };
    let replay = team.create(&slow, "ada").await.unwrap().id;
    team.start(replay, "ada").await.unwrap();
    eventually("some are handled", async || (handled(&env).await.0 > 5).then_some(())).await;
    team.pause(replay, "bob").await.unwrap();
    let paused = comes_to(&team, replay, ReplayState::Paused).await.counts;
    team.resume(replay, "bob").await.unwrap();
    eventually("more are handled", async || (handled(&env).await.0 > paused.succeeded + 5).then_some(()))
        .await;
    team.cancel(replay, "bob").await.unwrap();
    assert!(matches!(team.resume(replay, "bob").await, Err(ReplayError::WrongState { .. })));
    env.quiet().await;
    let cancelled = comes_to(&team, replay, ReplayState::Cancelled).await.counts;
    assert!(cancelled.cancelled > 0 && cancelled.pending == 0, "{cancelled:?}");
    assert_eq!(cancelled.succeeded + cancelled.cancelled, count(ALL));
    assert_eq!(handled(&env).await, (cancelled.succeeded, 0));
    let items = team.replays.items(replay, 0, u32::MAX).await.unwrap();
    assert_eq!(items.len(), ALL);
    assert!(items.iter().all(|item| ["succeeded", "cancelled"].contains(&item.state.as_str())));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_outlives_the_process_that_runs_it() {
    let (env, process, team) = many_dead().await;
    fix(&env, 1).await;
    let settings = env.settings().clone();
    let slow = ReplayPlan { per_second: 100.0, ..ReplayPlan::default() };
    let replay = team.create(&slow, "ada").await.unwrap().id;
    team.start(replay, "ada").await.unwrap();
    eventually("some are handled", async || (handled(&env).await.0 > 5).then_some(())).await;
    drop((env, process));
    let env = TestEnv::join(settings).await;
    let _process = env.run_all(vec![fussy(), worker(&config()).unwrap()]).await;
    let finished = comes_to(&team, replay, ReplayState::Finished).await;
    assert_eq!(finished.counts.succeeded, count(ALL));
    assert_eq!(handled(&env).await, (count(ALL), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_changed_since_is_skipped_with_a_reason() {
    let (env, _process, team) = many_dead().await;
    let replay = team.create(&plan(), "ada").await.unwrap().id;
    let items = team.replays.items(replay, 0, 4).await.unwrap();
    let ids: Vec<CaseId> =
        items.into_iter().map(|item| CaseId { handler: item.handler, event_id: item.event_id }).collect();
    fix(&env, 1).await;
    team.claim(&ids[0], "ada").await.unwrap();
    team.claim(&ids[1], "bob").await.unwrap();
    team.discard(&ids[2], "bob", "a test order").await.unwrap();
    team.replay(&ids[3], "bob").await.unwrap();
    env.quiet().await;
    let DryRun { replayed, skipped } = team.replays.dry_run(replay).await.unwrap();
    assert_eq!(replayed, count(ALL) - 3);
    let expected = ["claimed by bob", "discarded since", "replayed since"]
        .map(|why| SkippedCases { why: why.to_owned(), count: 1 });
    assert_eq!(skipped, expected);
    team.start(replay, "ada").await.unwrap();
    let finished = comes_to(&team, replay, ReplayState::Finished).await.counts;
    assert_eq!((finished.succeeded, finished.skipped), (count(ALL) - 3, 3));
    let items = team.replays.items(replay, 0, 4).await.unwrap();
    let results: Vec<&str> = items.iter().map(|item| item.result.as_str()).collect();
    assert_eq!(results, ["", "claimed by bob", "discarded since", "replayed since"]);
    assert_eq!(handled(&env).await, (count(ALL) - 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_plan_is_refused() {
    let env = TestEnv::new().await;
    let team = Team::of(&env, 1);
    for (field, plan) in [
        ("canary", ReplayPlan { canary: vec![1, 0], ..plan() }),
        ("per_second", ReplayPlan { per_second: 0.0, ..plan() }),
        ("per_second", ReplayPlan { per_second: f64::NAN, ..plan() }),
        ("stop_above", ReplayPlan { stop_above: 1.5, ..plan() }),
    ] {
        let refused = team.create(&plan, "ada").await.unwrap_err();
        assert!(
            matches!(refused, ReplayError::InvalidPlan(InvalidPlan { field: named, .. }) if named == field),
            "{refused}"
        );
    }
}
