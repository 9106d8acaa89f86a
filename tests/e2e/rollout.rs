//! A new version goes out under load: every process is replaced, one worker after the other, as a rolling update does it.
//! The new version has added columns by then, and events carry a field that the old one does not know.

use std::cell::Cell;
use std::collections::BTreeMap;

use bytes::BytesMut;
use despatch_contracts::order::OrderPlaced;
use despatch_contracts::runtime::Envelope;
use despatch_contracts::{Emitted, EventId, Trace, now};
use despatch_gateway::order_json;
use uuid::Uuid;

use crate::child::Despatch;
use crate::deployment::{Deployment, checked_out};
use crate::until::until;

const WORKERS: [&str; 7] =
    ["orders", "inventory", "payments", "labels", "notifications", "reviews", "exceptions"];

/// Field 15000 of any message, a number: none of ours.
const ADDED_FIELD: [u8; 4] = [0xc0, 0xa9, 0x07, 0x01];

#[tokio::test(flavor = "multi_thread")]
async fn every_process_is_replaced_under_load_and_nothing_is_lost() {
    let deployment = Deployment::new(&[]).await;
    let mut processes: BTreeMap<&str, Despatch> =
        WORKERS.into_iter().map(|worker| (worker, deployment.run(&[worker]))).collect();
    for (worker, process) in &processes {
        consumes(worker, process).await;
    }
    let (mut gateway, mut shop) = deployment.run_with_gateway(&[], 1_000_000).await;
    let placed = Cell::new(0);
    let some = async |shop: &crate::deployment::Shop<'_>| {
        shop.place(placed.get()..placed.get() + 6).await;
        from_a_newer_version(&deployment, placed.get() + 6).await;
        placed.set(placed.get() + 7);
    };
    some(&shop).await;

    // The new version's `despatch migrate` does this first.
    let db = deployment.env.db().await;
    for worker in WORKERS.iter().chain(&["gateway"]) {
        let sql = format!(
            "alter table {worker}.journal add column later text;
             insert into {worker}.migration (name) values ('0099_later')"
        );
        db.batch_execute(&sql).await.unwrap();
    }
    for worker in WORKERS {
        let done = Cell::new(false);
        let load = async {
            while !done.get() {
                some(&shop).await;
            }
        };
        let replace = async {
            let new = deployment.run(&[worker]);
            consumes(worker, &new).await;
            let old = processes.insert(worker, new).unwrap();
            old.terminate();
            let ended = old.ended().await;
            assert!(ended.status.success(), "{worker}: {ended:?}");
            done.set(true);
        };
        tokio::join!(load, replace);
    }
    let (newer, newer_shop) = deployment.run_with_gateway(&[], 1_000_000).await;
    shop = newer_shop;
    some(&shop).await;
    let old = std::mem::replace(&mut gateway, newer);
    old.terminate();
    assert!(old.ended().await.status.success());
    some(&shop).await;

    let counts = deployment.completes(placed.get()).await;
    assert_eq!((counts.captures, counts.labels), (placed.get(), placed.get()), "{counts:?}");
    assert_eq!(counts.double_captures, [], "{counts:?}");
    // Orders that the stand-in providers failed are left out, because they wait for their next try in any case.
    let waits = "with failed as (
                     select substr(subject, 7) as order_id from payments.journal where generation > 0
                     union select substr(subject, 7) from labels.journal where generation > 0),
                 each as (
                     select order_id, from_state, at - lag(at) over (partition by order_id order by seq) as wait
                       from orders.timeline)
                 select max(extract(epoch from wait)) filter (where failed.order_id is null)::float8,
                        max(extract(epoch from wait))::float8
                   from each left join failed using (order_id)
                  where from_state in ('accepted', 'reserved', 'paid', 'picked')";
    let row = db.query_one(waits, &[]).await.unwrap();
    let [longest, with_retry]: [f64; 2] = [0, 1].map(|column| row.get(column));
    println!(
        "{} orders; the longest that one waited for its next step: {longest:.3} s, {with_retry:.3} s with a retry",
        placed.get()
    );
    drop((gateway, processes));
}

/// Returns when each of the worker's handlers consumes.
async fn consumes(worker: &str, process: &Despatch) {
    until(worker, async || {
        let log = process.stderr();
        log.contains("process ready").then_some(())
    })
    .await;
}

/// An order whose event says more than this version knows.
async fn from_a_newer_version(deployment: &Deployment, number: u64) {
    let body = checked_out(&deployment.sandbox.stripe_url(), number).await;
    let mut order = order_json::read(body.to_string().as_bytes()).unwrap();
    let order_id = Uuid::now_v7();
    // As the newer gateway has noted it.
    let sql = "insert into gateway.orders (shop, shop_order_id, order_id, digest, traceparent) values ($1, $2, $3, '', '')";
    let db = deployment.env.db().await;
    db.execute(sql, &[&order.shop, &order.shop_order_id, &order_id]).await.unwrap();
    order.order_id = order_id.to_string();
    order.placed_at.get_or_insert_with(now);
    let mut event = Emitted::from(&OrderPlaced { order: Some(order) });
    let mut payload = BytesMut::from(&event.payload[..]);
    payload.extend_from_slice(&ADDED_FIELD);
    event.payload = payload.freeze();
    deployment.env.publish(&Envelope::first(EventId::new(), "gateway.outbox", event, &Trace::root())).await;
}
