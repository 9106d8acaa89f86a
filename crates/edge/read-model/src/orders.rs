//! Orders' states and timelines: the schema of `orders`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use despatch_contracts::order::{Order, OrderPlaced};
use despatch_contracts::runtime::Envelope;
use despatch_runtime::DbError;
use despatch_status::{OrderState, ParcelStage};
use jiff::Timestamp;
use prost::Message as _;
use serde::{Deserialize, Serialize};
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
    /// The stage of each parcel, by its number.
    pub parcels: BTreeMap<u32, ParcelStage>,
    /// The numbers of parcels that are not sent. One that left all the same is not among them.
    pub voided: BTreeSet<u32>,
    /// The time of the last step.
    pub updated_at: Timestamp,
    /// The time of completion, if any.
    pub completed_at: Option<Timestamp>,
}

/// A parcel, as orders has it.
#[derive(Deserialize)]
struct ParcelFacts {
    stage: Option<ParcelStage>,
    #[serde(default)]
    voided: bool,
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
    let Json(parcels): Json<BTreeMap<u32, ParcelFacts>> = row.try_get("parcels")?;
    let is_voided = |it: &ParcelFacts| it.voided && it.stage < Some(ParcelStage::Despatched);
    Ok(Some(Progress {
        voided: parcels.iter().filter(|(_, it)| is_voided(it)).map(|(number, _)| *number).collect(),
        state: row.try_get("state")?,
        currency: row.try_get("currency")?,
        total_minor: row.try_get("total_minor")?,
        parcels: parcels.into_iter().filter_map(|(number, it)| Some((number, it.stage?))).collect(),
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

/// The names of an accepted order, and its total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderName {
    /// The id in despatch.
    pub order_id: String,
    /// The shop.
    pub shop: String,
    /// The shop's own order id.
    pub shop_order_id: String,
    /// The ISO 4217 code.
    pub currency: String,
    /// The total in minor units of the currency.
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

/// Returns an order as orders accepted it; `None` when it was never accepted, or the row is not an order.
pub async fn accepted(db: &impl GenericClient, order_id: &str) -> Result<Option<Order>, DbError> {
    let sql = "select document from orders.orders where order_id = $1";
    let Some(row) = db.query_opt(sql, &[&order_id]).await? else { return Ok(None) };
    Ok(Order::decode(row.try_get::<_, &[u8]>("document")?).ok())
}

/// Returns whether an order was accepted once, and is no longer kept.
pub async fn is_pruned(db: &impl GenericClient, order_id: &str) -> Result<bool, DbError> {
    let sql = "select exists (select from orders.pruned where order_id = $1)";
    Ok(db.query_one(sql, &[&order_id]).await?.try_get(0)?)
}

/// Returns whether nobody waits for the payment of an order any more; `None` unless it is one that was not paid.
pub async fn is_given_up(db: &impl GenericClient, order_id: &str) -> Result<Option<bool>, DbError> {
    let sql = "select given_up_at is not null from orders.unpaid where order_id = $1";
    Ok(db.query_opt(sql, &[&order_id]).await?.map(|row| row.try_get(0)).transpose()?)
}

/// Returns an order that orders has not accepted: one that waits for its payment, or one that it could not accept, from its
/// event. `None` when there is neither.
pub async fn not_accepted(db: &impl GenericClient, order_id: &str) -> Result<Option<Order>, DbError> {
    let sql = "select document from orders.unpaid where order_id = $1";
    if let Some(row) = db.query_opt(sql, &[&order_id]).await? {
        return Ok(Order::decode(row.try_get::<_, &[u8]>("document")?).ok());
    }
    let sql = "select event from orders.journal
               where handler = 'orders.accept' and state in ('waiting', 'dead') and subject = 'order/' || $1
                 and event is not null limit 1";
    let Some(row) = db.query_opt(sql, &[&order_id]).await? else { return Ok(None) };
    let event = Envelope::decode(row.try_get::<_, &[u8]>("event")?).ok();
    Ok(event.and_then(|event| OrderPlaced::decode(event.payload).ok()).and_then(|placed| placed.order))
}

/// How far an order is, and no more.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// How far it is.
    pub state: OrderState,
    /// ISO 4217.
    pub currency: String,
    /// The total, in minor units of the currency.
    pub total_minor: i64,
    /// When the last step was recorded.
    pub updated_at: Timestamp,
    /// How many seconds ago that was, by the database's clock.
    pub idle_seconds: f64,
}

/// How far these orders are, by id. Those that were never accepted are left out.
pub async fn summaries(
    db: &impl GenericClient,
    order_ids: &[String],
) -> Result<HashMap<String, Summary>, DbError> {
    let sql = "select order_id, state, currency, total_minor, updated_at,
                      extract(epoch from despatch_now() - updated_at)::float8 as idle_seconds
               from orders.orders join orders.progress using (order_id) where order_id = any($1)";
    let rows = db.query(sql, &[&order_ids]).await?;
    rows.iter()
        .map(|row| {
            let summary = Summary {
                state: row.try_get("state")?,
                currency: row.try_get("currency")?,
                total_minor: row.try_get("total_minor")?,
                updated_at: row.try_get("updated_at")?,
                idle_seconds: row.try_get("idle_seconds")?,
            };
            Ok((row.try_get("order_id")?, summary))
        })
        .collect()
}

/// The latest orders before an id in one of these states of which nothing was recorded for so many seconds, the newest
/// first: at most `limit`.
pub async fn in_states(
    db: &impl GenericClient,
    states: &[OrderState],
    idle_seconds: f64,
    before: &str,
    limit: i64,
) -> Result<Vec<String>, DbError> {
    // Orders that are not completed have an index of their own; it is of use only to a query that says so.
    let open = if states.contains(&OrderState::Completed) { "" } else { "completed_at is null and" };
    let sql = format!(
        "select order_id from orders.progress
         where {open} state = any($1) and order_id < $3
           and updated_at <= despatch_now() - make_interval(secs => $2)
         order by order_id desc limit $4"
    );
    let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
    let rows = db.query(&sql, &[&names, &idle_seconds, &before, &limit]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// The latest orders before an id that orders could not accept, the newest first: at most `limit`.
pub async fn ids_not_accepted(
    db: &impl GenericClient,
    before: &str,
    limit: i64,
) -> Result<Vec<String>, DbError> {
    let sql = "select substr(subject, 7) from orders.journal
               where handler = 'orders.accept' and state in ('waiting', 'dead') and subject like 'order/%'
                 and subject < 'order/' || $1
               order by subject desc limit $2";
    let rows = db.query(sql, &[&before, &limit]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// The movements of orders since an instant. An order counts once for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Movements {
    /// Every parcel went to the carrier.
    pub despatched: i64,
    /// Every parcel reached the customer.
    pub delivered: i64,
    /// It was cancelled.
    pub cancelled: i64,
    /// A parcel came back.
    pub returned: i64,
}

/// Counts the movements of orders since an instant.
pub async fn movements_since(db: &impl GenericClient, since: Timestamp) -> Result<Movements, DbError> {
    let sql =
        // An order that its payment completes has nothing to send.
        "select count(distinct order_id) filter (where to_state in ('despatched', 'delivered', 'completed')
                          and from_state not in ('despatched', 'delivered', 'completed')
                          and event_type <> 'payment.captured') as despatched,
                      count(distinct order_id) filter (where to_state in ('delivered', 'completed')
                          and from_state not in ('delivered', 'completed')
                          and event_type <> 'payment.captured') as delivered,
                      count(distinct order_id) filter (where to_state = 'cancelled'
                          and from_state <> 'cancelled') as cancelled,
                      count(distinct order_id) filter (where to_state = 'returned'
                          and from_state <> 'returned') as returned
               from orders.timeline where at >= $1";
    let row = db.query_one(sql, &[&since]).await?;
    Ok(Movements {
        despatched: row.try_get("despatched")?,
        delivered: row.try_get("delivered")?,
        cancelled: row.try_get("cancelled")?,
        returned: row.try_get("returned")?,
    })
}

/// How many orders are in a state, and for how many seconds the one that has not moved for longest has not moved.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StateCount {
    /// The state.
    pub state: OrderState,
    /// How many orders are in it.
    pub orders: i64,
    /// How long the oldest has been.
    pub oldest_seconds: f64,
}

/// The orders that are not at their end, by state; states without orders are left out.
pub async fn under_way(db: &impl GenericClient) -> Result<Vec<StateCount>, DbError> {
    let sql = "select state, count(*) as orders,
                      extract(epoch from despatch_now() - min(updated_at))::float8 as oldest_seconds
               from orders.progress
               where completed_at is null and state not in ('cancelled', 'returned') group by state";
    let rows = db.query(sql, &[]).await?;
    let counts = rows.iter().map(|row| {
        Ok(StateCount {
            state: row.try_get("state")?,
            orders: row.try_get("orders")?,
            oldest_seconds: row.try_get("oldest_seconds")?,
        })
    });
    let mut counts = counts.collect::<Result<Vec<_>, DbError>>()?;
    counts.sort_by_key(|count| count.state);
    Ok(counts)
}

/// The database's time.
pub async fn now(db: &impl GenericClient) -> Result<Timestamp, DbError> {
    Ok(db.query_one("select despatch_now()", &[]).await?.try_get(0)?)
}
