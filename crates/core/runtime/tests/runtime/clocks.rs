//! Processes whose machine's clock is wrong. Tests move the database's clock: the difference is the same.

use std::time::{Duration, SystemTime};

use despatch_contracts::order::OrderCompleted;
use despatch_contracts::runtime::Envelope;
use despatch_contracts::{Emitted, EventId, Trace};
use despatch_runtime::{PartState, Worker, migrate_all, provision_all};
use despatch_testkit::{TestEnv, eventually};

use crate::author::{Named, TABLES, handled};
use crate::fixture::{Fixture, told};

/// The lock for which the scheduler waits in these tests, so that it never learns the time.
const SCHEDULER: i64 = 41;

/// Sets the database's clock this many days from this machine's. The scheduler's query for due work gets no answer, as
/// long as the returned connection lives.
async fn only_the_scheduler_waits(env: &TestEnv, days: i32) -> tokio_postgres::Client {
    let waits = env.db().await;
    waits.query_one("select pg_advisory_lock($1)", &[&SCHEDULER]).await.unwrap();
    let clock = format!(
        "create or replace function public.despatch_now() returns timestamptz language plpgsql as $$ begin
             if current_query() like '%as timers%' then perform pg_advisory_xact_lock_shared({SCHEDULER}); end if;
             return now() + interval '{days} days';
         end $$"
    );
    waits.batch_execute(&clock).await.unwrap();
    waits
}

async fn database_time(env: &TestEnv) -> SystemTime {
    env.db().await.query_one("select despatch_now()", &[]).await.unwrap().get(0)
}

fn is_near(id: EventId, time: SystemTime) -> bool {
    let apart = id.created_at().duration_since(time).unwrap_or_else(|error| error.duration());
    apart < Duration::from_secs(60)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_event_of_a_process_with_a_wrong_clock_is_handled() {
    for days in [-40, 40] {
        let env = TestEnv::new().await;
        let _waits = only_the_scheduler_waits(&env, days).await;
        let worker = Fixture::new(&env).await.worker();
        if days < 0 {
            // Otherwise the process makes the schema, on a connection that could not ask for the time.
            migrate_all(env.settings(), std::slice::from_ref(&worker)).await.unwrap();
        }
        provision_all(env.settings(), std::slice::from_ref(&worker)).await.unwrap();
        let now = database_time(&env).await;
        let event = Emitted::from(&told("o-1", "complete"));
        env.publish(&Envelope::first(EventId::at(now), "test", event, &Trace::root())).await;
        let process = env.run(worker).await;
        env.expect::<OrderCompleted>("o-1").await;
        assert_eq!(env.messages("dead.>").await.len(), 0, "{days} days");
        let id = process.outbox("fixture").unwrap().new_id().unwrap();
        assert!(is_near(id, now), "{days} days: {id}");
        let stated =
            eventually("the process complains", async || match process.health().parts().get("clock") {
                Some(PartState::Degraded(why)) => Some(why.clone()),
                _ => None,
            })
            .await;
        let side = if days > 0 { "behind" } else { "ahead of" };
        assert!(stated.contains(side) && process.health().is_ready(), "{days} days: {stated}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_brings_the_time() {
    let env = TestEnv::new().await;
    let waits = only_the_scheduler_waits(&env, 0).await;
    let process = env.run(Fixture::new(&env).await.worker()).await;
    let outbox = process.outbox("fixture").unwrap();
    assert!(is_near(outbox.new_id().unwrap(), SystemTime::now()));
    // The machine is stopped for three months, and its connections do not survive it.
    drop(waits);
    let _waits = only_the_scheduler_waits(&env, 90).await;
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and application_name = '' and pid <> pg_backend_pid()
                  and not exists (select from pg_locks l where l.pid = pg_stat_activity.pid and locktype = 'advisory'
                                     and mode = 'ExclusiveLock' and granted)";
    env.db().await.batch_execute(cut).await.unwrap();
    let now = database_time(&env).await;
    eventually("ids have the database's time", async || is_near(outbox.new_id().unwrap(), now).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_a_stream_is_asked_of_the_broker() {
    let env = TestEnv::new().await;
    let _waits = only_the_scheduler_waits(&env, 40).await;
    provision_all(env.settings(), &[Worker::new("author", TABLES).handler(Named::<1>)]).await.unwrap();
    let event = Emitted::from(&told("o-1", "complete"));
    let id = EventId::at(database_time(&env).await);
    env.publish(&Envelope::first(id, "test", event, &Trace::root())).await;
    // By the broker's clock the stream is new, so it may have replaced a lost one, and this handler was responsible for
    // what it holds. By the database's it is 40 days old.
    env.run(Worker::new("author", TABLES).handler(Named::<3>)).await;
    eventually("it is handled", async || (handled(&env, "o-1").await == ["author.late"]).then_some(())).await;
}
