//! Payments: the schema of `payments`.

use despatch_runtime::DbError;
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::GenericClient;
use utoipa::ToSchema;

/// The payment of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Payment {
    /// The provider, e.g. `stripe`.
    pub provider: String,
    /// The provider's reference of the authorisation.
    pub authorisation: String,
    /// The provider's reference of the capture; empty before it.
    pub capture: String,
    /// The ISO 4217 code; empty before the capture.
    pub currency: String,
    /// The captured amount, in minor units of the currency.
    pub captured_minor: i64,
    /// The refunded amount, in minor units of the currency.
    pub refunded_minor: i64,
    /// The time at which the capture was recorded.
    #[schema(required)]
    pub captured_at: Option<Timestamp>,
    /// The time at which the last refund was recorded.
    #[schema(required)]
    pub refunded_at: Option<Timestamp>,
    /// The time from which nothing more may be captured.
    #[schema(required)]
    pub cancelled_at: Option<Timestamp>,
}

/// Returns the refunds since an instant, in minor units, by currency.
pub async fn refunded_since(
    db: &impl GenericClient,
    since: Timestamp,
) -> Result<Vec<(String, i64)>, DbError> {
    let sql = "select currency, sum(refunded_minor)::int8 from payments.payment
               where refunded_at >= $1 and currency is not null group by currency order by currency";
    let rows = db.query(sql, &[&since]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Returns the payment of an order; `None` if it was neither captured nor cancelled.
pub async fn payment_of(db: &impl GenericClient, order_id: &str) -> Result<Option<Payment>, DbError> {
    let sql = "select provider, authorisation, coalesce(capture, '') as capture, coalesce(currency, '') as currency,
                      captured_minor, refunded_minor, captured_at, refunded_at, cancelled_at
               from payments.payment where order_id = $1";
    let Some(row) = db.query_opt(sql, &[&order_id]).await? else { return Ok(None) };
    Ok(Some(Payment {
        provider: row.try_get("provider")?,
        authorisation: row.try_get("authorisation")?,
        capture: row.try_get("capture")?,
        currency: row.try_get("currency")?,
        captured_minor: row.try_get("captured_minor")?,
        refunded_minor: row.try_get("refunded_minor")?,
        captured_at: row.try_get("captured_at")?,
        refunded_at: row.try_get("refunded_at")?,
        cancelled_at: row.try_get("cancelled_at")?,
    }))
}
