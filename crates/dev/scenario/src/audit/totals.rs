//! Sums over all orders, as the workers recorded them.

use despatch_runtime::{Database, DbError};

/// Sums over all orders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Totals {
    /// Units that are reserved or shipped.
    pub units_reserved: i64,
    /// Units that are shipped.
    pub units_shipped: i64,
    /// Messages to customers.
    pub messages: u64,
    /// The time from the gateway's commit to the recorded label, in milliseconds.
    pub placed_to_label: Latency,
}

/// Percentiles of a duration, in milliseconds; 0 if nothing was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Latency {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}

pub(super) async fn read(database: &Database) -> Result<Totals, DbError> {
    let client = database.client().await?;
    let units = despatch_inventory::store::totals(&**client).await?;
    let row = client.query_one(SUMS, &[]).await?;
    Ok(Totals {
        units_reserved: units.reserved + units.shipped,
        units_shipped: units.shipped,
        // A count is never negative.
        messages: u64::try_from(row.get::<_, i64>("messages")).unwrap_or_default(),
        placed_to_label: Latency { p50: row.get("p50"), p99: row.get("p99") },
    })
}

const SUMS: &str = "
    select (select count(*) from notifications.sent) as messages,
           coalesce(latency[1], 0)::float8 as p50, coalesce(latency[2], 0)::float8 as p99
      from (
          select percentile_cont(array[0.5, 0.99]) within group (
                     order by extract(epoch from label.created_at - placed.accepted_at) * 1000) as latency
            from gateway.orders placed join labels.label on label.order_id = placed.order_id::text
      ) measured";
