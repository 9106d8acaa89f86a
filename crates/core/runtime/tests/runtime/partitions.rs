//! The journal's partitions: created before they are needed, dropped when none needs them.

use std::time::{Duration, SystemTime};

use despatch_contracts::EventId;
use despatch_runtime::{Worker, migrate_all};
use despatch_testkit::{TestEnv, eventually};
use tokio_postgres::Client;

use crate::fixture::Fixture;

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

async fn partitions(db: &Client) -> Vec<String> {
    let sql = "select inhrelid::regclass::text from pg_inherits
                where inhparent = 'fixture.journal'::regclass order by 1";
    db.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn where_is(db: &Client, id: EventId) -> Option<String> {
    let sql = "select tableoid::regclass::text from fixture.journal where id = $1::text::uuid";
    db.query_opt(sql, &[&id.to_string()]).await.unwrap().map(|row| row.get(0))
}

async fn journal(db: &Client, id: EventId, state: &str) {
    let sql = "insert into fixture.journal (id, handler, generation, state, subject)
               values ($1::text::uuid, 'fixture.obey', 0, $2, 'o')";
    db.execute(sql, &[&id.to_string(), &state]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_lie_ready_and_take_over_what_came_before_them() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
    let db = env.db().await;
    let ahead = partitions(&db).await;
    // This week and three to come, and one for everything else.
    assert_eq!(ahead.len(), 5, "{ahead:?}");
    let (next_week, far) =
        (EventId::first_at(SystemTime::now() + WEEK), EventId::first_at(SystemTime::now() + WEEK * 30));
    journal(&db, next_week, "done").await;
    let home = where_is(&db, next_week).await.unwrap();
    assert!(ahead.contains(&home) && home != "fixture.journal_other", "{home}");
    // As if the partitions had not been maintained for a while.
    db.batch_execute(&format!("drop table {home}")).await.unwrap();
    journal(&db, next_week, "waiting").await;
    journal(&db, far, "done").await;
    assert_eq!(where_is(&db, next_week).await.unwrap(), "fixture.journal_other");

    migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
    assert_eq!(where_is(&db, next_week).await.unwrap(), home);
    assert_eq!(where_is(&db, far).await.unwrap(), "fixture.journal_other");
    assert_eq!(partitions(&db).await, ahead);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_of_a_new_database_may_migrate_at_the_same_time() {
    const NAMES: [&str; 8] = ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"];
    let env = TestEnv::new().await;
    let migrating = NAMES.map(async |name| migrate_all(env.settings(), &[Worker::new(name, &[])]).await);
    for migrated in futures_util::future::join_all(migrating).await {
        migrated.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_partitions_go_and_what_is_unsettled_stays() {
    let env = TestEnv::new().await;
    let fixture = Fixture::new(&env).await;
    migrate_all(env.settings(), &[fixture.worker()]).await.unwrap();
    let db = env.db().await;
    let now = SystemTime::now();
    let mut old = Vec::new();
    for (weeks, name, state) in [
        (20, "journal_w20200105", "done"),
        (19, "journal_w20200112", "waiting"),
        (18, "journal_w20200119", "dead"),
        (17, "journal_w20200126", "done"),
        (16, "journal_w20200202", "done"),
    ] {
        let (from, to) = (now - WEEK * weeks, now - WEEK * (weeks - 1));
        let (first, end) = (EventId::first_at(from), EventId::first_at(to));
        db.batch_execute(&format!(
            "create table fixture.{name} partition of fixture.journal for values from ('{first}') to ('{end}')"
        ))
        .await
        .unwrap();
        let id = EventId::first_at(from + Duration::from_secs(60));
        journal(&db, id, state).await;
        old.push(id);
    }
    // The sweeper does not take it before its time, which never comes here.
    let open = "insert into fixture.outbox_batch (handler, events, opened_at)
                values ('fixture.obey', array[$1::text::uuid], despatch_now() + interval '1 year')";
    db.execute(open, &[&old[4].to_string()]).await.unwrap();
    env.run(fixture.worker()).await;
    eventually("what expired is gone", async || {
        let left = partitions(&db).await;
        let gone = |name: &str| !left.iter().any(|partition| partition.ends_with(name));
        let expired = ["journal_w20200105", "journal_w20200112", "journal_w20200119", "journal_w20200126"];
        expired.iter().all(|name| gone(name)).then_some(())
    })
    .await;
    let mut left = Vec::new();
    for id in old {
        left.push(where_is(&db, id).await.is_some());
    }
    assert_eq!(left, [false, true, true, false, true]);
    assert_eq!(
        partitions(&db).await.len(),
        5 + 1,
        "this week's, the coming ones, and what is unpublished from stay"
    );
}
