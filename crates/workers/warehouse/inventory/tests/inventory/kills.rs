//! A process that ends at a boundary while it records a delivery: the next one finishes it, and each row is booked once.

use despatch_inventory::{Config, store, worker};
use despatch_testkit::{Child, TestEnv, eventually};

use crate::stock_requests::{available, count, in_bucket, outcomes, receive, results};
use crate::{AN_HOUR, assert_lawful, warehouse};

/// The runtime's boundaries that a request passes.
pub(crate) const BOUNDARIES: [&str; 5] =
    ["before-commit", "after-commit", "after-publish", "after-close", "before-ack"];

async fn run_inventory(env: &TestEnv) -> std::sync::Arc<despatch_runtime::Process> {
    env.run(worker(&Config { reservation_seconds: AN_HOUR, second_person_above: 0, ..Config::default() }))
        .await
}

/// Runs the process. Useless when run by hand.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by other tests, as a process of its own"]
async fn run() {
    let Some(env) = Child::joined().await else { return };
    let _failpoints = fail::FailScenario::setup();
    run_inventory(&env).await;
    Child::until_parent_ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_a_process_ends_each_row_of_a_delivery_is_booked_once() {
    for boundary in BOUNDARIES {
        let (env, db) = crate::idle_warehouse().await;
        env.deliver(&receive("r-1", &[("SKU-A", "east", 5), ("SKU-A", "nowhere", 1), ("SKU-B", "west", 2)]))
            .await;
        let mut victim = Child::start("kills::run", &env, &format!("{boundary}=return"), &[]);
        let is_known = "SELECT FROM inventory.request WHERE request_id = 'r-1'";
        eventually("it has ended, or all is done", async || {
            let is_done = db.query_opt(is_known, &[]).await.unwrap().is_some();
            (victim.has_ended() || is_done).then_some(())
        })
        .await;
        drop(victim);
        run_inventory(&env).await;
        let outcomes: Vec<String> =
            results(&db, "r-1").await.into_iter().map(|(outcome, _)| outcome).collect();
        assert_eq!(outcomes, ["booked", "refused", "booked"], "{boundary}");
        env.quiet().await;
        assert_eq!((available(&db, "SKU-A", "east").await, available(&db, "SKU-B", "west").await), (5, 2));
        assert_eq!(in_bucket(&db, "SKU-A", "supplier").await, -5, "{boundary}");
        assert_lawful(&db).await;
    }
}

/// Two processes, and the same rows in several requests at once.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_delivery_in_many_requests_at_once_is_booked_once() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    run_inventory(&env).await;
    for number in 0..12 {
        let request_id = format!("r-{number}");
        let skus: Vec<String> = (0..40).map(|sku| format!("S-{}", (sku + number * 7) % 40)).collect();
        let rows: Vec<_> = skus.iter().map(|sku| (sku.as_str(), "east", 3)).collect();
        let mut event = receive(&request_id, &rows);
        event.rows.iter_mut().for_each(|row| row.row_id = row.sku.clone());
        env.deliver(&event).await;
    }
    env.quiet().await;
    let sums = "SELECT count(*), min(available), max(available) FROM inventory.stock";
    let row = db.query_one(sums, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)), (40, 3, 3));
    let booked = "SELECT sum(rows), sum((SELECT count(*) FROM jsonb_array_elements(results) r WHERE r->>'outcome' = 'booked'))
                  FROM inventory.request";
    let row =
        db.query_one(&format!("SELECT a::int8, b::int8 FROM ({booked}) AS s (a, b)"), &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (480, 40));
    assert_lawful(&db).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_waits_for_a_receipt_at_a_position_that_had_no_unit() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 1)]).await;
    let mut other = env.db().await;
    let receipt = other.transaction().await.unwrap();
    store::receive(&receipt, "r-2", &[("SKU-A", "west", 5)]).await.unwrap();
    env.deliver(&count("c-1", &[("SKU-A", "west", 5)])).await;
    let waits =
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually("the count waits", async || db.query_opt(waits, &[]).await.unwrap()).await;
    receipt.commit().await.unwrap();
    assert_eq!(results(&db, "c-1").await, outcomes(&[("booked", "")]));
    env.quiet().await;
    assert_eq!(available(&db, "SKU-A", "west").await, 5);
    assert_lawful(&db).await;
}
