//! The law of the ledger, under everything at once: no unit is made or lost, no count is below zero, and the movements sum up to
//! every counter, at every moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use despatch_contracts::order::Order;
use despatch_contracts::payment::{PaymentAuthorised, PaymentCaptured};
use despatch_contracts::stock::TransferArrived;
use despatch_inventory::worker;
use despatch_testkit::{TestEnv, eventually};
use tokio_postgres::Client;

use crate::load::Rng;
use crate::stock_requests::{adjust, asked, count, receive, transfer};
use crate::{AN_HOUR, Config, assert_lawful, cancelled, captured, despatched, order_for, units, warehouse};

const SKUS: [&str; 3] = ["S-1", "S-2", "S-3"];
const PLACES: [&str; 2] = ["east", "west"];
const ORDERS: u64 = 40;

/// One of the things that happen to a stock.
async fn happens(env: &TestEnv, rng: &mut Rng, number: usize) {
    let (sku, place) = (SKUS[rng.below(3)], rng.below(2));
    let (here, there) = (PLACES[place], PLACES[1 - place]);
    let quantity = i64::try_from(rng.below(9)).unwrap() + 1;
    let request = format!("r-{number}");
    match rng.below(7) {
        0 => drop(env.deliver(&receive(&request, &[(sku, here, quantity), (sku, there, 1)])).await),
        1 => drop(env.deliver(&adjust(&request, &[(sku, here, -quantity, "damaged")])).await),
        2 => drop(env.deliver(&adjust(&request, &[(sku, here, quantity, "found")])).await),
        3 => drop(env.deliver(&count(&request, &[(sku, here, quantity), (sku, there, quantity + 9)])).await),
        4 => drop(env.deliver(&transfer(&request, &[(sku, here, there, quantity)], false)).await),
        5 => drop(env.deliver(&transfer(&request, &[(sku, here, there, quantity)], true)).await),
        _ => {
            // Of a transfer before it, if that was one that arrives later.
            let transfer = format!("r-{}", number.saturating_sub(1 + rng.below(8)));
            let event = TransferArrived { request: Some(asked(&request)), transfer, rows: Vec::new() };
            env.deliver(&event).await;
        }
    }
}

/// One of the things that happen to an order.
async fn goes_on(env: &TestEnv, n: u64, event: u8) {
    let order_id = format!("o-{n}");
    let lines = [(SKUS[Rng(n).below(3)], 1 + n.cast_signed() % 3), (SKUS[Rng(n + 1).below(3)], 1)];
    let order: Order = order_for(&order_id, &lines);
    match event {
        0 => drop(env.deliver(&PaymentAuthorised { order: Some(order) }).await),
        1 => drop(env.deliver(&PaymentCaptured { order: Some(order), ..captured(&order_id) }).await),
        2 if n.is_multiple_of(3) => drop(env.deliver(&cancelled(&order_id)).await),
        3 if n.is_multiple_of(2) => drop(env.deliver(&despatched(&order_id, 1)).await),
        _ => {}
    }
}

/// Asks again and again, while everything happens. One statement sees one moment.
async fn lawful_until(db: Client, is_over: Arc<AtomicBool>) -> u32 {
    let mut looked = 0;
    while !is_over.load(Ordering::Relaxed) {
        assert_lawful(&db).await;
        looked += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    looked
}

async fn everything_at_once(seed: u64) {
    let stock: Vec<_> = SKUS.iter().flat_map(|sku| [(*sku, "east", 30), (*sku, "west", 20)]).collect();
    let (env, db) = warehouse(AN_HOUR, &stock).await;
    env.run(worker(&Config { reservation_seconds: AN_HOUR, second_person_above: 0, ..Config::default() }))
        .await;
    let is_over = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(lawful_until(env.db().await, is_over.clone()));
    let mut rng = Rng(seed);
    let mut turns: Vec<Option<(u64, u8)>> =
        (0..ORDERS).flat_map(|n| (0..4).map(move |event| Some((n, event)))).collect();
    turns.extend([None; 90]);
    for last in (1..turns.len()).rev() {
        turns.swap(last, rng.below(last as u64 + 1));
    }
    for (number, turn) in turns.into_iter().enumerate() {
        match turn {
            Some((n, event)) => goes_on(&env, n, event).await,
            None => happens(&env, &mut rng, number).await,
        }
    }
    let all = "SELECT (SELECT count(*) FROM inventory.request) = 90
                      AND (SELECT count(*) FROM inventory.journal
                           WHERE handler IN ('inventory.reserve', 'inventory.confirm')) = 80";
    eventually("every event was tried", async || {
        db.query_one(all, &[]).await.unwrap().get::<_, bool>(0).then_some(())
    })
    .await;
    // The scans may all have come before their parcels. The carrier repeats them.
    for n in (0..ORDERS).step_by(2) {
        env.deliver(&despatched(&format!("o-{n}"), 1)).await;
    }
    // Reservations end, and payments wait no longer for units that a count took.
    eventually("nothing waits", async || {
        let waiting = "SELECT count(*) FROM inventory.journal WHERE state = 'waiting'";
        if db.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            return Some(());
        }
        env.advance(Duration::from_secs(2 * AN_HOUR)).await;
        None
    })
    .await;
    env.advance(Duration::from_secs(2 * AN_HOUR)).await;
    env.quiet().await;
    is_over.store(true, Ordering::Relaxed);
    assert!(watcher.await.unwrap() > 0);
    let [received, available, reserved, shipped] = units(&db).await;
    assert!(received > 0 && available >= 0 && reserved >= 0, "seed {seed}");
    assert!(shipped > 0, "seed {seed}: the test moved something");
    let kinds = "SELECT count(DISTINCT kind) FROM inventory.movement";
    let kinds: i64 = db.query_one(kinds, &[]).await.unwrap().get(0);
    assert!(kinds >= 7, "seed {seed}: {kinds} kinds of movements");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_at_once_the_ledger_is_right_at_every_moment() {
    for seed in [3, 11, 29] {
        everything_at_once(seed).await;
    }
}
