//! Counts that find fewer units than orders hold.

use std::time::Duration;

use despatch_contracts::payment::PaymentCaptured;
use despatch_contracts::runtime::DeadLetter;
use despatch_contracts::stock::{StockPicked, StockReleased, StockReserved, StockWithdrawn};
use despatch_testkit::{TestEnv, eventually};
use prost::Message as _;
use tokio_postgres::Client;

use crate::changes::{authorised, changed, going, moved, of, paid as paid_for};
use crate::stock_requests::{ask, available, count, in_bucket, receive};
use crate::{
    AN_HOUR, accepted_as, assert_lawful, cancelled, captured, despatched, order_for, units, warehouse,
};

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

#[tokio::test]
async fn an_order_that_changed_gets_what_it_wants_by_now() {
    let (env, db) = two_orders().await;
    ask(&env, &db, "c-1", &count("c-1", &[("SKU-A", "east", 4)])).await;
    let withdrawn: StockWithdrawn = env.expect("o-2").await;
    env.expect_dead("o-2").await;
    // One of its three units is taken off, so that one of the two that are gone is missing.
    let mut order = order_for("o-2", &[("SKU-A", 3)]);
    order.lines[0].removed = 1;
    env.deliver(&changed(4, &order)).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [6, 0, 4, 0]);
    ask(&env, &db, "r-1", &receive("r-1", &[("SKU-A", "west", 9)])).await;
    env.deliver(&withdrawn).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [15, 8, 5, 0]);
    assert_eq!(available(&db, "SKU-A", "west").await, 8);
}

#[tokio::test]
async fn a_parcel_that_left_without_its_units_is_a_case() {
    let (env, db) = two_orders().await;
    env.deliver(&paid("o-2")).await;
    env.expect::<StockPicked>("o-2").await;
    ask(&env, &db, "c-1", &count("c-1", &[("SKU-A", "east", 4)])).await;
    let withdrawn: StockWithdrawn = env.expect("o-2").await;
    env.expect_dead("o-2").await;
    env.deliver(&despatched("o-2", 1)).await;
    ask(&env, &db, "r-1", &receive("r-1", &[("SKU-A", "east", 9)])).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [15, 9, 3, 1]);
    env.deliver(&withdrawn).await;
    env.quiet().await;
    let letters = env.messages("dead.inventory.count-below-reserved").await;
    let errors: Vec<String> = letters
        .into_iter()
        .filter_map(|letter| DeadLetter::decode(letter.payload).unwrap().failures.pop())
        .map(|failure| failure.error)
        .collect();
    assert!(errors.iter().any(|error| error.starts_with("parcel 1 left after a count took 2")), "{errors:?}");
    assert_eq!(units(&db).await, [15, 9, 3, 1], "nothing goes to a parcel that left");
}

#[tokio::test]
async fn the_number_of_a_parcel_that_a_count_emptied_is_not_used_again() {
    // Paid while it is reserved, and after that.
    for reservation_seconds in [AN_HOUR, 0] {
        let (env, db) = warehouse(reservation_seconds, &[("SKU-A", "west", 9), ("SKU-B", "east", 9)]).await;
        let mut order = of("o-1", [2, 1]);
        env.deliver(&authorised(&order)).await;
        if reservation_seconds == 0 {
            env.expect::<StockReleased>("o-1").await;
        }
        env.expect::<StockReserved>("o-1").await;
        env.deliver(&paid_for(&order)).await;
        env.expect::<StockPicked>("o-1").await;
        ask(&env, &db, "c-1", &count("c-1", &[("SKU-A", "west", 0)])).await;
        let withdrawn: StockWithdrawn = env.expect("o-1").await;
        assert_eq!((withdrawn.parcel, withdrawn.quantity), (2, 2));
        env.expect_dead("o-1").await;
        order.ship_to.iter_mut().for_each(|address| address.street1 = "9 New Street".into());
        env.deliver(&moved(4, &order)).await;
        env.quiet().await;
        // The parcel 2 was labelled, so the one that is made again is another.
        let numbers: Vec<u32> = going(&env, "o-1").await.iter().map(|parcel| parcel.0).collect();
        assert_eq!(numbers, [2, 3]);
        // Its units come back as a parcel of its own.
        ask(&env, &db, "r-1", &receive("r-1", &[("SKU-A", "west", 2)])).await;
        env.deliver(&withdrawn).await;
        env.quiet().await;
        let numbers: Vec<u32> = going(&env, "o-1").await.iter().map(|parcel| parcel.0).collect();
        assert_eq!(numbers, [2, 3, 4]);
        assert_lawful(&db).await;
    }
}

#[tokio::test]
async fn an_order_that_reserved_again_gets_nothing_for_its_former_reservation() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 3)]).await;
    env.deliver(&accepted_as(order_for("o-1", &[("SKU-A", 3)]))).await;
    env.expect::<StockReserved>("o-1").await;
    ask(&env, &db, "c-1", &count("c-1", &[("SKU-A", "east", 1)])).await;
    let former: StockWithdrawn = env.expect("o-1").await;
    env.expect_dead("o-1").await;
    env.advance(Duration::from_secs(2 * AN_HOUR)).await;
    env.expect::<StockReleased>("o-1").await;
    ask(&env, &db, "r-1", &receive("r-1", &[("SKU-A", "west", 3)])).await;
    env.deliver(&paid("o-1")).await;
    env.expect::<StockPicked>("o-1").await;
    ask(&env, &db, "r-2", &receive("r-2", &[("SKU-A", "east", 5)])).await;
    env.deliver(&former).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [11, 6, 3, 0]);

    // A count takes from the new reservation too. Only at its location the order gets units back.
    ask(&env, &db, "c-2", &count("c-2", &[("SKU-A", "west", 1)])).await;
    env.quiet().await;
    env.deliver(&former).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [11, 6, 1, 0]);
    ask(&env, &db, "r-3", &receive("r-3", &[("SKU-A", "west", 2)])).await;
    let events = env.messages("evt.stock.withdrawn").await.into_iter();
    let mut events = events.map(|event| StockWithdrawn::decode(event.payload).unwrap());
    env.deliver(&events.find(|event| event.request_id == "c-2").unwrap()).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [13, 6, 3, 0]);
    assert_eq!(available(&db, "SKU-A", "west").await, 0);
    // No replay gives them twice.
    env.deliver(&former).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [13, 6, 3, 0]);
}
