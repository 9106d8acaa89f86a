//! Articles that run low, by the days for which their units last.

use std::time::{Duration, SystemTime};

use despatch_contracts::order::OrderCancelled;
use despatch_contracts::stock::{
    ExpectRequested, ExpectedRow, Item, ItemsSet, StockCoverDue, StockRanLow, StockReserved,
};
use despatch_inventory::{Config, worker};
use despatch_testkit::{TestEnv, eventually};
use prost::Message as _;
use tokio_postgres::Client;

use crate::stock_requests::{ask, asked, receive};
use crate::{accepted_as, order_for};

const A_DAY: Duration = Duration::from_secs(24 * 3600);

/// A look at all articles is at most so far away.
const A_LOOK: Duration = Duration::from_secs(901);

/// A warehouse in which no reservation ends, with these units of SKU-A.
async fn warehouse(cover_days: u32, cover_window_days: u32, units: i64) -> (TestEnv, Client) {
    let env = TestEnv::new().await;
    let config =
        Config { reservation_seconds: 365 * 24 * 3600, cover_days, cover_window_days, ..Config::default() };
    env.run(worker(&config)).await;
    let db = crate::receive(&env, &[]).await;
    ask(&env, &db, "first", &receive("first", &[("SKU-A", "east", units), ("SKU-B", "west", 1)])).await;
    (env, db)
}

async fn sell(env: &TestEnv, order_id: &str, units: i64) {
    env.deliver(&accepted_as(order_for(order_id, &[("SKU-A", units)]))).await;
    env.expect::<StockReserved>(order_id).await;
}

/// Looks at all articles now.
async fn look(env: &TestEnv) -> Vec<StockRanLow> {
    env.quiet().await;
    env.deliver(&StockCoverDue { after: String::new() }).await;
    env.quiet().await;
    let told = env.messages("evt.stock.ran-low").await;
    told.into_iter().map(|message| StockRanLow::decode(message.payload).unwrap()).collect()
}

async fn threshold(env: &TestEnv, db: &Client, request_id: &str, days: i64) {
    let item = Item { sku: "SKU-A".into(), cover_days: Some(days), ..Item::default() };
    ask(env, db, request_id, &ItemsSet { request: Some(asked(request_id)), items: vec![item] }).await;
}

#[tokio::test]
async fn an_article_that_runs_low_is_told_once_until_there_are_enough_again() {
    let (env, db) = warehouse(7, 10, 100).await;
    sell(&env, "o-1", 5).await;
    assert!(look(&env).await.is_empty(), "it lasts for 19 days");
    sell(&env, "o-2", 15).await;
    let told = look(&env).await;
    assert_eq!((told.len(), told[0].sku.as_str(), told[0].available), (1, "SKU-A", 80));
    assert!((told[0].per_day - 20.0).abs() < 0.1 && (told[0].days - 4.0).abs() < 0.1, "{told:?}");
    let letter = env.expect_dead("SKU-A").await;
    assert_eq!((letter.handler.as_str(), letter.reason.as_str()), ("inventory.flag-low", "stock-low"));
    let error = &letter.failures.last().unwrap().error;
    assert_eq!(
        error,
        "SKU-A lasts for 4.0 days, expected 7: 80 units available, 20.0 sold per day, 0 more announced"
    );
    sell(&env, "o-3", 10).await;
    assert_eq!(look(&env).await.len(), 1);
    // Hardly enough: a cancelled order ends no alert.
    ask(&env, &db, "r-1", &receive("r-1", &[("SKU-A", "west", 145)])).await;
    env.deliver(&OrderCancelled { order_id: "o-1".into(), reason: "customer-cancelled".into() }).await;
    assert_eq!(look(&env).await.len(), 1);
    sell(&env, "o-4", 5).await;
    assert_eq!(look(&env).await.len(), 1);
    // Enough, and low again.
    ask(&env, &db, "r-2", &receive("r-2", &[("SKU-A", "west", 500)])).await;
    look(&env).await;
    sell(&env, "o-5", 100).await;
    assert_eq!(look(&env).await.len(), 2);
    // The timer looks by itself.
    threshold(&env, &db, "i-1", 0).await;
    env.advance(A_LOOK).await;
    let sql = "SELECT count(*) FROM inventory.low_stock";
    eventually("nobody wants to be told", async || {
        (db.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_article_s_own_threshold_counts_and_what_comes_in_time() {
    let (env, db) = warehouse(0, 10, 100).await;
    sell(&env, "o-1", 50).await;
    assert!(look(&env).await.is_empty(), "nobody asked for alerts");
    let now = db.query_one("SELECT despatch_now()", &[]).await.unwrap().get::<_, SystemTime>(0);
    let expected = |request_id: &str, due: Duration| ExpectRequested {
        request: Some(asked(request_id)),
        delivery: "PO-1".into(),
        due: Some((now + due).into()),
        rows: vec![ExpectedRow { sku: "SKU-A".into(), location: "west".into(), quantity: 500 }],
        ..ExpectRequested::default()
    };
    ask(&env, &db, "e-1", &expected("e-1", A_DAY / 2)).await;
    threshold(&env, &db, "i-1", 7).await;
    assert!(look(&env).await.is_empty(), "500 units come before the last one is sold");
    // The supplier postpones them.
    ask(&env, &db, "e-2", &expected("e-2", 5 * A_DAY)).await;
    let told = look(&env).await;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].expected[0].delivery.as_str(), told[0].expected[0].quantity), ("PO-1", 500));
    assert!((told[0].days - 1.0).abs() < 0.1 && told[0].threshold_days == 7, "{told:?}");
}

#[tokio::test]
async fn what_was_sold_before_the_window_does_not_count() {
    let (env, db) = warehouse(7, 4, 110).await;
    let closings =
        async || -> i64 { db.query_one("SELECT count(*) FROM inventory.closing", &[]).await.unwrap().get(0) };
    sell(&env, "o-1", 90).await;
    // The timer closes the day of that sale, and later ones.
    for _ in 0..8 {
        let before = closings().await;
        env.advance(A_DAY + A_DAY / 12).await;
        eventually("a day is closed", async || (closings().await > before).then_some(())).await;
    }
    env.quiet().await;
    let low = env.messages("evt.stock.ran-low").await.len();
    ask(&env, &db, "r-1", &receive("r-1", &[("SKU-A", "east", 1000)])).await;
    look(&env).await;
    sell(&env, "o-2", 1000).await;
    let told = look(&env).await;
    assert_eq!(told.len(), low + 1);
    let last = told.last().unwrap();
    // 1,000 units in the 4 days before today and a part of today.
    assert!(last.per_day > 199.0 && last.per_day < 250.1, "{last:?}");
    assert_eq!(last.available, 20);
}

#[tokio::test]
async fn a_sale_within_the_window_brings_no_earlier_one_back() {
    let (env, db) = warehouse(0, 4, 20_000).await;
    let closings =
        async || -> i64 { db.query_one("SELECT count(*) FROM inventory.closing", &[]).await.unwrap().get(0) };
    sell(&env, "o-1", 9000).await;
    for day in 0..8 {
        // Two days of the window are closed after this.
        if day == 6 {
            sell(&env, "o-2", 40).await;
        }
        let before = closings().await;
        env.advance(A_DAY + A_DAY / 12).await;
        eventually("a day is closed", async || (closings().await > before).then_some(())).await;
    }
    threshold(&env, &db, "i-1", 10_000).await;
    let told = look(&env).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].per_day > 7.9 && told[0].per_day < 10.1, "{told:?}");
}
