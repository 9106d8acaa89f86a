//! The worker against real servers. Every event goes through the runtime, and is delivered twice.

use despatch_contracts::stock::{Parcel, StockPicked};
use despatch_testkit::{TestEnv, eventually, order};
use gift_wrap::{Config, GiftWrapped, worker};

async fn env(at_least_minor: i64) -> TestEnv {
    let env = TestEnv::new().await;
    env.run(worker(&Config { at_least_minor, paper: "blue".to_owned() })).await;
    env
}

fn picked(id: &str, number: u32) -> StockPicked {
    StockPicked { order: Some(order(id)), parcel: Some(Parcel { number, of: 2, ..Parcel::default() }) }
}

#[tokio::test]
async fn each_parcel_of_a_dear_order_is_wrapped_once_and_its_paper_counted() {
    let env = env(0).await;
    env.deliver(&picked("o-1", 1)).await;
    env.deliver(&picked("o-1", 2)).await;
    let wrapped: GiftWrapped = env.expect("o-1").await;
    assert_eq!(wrapped.paper, "blue");
    let db = env.db().await;
    eventually("two sheets are counted", async || {
        let sql = "select sheets from giftwrap.paper where colour = 'blue'";
        let row = db.query_opt(sql, &[]).await.expect("the worker's table")?;
        (row.get::<_, i64>(0) == 2).then_some(())
    })
    .await;
    env.quiet().await;
    assert_eq!(env.count::<GiftWrapped>("o-1").await, 2);
}

#[tokio::test]
async fn other_orders_are_not_wrapped() {
    let env = env(i64::MAX).await;
    env.deliver(&picked("o-1", 1)).await;
    env.quiet().await;
    assert_eq!(env.count::<GiftWrapped>("o-1").await, 0);
}
