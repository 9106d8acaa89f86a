//! Which orders came in: the schema of `gateway`.

use despatch_contracts::EventId;
use despatch_runtime::DbError;
use jiff::Timestamp;
use tokio_postgres::{GenericClient, Row};
use uuid::Uuid;

/// An order that the gateway committed, whether or not it was accepted since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedOrder {
    /// A UUIDv7: later orders have higher ids.
    pub order_id: String,
    /// The shop's name.
    pub shop: String,
    /// The shop's own id of the order.
    pub shop_order_id: String,
    /// When it was committed.
    pub received_at: Timestamp,
    /// The trace that the order's events share.
    pub trace_id: String,
}

impl PlacedOrder {
    fn read(row: &Row) -> Result<Self, DbError> {
        let traceparent: String = row.try_get("traceparent")?;
        Ok(PlacedOrder {
            order_id: row.try_get::<_, Uuid>("order_id")?.to_string(),
            shop: row.try_get("shop")?,
            shop_order_id: row.try_get("shop_order_id")?,
            received_at: row.try_get("accepted_at")?,
            trace_id: traceparent.split('-').nth(1).unwrap_or_default().to_owned(),
        })
    }
}

/// The orders with these ids.
pub async fn by_ids(db: &impl GenericClient, ids: &[Uuid]) -> Result<Vec<PlacedOrder>, DbError> {
    let sql = "select order_id, shop, shop_order_id, accepted_at, traceparent from gateway.orders
               where order_id = any($1) and is_placed";
    db.query(sql, &[&ids]).await?.iter().map(PlacedOrder::read).collect()
}

/// The orders whose ids lie between these two, both included: at most `limit`.
pub async fn by_id_range(
    db: &impl GenericClient,
    (first, last): (Uuid, Uuid),
    limit: i64,
) -> Result<Vec<PlacedOrder>, DbError> {
    let sql = "select order_id, shop, shop_order_id, accepted_at, traceparent from gateway.orders
               where order_id between $1 and $2 and is_placed order by order_id limit $3";
    db.query(sql, &[&first, &last, &limit]).await?.iter().map(PlacedOrder::read).collect()
}

/// The order that a shop knows as `shop_order_id`.
pub async fn by_natural_key(
    db: &impl GenericClient,
    shop: &str,
    shop_order_id: &str,
) -> Result<Option<PlacedOrder>, DbError> {
    let sql = "select order_id, shop, shop_order_id, accepted_at, traceparent from gateway.orders
               where shop = $1 and shop_order_id = $2 and is_placed";
    db.query_opt(sql, &[&shop, &shop_order_id]).await?.as_ref().map(PlacedOrder::read).transpose()
}

/// The orders that some shop knows as `shop_order_id`: at most `limit`.
///
/// Shops are few and the key leads with the shop, so each shop is asked in turn.
pub async fn by_shop_order_id(
    db: &impl GenericClient,
    shop_order_id: &str,
    limit: i64,
) -> Result<Vec<PlacedOrder>, DbError> {
    let sql = "with recursive shops (shop) as (
                   (select shop from gateway.orders order by shop limit 1)
                   union all
                   select (select o.shop from gateway.orders o where o.shop > s.shop order by o.shop limit 1)
                     from shops s where s.shop is not null
               )
               select order_id, shop, shop_order_id, accepted_at, traceparent
                 from shops join gateway.orders using (shop)
                where shop_order_id = $1 and is_placed order by shop limit $2";
    db.query(sql, &[&shop_order_id, &limit]).await?.iter().map(PlacedOrder::read).collect()
}

/// Every shop that ever placed an order.
pub async fn shops(db: &impl GenericClient) -> Result<Vec<String>, DbError> {
    let sql = "with recursive shops (shop) as (
                   (select shop from gateway.orders order by shop limit 1)
                   union all
                   select (select o.shop from gateway.orders o where o.shop > s.shop order by o.shop limit 1)
                     from shops s where s.shop is not null
               )
               select shop from shops where shop is not null";
    Ok(db.query(sql, &[]).await?.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// The latest orders before an id, the newest first: of one shop or of all, at most `limit`.
pub async fn before(
    db: &impl GenericClient,
    id: Uuid,
    shop: Option<&str>,
    limit: i64,
) -> Result<Vec<PlacedOrder>, DbError> {
    let sql = "select order_id, shop, shop_order_id, accepted_at, traceparent from gateway.orders
               where order_id < $1 and ($2::text is null or shop = $2) and is_placed
               order by order_id desc limit $3";
    db.query(sql, &[&id, &shop, &limit]).await?.iter().map(PlacedOrder::read).collect()
}

/// How many orders came in since an instant.
pub async fn count_since(db: &impl GenericClient, since: Timestamp) -> Result<i64, DbError> {
    let sql = "select count(*) from gateway.orders where order_id >= $1 and is_placed";
    Ok(db.query_one(sql, &[&EventId::first_at(since.into()).uuid()]).await?.try_get(0)?)
}
