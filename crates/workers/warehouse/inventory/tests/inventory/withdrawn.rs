//! Counts that find fewer units than orders hold.

use std::time::Duration;

use despatch_contracts::payment::PaymentCaptured;
use despatch_contracts::stock::{StockPicked, StockReserved, StockWithdrawn};
use despatch_testkit::{TestEnv, eventually};
use tokio_postgres::Client;

use crate::stock_requests::{ask, available, count, in_bucket, receive};
use crate::{AN_HOUR, accepted_as, assert_lawful, cancelled, captured, order_for, units, warehouse};

/// Two orders of three units each, of six; the second one was reserved last.
async fn two_orders() -> (TestEnv, Client) {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 6)]).await;
    for order_id in ["o-1", "o-2"] {
        env.deliver(&accepted_as(order_for(order_id, &[("SKU-A", 3)]))).await;
        env.expect::<StockReserved>(order_id).await;
        env.advance(Duration::from_secs(1)).await;
    }
    (env, db)
}

fn paid(order_id: &str) -> PaymentCaptured {
    PaymentCaptured { order: Some(order_for(order_id, &[("SKU-A", 3)])), ..captured(order_id) }
}

#[tokio::test]
async fn a_count_takes_from_the_latest_order_and_a_replay_gives_back() {
    let (env, db) = two_orders().await;
    ask(&env, &db, "c-1", &count("c-1", &[("SKU-A", "east", 4)])).await;
    let withdrawn: StockWithdrawn = env.expect("o-2").await;
    assert_eq!((withdrawn.line, withdrawn.quantity, withdrawn.request_id.as_str()), (1, 2, "c-1"));
    let dead = env.expect_dead("o-2").await;
    assert_eq!((dead.handler.as_str(), dead.reason.as_str()), ("inventory.restore", "count-below-reserved"));
    assert_eq!(in_bucket(&db, "SKU-A", "missing").await, 2);
    env.quiet().await;
    assert_eq!(env.count::<StockWithdrawn>("o-1").await, 0);
    assert_eq!(env.count::<StockWithdrawn>("o-2").await, 1);
    assert_eq!(units(&db).await, [6, 0, 4, 0]);

    // The payment waits for the units, so that no parcel goes without them.
    env.deliver(&paid("o-2")).await;
    env.deliver(&paid("o-1")).await;
    env.expect::<StockPicked>("o-1").await;
    assert_eq!(env.count::<StockPicked>("o-2").await, 0);
    ask(&env, &db, "c-2", &count("c-2", &[("SKU-A", "east", 7)])).await;
    assert_eq!((available(&db, "SKU-A", "east").await, in_bucket(&db, "SKU-A", "missing").await), (3, 0));
    // A replay is the same event again, as one of its own.
    env.deliver(&withdrawn).await;
    let picked: StockPicked = env.expect("o-2").await;
    let contents = picked.parcel.unwrap().contents;
    assert_eq!(contents.iter().map(|it| it.quantity).sum::<i64>(), 3);
    env.quiet().await;
    assert_eq!(units(&db).await, [7, 1, 6, 0]);
}

#[tokio::test]
async fn a_cancelled_order_needs_none_of_what_a_count_took() {
    let (env, db) = two_orders().await;
    ask(&env, &db, "c-1", &count("c-1", &[("SKU-A", "east", 2)])).await;
    let of_first: StockWithdrawn = env.expect("o-1").await;
    let of_second: StockWithdrawn = env.expect("o-2").await;
    assert_eq!((of_first.quantity, of_second.quantity), (1, 3));
    env.deliver(&cancelled("o-2")).await;
    eventually("the order is cancelled", async || {
        (crate::state(&db, "o-2").await == Some(despatch_inventory::store::State::Cancelled)).then_some(())
    })
    .await;
    ask(&env, &db, "r-1", &receive("r-1", &[("SKU-A", "east", 9)])).await;
    env.deliver(&of_second).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [15, 9, 2, 0]);
    assert_lawful(&db).await;
}
