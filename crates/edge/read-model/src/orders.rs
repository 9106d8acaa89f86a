//! Orders' states and timelines: the schema of `orders`.

use despatch_runtime::DbError;
use despatch_status::{OrderState, ParcelStage};
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::GenericClient;
use tokio_postgres::types::Json;
use utoipa::ToSchema;

/// An accepted order and its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The state.
    pub state: OrderState,
    /// The ISO 4217 code.
    pub currency: String,
    /// The total in minor units of the currency.
    pub total_minor: i64,
    /// The stage of each parcel, by number from 1; empty until the number of parcels is known.
    pub parcels: Vec<Option<ParcelStage>>,
    /// The time of the last step.
    pub updated_at: Timestamp,
    /// The time of completion, if any.
    pub completed_at: Option<Timestamp>,
}

/// An entry of an order's timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Step {
    /// The time at which it was recorded.
    pub at: Timestamp,
    /// The event or command that caused it.
    pub event: String,
    /// The state before; `null` in the first step.
    #[schema(required, value_type = Option<String>)]
    pub from: Option<OrderState>,
    /// The state after.
    #[schema(value_type = String)]
    pub to: OrderState,
    /// The reason code.
    pub reason: String,
    /// Further details.
    pub detail: String,
}

/// Returns an order's state; `None` if it was never accepted.
pub async fn progress(db: &impl GenericClient, order_id: &str) -> Result<Option<Progress>, DbError> {
    let sql =
        "select state, currency, total_minor, lifecycle -> 'parcels' as parcels, updated_at, completed_at
               from orders.orders join orders.progress using (order_id) where order_id = $1";
    let Some(row) = db.query_opt(sql, &[&order_id]).await? else { return Ok(None) };
    let Json(parcels) = row.try_get("parcels")?;
    Ok(Some(Progress {
        state: row.try_get("state")?,
        currency: row.try_get("currency")?,
        total_minor: row.try_get("total_minor")?,
        parcels,
        updated_at: row.try_get("updated_at")?,
        completed_at: row.try_get("completed_at")?,
    }))
}

/// Returns an order's timeline, oldest entry first.
pub async fn timeline(db: &impl GenericClient, order_id: &str) -> Result<Vec<Step>, DbError> {
    let sql = "select at, event_type, from_state, to_state, reason, detail
               from orders.timeline where order_id = $1 order by seq";
    let rows = db.query(sql, &[&order_id]).await?;
    rows.iter()
        .map(|row| {
            Ok(Step {
                at: row.try_get("at")?,
                event: row.try_get("event_type")?,
                from: row.try_get("from_state")?,
                to: row.try_get("to_state")?,
                reason: row.try_get("reason")?,
                detail: row.try_get("detail")?,
            })
        })
        .collect()
}

/// How people name an accepted order, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderName {
    /// Despatch's own id.
    pub order_id: String,
    /// The shop.
    pub shop: String,
    /// The shop's own number of it.
    pub shop_order_id: String,
    /// ISO 4217.
    pub currency: String,
    /// What it costs, in minor units of the currency.
    pub total_minor: i64,
}

/// Returns the names of accepted orders.
pub async fn names(db: &impl GenericClient, order_ids: &[String]) -> Result<Vec<OrderName>, DbError> {
    let sql = "select order_id, shop, shop_order_id, currency, total_minor from orders.orders where order_id = any($1)";
    let rows = db.query(sql, &[&order_ids]).await?;
    rows.iter()
        .map(|row| {
            Ok(OrderName {
                order_id: row.try_get("order_id")?,
                shop: row.try_get("shop")?,
                shop_order_id: row.try_get("shop_order_id")?,
                currency: row.try_get("currency")?,
                total_minor: row.try_get("total_minor")?,
            })
        })
        .collect()
}

/// Returns the id of the accepted order with a shop's id `shop_order_id`.
pub async fn find(
    db: &impl GenericClient,
    shop: &str,
    shop_order_id: &str,
) -> Result<Option<String>, DbError> {
    let sql = "select order_id from orders.orders where shop = $1 and shop_order_id = $2";
    let row = db.query_opt(sql, &[&shop, &shop_order_id]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}
