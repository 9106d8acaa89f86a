//! Rows past their retention go in small steps; those that are young or still needed stay.

use std::collections::BTreeMap;
use std::time::Duration;

use despatch_runtime::{Migration, Process, Retention, Settings, Worker, migrate_all, provision_all};
use despatch_testkit::{TestEnv, eventually};
use tokio_postgres::Client;

use crate::child;
use crate::fixture::Fixture;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Things, and a log of the transactions that deleted some.
const MIGRATIONS: &[Migration] = &[Migration {
    name: "0001_things",
    sql: "create table things.thing (id bigint primary key, needed_at timestamptz not null, is_open boolean not null);
          create table things.step (transaction xid8 not null);
          create function things.note() returns trigger language plpgsql as
              $$ begin insert into things.step values (pg_current_xact_id()); return null; end $$;
          create trigger note after delete on things.thing for each row execute function things.note();",
}];

fn worker() -> Worker {
    let sql = "with old as (
                   select id from things.thing where needed_at < $1 and not is_open
                   order by id limit $2 for update skip locked),
               gone as (delete from things.thing using old where thing.id = old.id returning 1)
               select count(*) from gone";
    Worker::new("things", MIGRATIONS).prunes([Retention::new("things", 30, sql)])
}

async fn count(db: &Client, sql: &str) -> i64 {
    db.query_one(&format!("select count(*) from {sql}"), &[]).await.unwrap().get(0)
}

async fn pruned_to(db: &Client, sql: &str, left: i64) {
    eventually("the rest is pruned", async || (count(db, sql).await == left).then_some(())).await;
}

/// 450 that are closed and 5 that are open, as old as this, and 5 that are young.
async fn fill(db: &Client, old: &str) {
    let sql = format!(
        "insert into things.thing
         select id, despatch_now() - case when id > 455 then '1 day'::interval else '{old}' end, id between 451 and 455
           from generate_series(1, 460) id"
    );
    db.batch_execute(&sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn old_rows_go_in_steps_and_the_young_and_open_stay() {
    let env = TestEnv::new().await;
    migrate_all(env.settings(), &[worker()]).await.unwrap();
    let db = env.db().await;
    fill(&db, "31 days").await;
    env.run(worker()).await;
    pruned_to(&db, "things.thing", 10).await;
    assert_eq!(
        count(&db, "things.thing where is_open or needed_at > despatch_now() - interval '30 days'").await,
        10
    );
    let steps = "select count(*) from things.step group by transaction order by 1";
    let steps: Vec<i64> = db.query(steps, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(steps, [50, 200, 200], "each step is a transaction of few rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_as_old_as_the_deployment_s_clock_says_and_the_settings_decide() {
    let env = TestEnv::new().await;
    migrate_all(env.settings(), &[worker()]).await.unwrap();
    let db = env.db().await;
    fill(&db, "20 days").await;
    let kept = |days: u32| {
        let retentions = BTreeMap::from([("things".to_owned(), DAY * days)]);
        Settings { retentions, ..env.settings().clone() }
    };
    // The next retention of the same worker shows that the pruner has passed the one before it.
    let look = async |settings: Settings| {
        let passed =
            "with gone as (insert into public.passed values ($1, $2) returning 1) select 0::bigint from gone";
        let process = Process::start(settings, vec![worker().prunes([Retention::new("passed", 1, passed)])]);
        let table = "create table if not exists public.passed (before timestamptz, most bigint); truncate public.passed";
        db.batch_execute(table).await.unwrap();
        let process = process.await.unwrap();
        eventually("a look", async || (count(&db, "public.passed").await > 0).then_some(())).await;
        process.drain().await;
    };
    look(kept(0)).await;
    look(kept(21)).await;
    assert_eq!(
        count(&db, "things.thing").await,
        460,
        "zero is without an end, and 20 days are fewer than 21"
    );
    env.advance(2 * DAY).await;
    look(kept(0)).await;
    assert_eq!(count(&db, "things.thing").await, 460);
    let process = Process::start(kept(21), vec![worker()]).await.unwrap();
    pruned_to(&db, "things.thing", 10).await;
    process.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_steps_is_harmless() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
    provision_all(env.settings(), &[fixture.worker()]).await.unwrap();
    let db = env.db().await;
    effects(&db, 450, "'fixture'").await;
    child::start(&env, "after-prune=return").aborted().await;
    assert_eq!(count(&db, "fixture.effect").await, 250, "one step is kept");
    env.run(fixture.worker()).await;
    pruned_to(&db, "fixture.effect", 0).await;
}

async fn effects(db: &Client, number: i64, operation: &str) {
    let sql = format!(
        "insert into fixture.effect (subject, operation, part, n, begun_at)
         select 'order/' || n, {operation}, '', 0, despatch_now() - interval '401 days'
           from generate_series(1, {number}) n"
    );
    db.batch_execute(&sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_stay_while_their_event_may_be_tried_again_and_claims_for_good() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
    let db = env.db().await;
    effects(&db, 3, "'fixture'").await;
    effects(&db, 1, "'claim'").await;
    db.batch_execute(
        "insert into fixture.effect (subject, operation, part, n) values ('order/young', 'fixture', '', 0);
         insert into fixture.journal (id, handler, generation, state, subject, recorded_at)
         select gen_random_uuid(), 'fixture.obey', 0, state, subject, despatch_now() - days * interval '1 day'
           from (values ('done', 'order/1', 400), ('waiting', 'order/2', 800), ('dead', 'order/3', 400),
                        ('dead', 'order/4', 731)) as each(state, subject, days)",
    )
    .await
    .unwrap();
    env.run(fixture.worker()).await;
    pruned_to(&db, "fixture.effect", 4).await;
    let left = "select subject || ' ' || operation from fixture.effect order by 1";
    let left: Vec<String> = db.query(left, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(left, ["order/1 claim", "order/2 fixture", "order/3 fixture", "order/young fixture"]);
    pruned_to(&db, "fixture.journal where subject = 'order/4'", 0).await;
    assert_eq!(
        count(&db, "fixture.journal where state <> 'done'").await,
        2,
        "those that wait, and the younger dead"
    );
}
