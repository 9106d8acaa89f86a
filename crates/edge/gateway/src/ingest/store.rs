//! All SQL of the gateway: everything accepted, each thing once.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use deadpool_postgres::{Object, Transaction};
use despatch_contracts::Trace;
use despatch_runtime::DbError;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::digest;
use super::kept::KeptWebhook;
use super::new_order::NewOrder;
use super::statements;

/// Accepts the orders whose natural key is new; returns their ids.
///
/// The orders are sorted, so that two gateways with the same orders wait for each other instead of deadlocking.
pub(crate) async fn place(
    tx: &Transaction<'_>,
    orders: &[&NewOrder],
    traceparents: &[String],
) -> Result<HashSet<Uuid>, DbError> {
    let statement = tx
        .prepare_cached(
            "insert into gateway.orders
                    (shop, shop_order_id, order_id, digest, digest_version, updated_at, traceparent)
             select shop, shop_order_id, order_id, digest, $6, updated_at, traceparent
               from unnest($1::text[], $2::text[], $3::uuid[], $4::bytea[], $5::text[], $7::timestamptz[])
                    with ordinality as sent(shop, shop_order_id, order_id, digest, traceparent, updated_at, at)
              order by shop, shop_order_id, at
             on conflict (shop, shop_order_id) do nothing
             returning order_id",
        )
        .await?;
    let (shops, shop_order_ids) = natural_keys(orders);
    let order_ids: Vec<Uuid> = orders.iter().map(|order| order.order_id).collect();
    let digests: Vec<&[u8]> = orders.iter().map(|order| &order.digest[..]).collect();
    let updated: Vec<Option<SystemTime>> = orders.iter().map(|order| order.updated_at).collect();
    let values: [&(dyn ToSql + Sync); 7] =
        [&shops, &shop_order_ids, &order_ids, &digests, &traceparents, &digest::VERSION, &updated];
    let rows = tx.query(&statement, &values).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Returns the beginnings of these orders' traces, by order.
pub(crate) async fn traces(tx: &Transaction<'_>, orders: &[Uuid]) -> Result<HashMap<Uuid, Trace>, DbError> {
    let statement = tx
        .prepare_cached("select order_id, traceparent from gateway.orders where order_id = any($1)")
        .await?;
    let rows = tx.query(&statement, &[&orders]).await?;
    Ok(rows.iter().filter_map(|row| Some((row.get(0), Trace::parse(row.get(1), "")?))).collect())
}

/// An order that was accepted before.
pub(crate) struct ExistingOrder {
    pub(crate) order_id: Uuid,
    pub(crate) digest: Vec<u8>,
    pub(crate) digest_version: i16,
    pub(crate) is_placed: bool,
    updated_at: Option<SystemTime>,
}

impl ExistingOrder {
    /// Returns whether this word of the shop is newer than its cancellation, so that the order is one after all.
    pub(crate) fn is_revived_by(&self, order: &NewOrder) -> bool {
        let times = order.updated_at.zip(self.updated_at);
        !self.is_placed && times.is_some_and(|(order, cancelled)| order > cancelled)
    }
}

/// Returns the orders that were accepted under these natural keys, by the id that they did not get.
pub(crate) async fn existing(
    tx: &Transaction<'_>,
    orders: &[&NewOrder],
) -> Result<HashMap<Uuid, ExistingOrder>, DbError> {
    let statement = tx
        .prepare_cached(
            "select sent.order_id, known.order_id, known.digest, known.digest_version, known.is_placed,
                    known.updated_at
               from unnest($1::text[], $2::text[], $3::uuid[]) as sent(shop, shop_order_id, order_id)
               join gateway.orders known using (shop, shop_order_id)",
        )
        .await?;
    let (shops, shop_order_ids) = natural_keys(orders);
    let order_ids: Vec<Uuid> = orders.iter().map(|order| order.order_id).collect();
    let rows = tx.query(&statement, &[&shops, &shop_order_ids, &order_ids]).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let known = ExistingOrder {
                order_id: row.get(1),
                digest: row.get(2),
                digest_version: row.get(3),
                is_placed: row.get(4),
                updated_at: row.get(5),
            };
            (row.get(0), known)
        })
        .collect())
}

/// Places an order whose cancellation came before it and was taken back; returns false if another did.
pub(crate) async fn revive(
    tx: &Transaction<'_>,
    order: &NewOrder,
    traceparent: &str,
) -> Result<bool, DbError> {
    let statement = tx.prepare_cached(statements::REVIVE).await?;
    let values: [&(dyn ToSql + Sync); 7] = [
        &order.shop,
        &order.shop_order_id,
        &order.order_id,
        &&order.digest[..],
        &digest::VERSION,
        &order.updated_at,
        &traceparent,
    ];
    Ok(tx.execute(&statement, &values).await? == 1)
}

/// Notes contents that differ from the accepted ones; returns the events of new ones.
pub(crate) async fn note_changed(
    tx: &Transaction<'_>,
    orders: &[(&NewOrder, Uuid)],
) -> Result<HashSet<Uuid>, DbError> {
    let statement = tx
        .prepare_cached(
            "insert into gateway.changed_order (shop, shop_order_id, digest, event_id)
             select shop, shop_order_id, digest, event_id
               from unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[])
                    as sent(shop, shop_order_id, digest, event_id)
              order by shop, shop_order_id, digest
             on conflict do nothing
             returning event_id",
        )
        .await?;
    let new_orders: Vec<&NewOrder> = orders.iter().map(|(order, _)| *order).collect();
    let (shops, shop_order_ids) = natural_keys(&new_orders);
    let digests: Vec<&[u8]> = new_orders.iter().map(|order| &order.digest[..]).collect();
    let events: Vec<Uuid> = orders.iter().map(|(_, event)| *event).collect();
    let rows = tx.query(&statement, &[&shops, &shop_order_ids, &digests, &events]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The identity of a parcel's movement.
pub(crate) struct ScanKey<'a> {
    pub(crate) carrier: &'a str,
    pub(crate) tracking_number: &'a str,
    pub(crate) movement: &'static str,
    /// The order's id; empty for an unknown parcel.
    pub(crate) order_id: &'a str,
    pub(crate) event_id: Uuid,
}

/// Notes movements; returns the events of new ones.
pub(crate) async fn note_movements(
    tx: &Transaction<'_>,
    scans: &[ScanKey<'_>],
) -> Result<HashSet<Uuid>, DbError> {
    let statement = tx
        .prepare_cached(
            "insert into gateway.scan (carrier, tracking_number, movement, order_id, event_id)
             select carrier, tracking_number, movement, order_id, event_id
               from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[])
                    as sent(carrier, tracking_number, movement, order_id, event_id)
              order by carrier, tracking_number, movement, order_id
             on conflict do nothing
             returning event_id",
        )
        .await?;
    let carriers: Vec<&str> = scans.iter().map(|scan| scan.carrier).collect();
    let numbers: Vec<&str> = scans.iter().map(|scan| scan.tracking_number).collect();
    let movements: Vec<&str> = scans.iter().map(|scan| scan.movement).collect();
    let orders: Vec<&str> = scans.iter().map(|scan| scan.order_id).collect();
    let events: Vec<Uuid> = scans.iter().map(|scan| scan.event_id).collect();
    let rows = tx.query(&statement, &[&carriers, &numbers, &movements, &orders, &events]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Returns the natural key of an order: its shop, and the shop's own id. Returns `None` if it was never accepted.
pub(crate) async fn natural_key(db: &Object, order_id: Uuid) -> Result<Option<(String, String)>, DbError> {
    let statement = db
        .prepare_cached("select shop, shop_order_id from gateway.orders where order_id = $1 and is_placed")
        .await?;
    let row = db.query_opt(&statement, &[&order_id]).await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}

/// Returns the id of the order that was placed under this natural key.
pub(crate) async fn order_id(db: &Object, shop: &str, shop_order_id: &str) -> Result<Option<Uuid>, DbError> {
    let statement = db.prepare_cached(statements::ORDER_ID).await?;
    Ok(db.query_opt(&statement, &[&shop, &shop_order_id]).await?.map(|row| row.get(0)))
}

/// Keeps webhooks for people; returns the events of new ones.
pub(crate) async fn keep(
    tx: &Transaction<'_>,
    kept: &[(&KeptWebhook, Uuid)],
) -> Result<HashSet<Uuid>, DbError> {
    let statement = tx
        .prepare_cached(
            "insert into gateway.kept_webhook (shop, topic, digest, event_id, body)
             select shop, topic, digest, event_id, body
               from unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::bytea[])
                    as sent(shop, topic, digest, event_id, body)
              order by shop, topic, digest
             on conflict do nothing
             returning event_id",
        )
        .await?;
    let shops: Vec<&str> = kept.iter().map(|(webhook, _)| &*webhook.shop).collect();
    let topics: Vec<&str> = kept.iter().map(|(webhook, _)| &*webhook.topic).collect();
    let digests: Vec<&[u8]> = kept.iter().map(|(webhook, _)| &webhook.digest[..]).collect();
    let events: Vec<Uuid> = kept.iter().map(|(_, event)| *event).collect();
    let bodies: Vec<&[u8]> = kept.iter().map(|(webhook, _)| &webhook.body[..]).collect();
    let rows = tx.query(&statement, &[&shops, &topics, &digests, &events, &bodies]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn natural_keys<'a>(orders: &[&'a NewOrder]) -> (Vec<&'a str>, Vec<&'a str>) {
    orders.iter().map(|order| (&*order.shop, &*order.shop_order_id)).unzip()
}
