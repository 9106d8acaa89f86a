//! Many orders at once, in two processes.

use std::collections::BTreeSet;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_thousand_orders_for_a_hundred_units_exactly_a_hundred_are_reserved() {
    let (env, db) = warehouse(AN_HOUR, &[("SKU-A", "east", 60), ("SKU-A", "west", 40)]).await;
    env.run(worker(&Config { reservation_seconds: AN_HOUR, second_person_above: 0, ..Config::default() }))
        .await;
    for n in 0..1000 {
        env.deliver(&PaymentAuthorised { order: Some(order_for(&format!("o-{n}"), &[("SKU-A", 1)])) }).await;
    }
    eventually("every order is decided and published", async || {
        let decided = "SELECT (SELECT count(*) FROM inventory.journal WHERE state IN ('done', 'dead')) = 1000
                              AND NOT EXISTS (SELECT FROM inventory.outbox_batch)";
        db.query_one(decided, &[]).await.unwrap().get::<_, bool>(0).then_some(())
    })
    .await;
    let about = |messages: Vec<despatch_contracts::runtime::Envelope>| -> BTreeSet<String> {
        messages.into_iter().map(|message| message.subject).collect()
    };
    let reserved = about(env.messages("evt.stock.reserved").await);
    let short = about(env.messages("dead.inventory.stock-short").await);
    assert_eq!((reserved.len(), short.len()), (100, 900));
    assert!(reserved.is_disjoint(&short));
    assert_eq!(units(&db).await, [100, 0, 100, 0]);
    let held = "SELECT count(*) FROM inventory.reservation WHERE state = 'held'";
    assert_eq!(db.query_one(held, &[]).await.unwrap().get::<_, i64>(0), 100);
}

/// Every fact and command of many orders in one shuffled stream: no unit is created or lost, whatever the outcome.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_are_conserved_in_any_order_of_events() {
    const ORDERS: u64 = 60;
    let skus = ["S-1", "S-2", "S-3", "S-4"];
    let stock: Vec<_> = skus.iter().flat_map(|sku| [(*sku, "east", 12), (*sku, "west", 9)]).collect();
    let (env, db) = warehouse(AN_HOUR, &stock).await;
    env.run(worker(&Config { reservation_seconds: AN_HOUR, second_person_above: 0, ..Config::default() }))
        .await;
    let mut rng = Rng(7);
    let mut turns: Vec<(u64, u8)> = (0..ORDERS).flat_map(|n| (0..4).map(move |event| (n, event))).collect();
    for last in (1..turns.len()).rev() {
        turns.swap(last, rng.below(last as u64 + 1));
    }
    for (n, event) in turns {
        let order_id = format!("o-{n}");
        let lines = [(skus[Rng(n).below(4)], 1 + n.cast_signed() % 3), (skus[Rng(n + 1).below(4)], 1)];
        let order = order_for(&order_id, &lines);
        match event {
            0 => drop(env.deliver(&PaymentAuthorised { order: Some(order) }).await),
            1 => drop(env.deliver(&PaymentCaptured { order: Some(order), ..captured(&order_id) }).await),
            2 if n.is_multiple_of(3) => drop(env.deliver(&cancelled(&order_id)).await),
            3 if n.is_multiple_of(2) => drop(env.deliver(&despatched(&order_id, 1)).await),
            _ => {}
        }
    }
    env.quiet().await;
    let [received, available, reserved, shipped] = units(&db).await;
    assert_eq!(received, 84);
    assert!(reserved + shipped > 0 && shipped > 0, "the test moved something: {reserved} + {shipped}");
    let rows = "SELECT min(available) FROM inventory.position";
    let row = db.query_one(rows, &[]).await.unwrap();
    assert!(row.get::<_, i64>(0) >= 0 && available >= 0);
}

/// Numbers that repeat with their seed.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn below(&mut self, end: u64) -> usize {
        // Knuth's MMIX generator; its high bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % end).unwrap()
    }
}
