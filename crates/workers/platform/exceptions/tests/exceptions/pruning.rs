//! Closed cases go after their time, with their histories; open ones stay.

use despatch_contracts::EventId;
use despatch_exceptions::worker;
use despatch_testkit::eventually;

use crate::{config, dies, env, letter};

#[tokio::test]
async fn closed_cases_go_and_open_ones_stay_however_old() {
    let (env, _team) = env().await;
    let ids = [0; 3].map(|_| EventId::new());
    for id in ids {
        dies(&env, &letter(id, "o-1", 0, "carrier-rejected", "no")).await;
    }
    env.quiet().await;
    let db = env.db().await;
    let [closed, open, lately] = ids.map(EventId::uuid);
    let close = "update exceptions.exception set state = 'resolved', resolution = 'discarded' where event_id = any($1)";
    db.execute(close, &[&vec![closed, lately]]).await.unwrap();
    let age = "update exceptions.exception set opened_at = despatch_now() - interval '400 days',
                      updated_at = despatch_now() - case event_id when $1 then interval '1 day' else '366 days' end";
    db.execute(age, &[&lately]).await.unwrap();
    db.batch_execute(
        "insert into exceptions.bulk_replay (created_by, filter, state, canary, per_second, stop_above, updated_at)
         select 'ann', '', state, '{1}', 1, 0, despatch_now() - interval '366 days'
           from unnest(array['finished', 'paused']) state;
         insert into exceptions.bulk_replay_item (bulk_replay, seq, handler, event_id, generation, state)
         select id, seq, 'labels.create', gen_random_uuid(), 0, 'succeeded'
           from exceptions.bulk_replay, generate_series(1, 3) seq;
         insert into exceptions.bulk_replay_history (bulk_replay, actor, kind, detail)
         select id, 'ann', 'created', '' from exceptions.bulk_replay",
    )
    .await
    .unwrap();
    env.run(worker(&config()).expect("a sound configuration")).await;
    let count = async |sql: &str| -> i64 {
        db.query_one(&format!("select count(*) from exceptions.{sql}"), &[]).await.unwrap().get(0)
    };
    // The bulk replay goes last.
    eventually("the finished bulk replay goes", async || (count("bulk_replay").await == 1).then_some(()))
        .await;
    assert_eq!(count("bulk_replay where state = 'paused'").await, 1);
    assert_eq!((count("bulk_replay_item").await, count("bulk_replay_history").await), (3, 1));
    for table in ["exception", "history"] {
        let left = format!("select distinct event_id from exceptions.{table} order by 1");
        let left: Vec<uuid::Uuid> =
            db.query(&left, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        let mut expected = vec![open, lately];
        expected.sort();
        assert_eq!(left, expected, "{table}");
    }
}
