//! Counts: each corrects the ledger as of the time when its person looked, once.

use std::time::{Duration, SystemTime};

use despatch_contracts::stock::CountRequested;
use tokio_postgres::Client;

use crate::stock_requests::{all_results, ask, available, count, in_bucket, outcomes, receive};
use crate::{AN_HOUR, accepted_as, assert_lawful, order_for, warehouse};

/// The database's time, so many seconds later.
async fn after(db: &Client, seconds: u64) -> SystemTime {
    let now: SystemTime = db.query_one("SELECT despatch_now()", &[]).await.unwrap().get(0);
    now + Duration::from_secs(seconds)
}

fn counted(request_id: &str, units: i64, seen_at: SystemTime) -> CountRequested {
    let mut event = count(request_id, &[("SKU-A", "east", units)]);
    event.rows[0].seen_at = Some(seen_at.into());
    event
}

#[tokio::test]
async fn a_count_is_compared_with_the_time_when_the_person_looked() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 10)]).await;
    let seen_at = after(&db, 60).await;
    env.advance(Duration::from_secs(600)).await;
    ask(&env, &db, "r-1", &receive("r-1", &[("SKU-A", "east", 5)])).await;
    // Two were not there; the delivery came later.
    ask(&env, &db, "c-1", &counted("c-1", 8, seen_at)).await;
    assert_eq!((available(&db, "SKU-A", "east").await, in_bucket(&db, "SKU-A", "missing").await), (13, 2));
}

#[tokio::test]
async fn a_second_count_of_a_shelf_finds_what_the_first_one_corrected() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 10)]).await;
    let (first, second) = (after(&db, 60).await, after(&db, 120).await);
    // Both people looked before either count was entered.
    env.advance(Duration::from_secs(600)).await;
    let booked = outcomes(&[("booked", "")]);
    for (request_id, units, seen_at, is) in
        [("c-1", 13, first, 13), ("c-2", 13, second, 13), ("c-3", 13, second, 13), ("c-4", 8, second, 8)]
    {
        assert_eq!(ask(&env, &db, request_id, &counted(request_id, units, seen_at)).await, booked);
        assert_eq!(available(&db, "SKU-A", "east").await, is, "{request_id}");
    }
    // An older count would undo what a newer one found.
    let older = ask(&env, &db, "c-5", &counted("c-5", 13, first)).await;
    assert_eq!(older, outcomes(&[("refused", "counted-since")]));
    // A clock that is fast does not keep the next count out.
    ask(&env, &db, "c-6", &counted("c-6", 9, after(&db, 86_400).await)).await;
    env.advance(Duration::from_secs(1)).await;
    assert_eq!(ask(&env, &db, "c-7", &count("c-7", &[("SKU-A", "east", 7)])).await, booked);
    assert_eq!(available(&db, "SKU-A", "east").await, 7);
    assert_lawful(&db).await;
}

#[tokio::test]
async fn a_count_says_the_difference_and_whose_units_it_took() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 6)]).await;
    env.deliver(&accepted_as(order_for("o-1", &[("SKU-A", 4)]))).await;
    env.quiet().await;
    ask(&env, &db, "c-1", &count("c-1", &[("SKU-A", "east", 3)])).await;
    let row = &all_results(&db, "c-1").await[0];
    assert_eq!(row["difference"], -3);
    assert_eq!(row["taken_from"], serde_json::json!([{ "order_id": "o-1", "units": 1 }]));
    ask(&env, &db, "c-2", &count("c-2", &[("SKU-A", "east", 5)])).await;
    let row = &all_results(&db, "c-2").await[0];
    assert_eq!((&row["difference"], &row["taken_from"]), (&2.into(), &serde_json::Value::Null));
}
