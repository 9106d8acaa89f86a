//! Changes against everything that may come at the same time, in both orders, over two processes.

use std::time::Duration;

use despatch_contracts::stock::ParcelVoided;
use despatch_runtime::Settings;
use despatch_testkit::Child;

use super::changes::{authorised, changed, extended, going, is_picked, moved, of, paid};
use super::*;

fn config(reservation_seconds: u64) -> Config {
    Config { reservation_seconds, second_person_above: 0, ..Config::default() }
}

/// Delivers one of an order's events.
async fn deliver(env: &TestEnv, order: u32, event: u8) {
    let order_id = format!("o-{order}");
    let first = of(&order_id, [1, 1]);
    match event {
        0 => drop(env.deliver(&authorised(&first)).await),
        1 => drop(env.deliver(&paid(&first)).await),
        2 => drop(env.deliver(&moved(4, &of(&order_id, [1, 0]))).await),
        3 => drop(env.deliver(&extended(6, &of(&order_id, [2, 1]))).await),
        4 => drop(env.deliver(&changed(7, &of(&order_id, [2, 0]))).await),
        _ => drop(env.deliver(&cancelled(&order_id)).await),
    }
}

/// Every order of these events.
pub(crate) fn permutations(events: &[u8]) -> Vec<Vec<u8>> {
    if events.is_empty() {
        return vec![Vec::new()];
    }
    let first = |at: usize| {
        let rest: Vec<u8> = [&events[..at], &events[at + 1..]].concat();
        permutations(&rest).into_iter().map(move |rest| [&events[at..=at], &rest].concat())
    };
    (0..events.len()).flat_map(first).collect()
}

/// Delivers all of them at once, order after order, so that neither process waits for the other.
async fn deliver_all(env: &TestEnv, orders: &[Vec<u8>]) {
    for (order, events) in (0..).zip(orders) {
        for event in events {
            deliver(env, order, *event).await;
        }
    }
}

/// Each order ends with what the newest change says, and with parcels that hold it.
async fn all_end_as_the_newest_says(env: &TestEnv, db: &Client, orders: usize, received: i64) {
    env.quiet().await;
    for order in 0..orders {
        let order_id = format!("o-{order}");
        let parcels = going(env, &order_id).await;
        let units: Vec<(u32, i64)> = parcels.into_iter().flat_map(|parcel| parcel.4).collect();
        assert_eq!(units, [(1, 2)], "{order_id}");
    }
    let held = 2 * i64::try_from(orders).unwrap();
    assert_eq!(units(db).await, [received, received - held, held, 0]);
    assert!(env.messages("dead.>").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_every_order_of_events_the_newest_order_is_what_goes() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "west", 400), ("SKU-B", "east", 400)]).await;
    env.run(worker(&config(AN_HOUR))).await;
    let orders = permutations(&[0, 1, 2, 3, 4]);
    deliver_all(&env, &orders).await;
    all_end_as_the_newest_says(&env, &db, orders.len(), 800).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reservation_that_ends_before_or_after_the_change_is_made_again_from_the_newest_order() {
    let (env, db) = warehouse(0, &[("SKU-A", "west", 400), ("SKU-B", "east", 400)]).await;
    env.run(worker(&config(0))).await;
    let orders = permutations(&[0, 1, 3, 4]);
    deliver_all(&env, &orders).await;
    all_end_as_the_newest_says(&env, &db, orders.len(), 800).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_order_holds_nothing_in_every_order_of_events() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "west", 400), ("SKU-B", "east", 400)]).await;
    env.run(worker(&config(AN_HOUR))).await;
    let orders = permutations(&[0, 1, 2, 3, 5]);
    deliver_all(&env, &orders).await;
    env.quiet().await;
    assert_eq!(units(&db).await, [800, 800, 0, 0]);
    for order in 0..orders.len() {
        let order_id = format!("o-{order}");
        assert_eq!(state(&db, &order_id).await, Some(State::Cancelled));
        going(&env, &order_id).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_and_a_change_at_once_end_as_if_one_came_first() {
    const ORDERS: u32 = 24;
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "west", 99), ("SKU-B", "west", 99)]).await;
    for order in 0..ORDERS {
        is_picked(&env, &of(&format!("o-{order}"), [1, 1])).await;
    }
    env.run(worker(&config(AN_HOUR))).await;
    for order in 0..ORDERS {
        let order_id = format!("o-{order}");
        let (change, scan) = (changed(4, &of(&order_id, [1, 0])), despatched(&order_id, 1));
        if order % 2 == 0 {
            tokio::join!(env.deliver(&scan), env.deliver(&change));
        } else {
            tokio::join!(env.deliver(&change), env.deliver(&scan));
        }
    }
    env.quiet().await;
    let dead = env.messages("dead.>").await;
    for order in 0..ORDERS {
        let order_id = format!("o-{order}");
        let cases = dead.iter().filter(|letter| letter.subject == format!("order/{order_id}"));
        let cases: Vec<_> = cases.map(|letter| letter.source.clone()).collect();
        let allocations = store::reservation_of(&db, &order_id).await.unwrap().unwrap().allocations;
        let left = allocations.iter().all(|(_, has_left)| *has_left);
        // Exactly one of the two is a case: the change that came too late, or the scan of a parcel that is void.
        if left {
            assert_eq!((cases, allocations.len()), (vec!["inventory.flag-missed".to_owned()], 2));
            assert_eq!(env.count::<ParcelVoided>(&order_id).await, 0);
        } else {
            assert_eq!((cases, allocations.len()), (vec!["inventory.ship".to_owned()], 1));
            assert_eq!(allocations[0].0.parcel, 2);
        }
    }
    units(&db).await;
}

/// Runs the process. Useless when run by hand.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by other tests, as a process of its own"]
async fn run() {
    let Some(env) = Child::joined().await else { return };
    env.run(worker(&config(AN_HOUR))).await;
    Child::until_parent_ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_in_between_change_nothing() {
    let env = TestEnv::new().await;
    let (ack_wait, sweep_after) = (Duration::from_secs(2), Duration::from_secs(1));
    let env = TestEnv::join(Settings { ack_wait, sweep_after, ..env.settings().clone() }).await;
    env.run(worker(&config(AN_HOUR))).await;
    let db = receive(&env, &[("SKU-A", "west", 400), ("SKU-B", "east", 400)]).await;
    let orders = permutations(&[0, 1, 2, 3, 4]);
    let mut done = 0;
    for part in orders.chunks(orders.len().div_ceil(4)) {
        let mut killed = Child::start("races::run", &env, "", &[]);
        for (order, events) in (done..).zip(part) {
            for event in events {
                deliver(&env, order, *event).await;
            }
        }
        done += u32::try_from(part.len()).unwrap();
        let enough = i64::from(done) * 5 / 2;
        let handled = "SELECT count(*) FROM inventory.journal";
        eventually("the process is in the midst of it", async || {
            let handled: i64 = db.query_one(handled, &[]).await.ok()?.get(0);
            (handled >= enough).then_some(())
        })
        .await;
        killed.kill();
    }
    all_end_as_the_newest_says(&env, &db, orders.len(), 800).await;
}
