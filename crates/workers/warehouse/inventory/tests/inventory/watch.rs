//! Timers over the whole stock: levels that are told, days that are closed.

use std::time::Duration;

use despatch_contracts::stock::{StockClosingDue, StockLevelChanged};
use despatch_testkit::{TestEnv, eventually};
use prost::Message as _;

use crate::stock_requests::{adjust, ask, count, receive};
use crate::{AN_HOUR, assert_lawful, warehouse};

/// The levels told of a SKU, event by event: `location:available`.
async fn told(env: &TestEnv, sku: &str) -> Vec<Vec<String>> {
    let messages = env.messages("evt.stock.level-changed").await;
    let of_sku = messages.into_iter().filter(|message| message.subject == format!("sku/{sku}"));
    of_sku
        .map(|message| StockLevelChanged::decode(message.payload).unwrap())
        .map(|event| event.levels.iter().map(|it| format!("{}:{}", it.location, it.available)).collect())
        .collect()
}

async fn last_told(env: &TestEnv, sku: &str, expected: &[&str]) {
    eventually("the levels are told", async || {
        (told(env, sku).await.last().is_some_and(|levels| levels == expected)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn changes_of_a_level_are_told_together_and_each_change_in_the_end() {
    let (env, db) = warehouse(AN_HOUR, &[]).await;
    ask(
        &env,
        &db,
        "r-1",
        &receive("r-1", &[("SKU-A", "east", 9), ("SKU-A", "west", 2), ("SKU-B", "west", 1)]),
    )
    .await;
    env.advance(Duration::from_secs(60)).await;
    last_told(&env, "SKU-A", &["east:9", "west:2"]).await;
    last_told(&env, "SKU-B", &["west:1"]).await;
    for number in 0..6 {
        let request_id = format!("a-{number}");
        ask(&env, &db, &request_id, &adjust(&request_id, &[("SKU-A", "east", -1, "lost")])).await;
    }
    env.advance(Duration::from_secs(60)).await;
    last_told(&env, "SKU-A", &["east:3", "west:2"]).await;
    assert!(told(&env, "SKU-A").await.len() < 7, "each change is told by itself");
    // A level that did not change is not told again.
    assert_eq!(told(&env, "SKU-B").await.len(), 1);
}

#[tokio::test]
async fn a_closed_day_and_what_came_later_make_the_same_balances() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 5)]).await;
    let closed = "SELECT (SELECT count(*) FROM inventory.closing), (SELECT count(*) FROM inventory.balance)";
    let counts = async || {
        let row = db.query_one(closed, &[]).await.unwrap();
        (row.get::<_, i64>(0), row.get::<_, i64>(1))
    };
    // The first receipt sets the timer, which closes the days until yesterday: nothing moved on them.
    ask(&env, &db, "r-1", &receive("r-1", &[("SKU-A", "east", 4)])).await;
    eventually("yesterday is closed", async || (counts().await.0 == 1).then_some(())).await;
    env.advance(Duration::from_secs(26 * 3600)).await;
    eventually("the next day is closed", async || (counts().await.0 >= 2).then_some(())).await;
    assert_lawful(&db).await;
    let before = counts().await;
    assert!(before.1 >= 2, "supplier and available: {before:?}");
    ask(&env, &db, "c-1", &count("c-1", &[("SKU-A", "east", 7)])).await;
    assert_lawful(&db).await;
    env.advance(Duration::from_secs(26 * 3600)).await;
    eventually("another day is closed", async || (counts().await.0 > before.0).then_some(())).await;
    assert_lawful(&db).await;
    // A timer that comes again closes nothing twice.
    let before = counts().await;
    env.deliver(&StockClosingDue {}).await;
    env.quiet().await;
    assert_eq!(counts().await, before);
    let missing = "SELECT units FROM inventory.bucket WHERE bucket = 'missing'";
    assert_eq!(db.query_one(missing, &[]).await.unwrap().get::<_, i64>(0), 2);
}
