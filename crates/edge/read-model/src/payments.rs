//! Payments: the schema of `payments`.

use despatch_contracts::Subject;
use despatch_runtime::DbError;
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::{GenericClient, Row};
use utoipa::ToSchema;

/// How an order is paid, as far as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Payment {
    /// The tenders; none before the order is paid.
    pub tenders: Vec<Tender>,
    /// The refunds that were asked for or reported, in their order.
    pub refunds: Vec<Refund>,
    /// The time from which nothing more may be captured.
    #[schema(required)]
    pub cancelled_at: Option<Timestamp>,
}

/// One of the means by which an order is paid.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CapturedTender)]
pub struct Tender {
    /// The number within the order, from 1; 0 for an order that costs nothing.
    pub number: i32,
    /// The holder of the money, e.g. `stripe` or `shop`.
    pub provider: String,
    /// The provider's reference of the authorisation; empty if it has none.
    pub authorisation: String,
    /// The provider's reference of the capture; empty if payments captured nothing of it.
    pub capture: String,
    /// The ISO 4217 code.
    pub currency: String,
    /// The captured amount, in minor units of the currency.
    pub captured_minor: i64,
    /// The refunded amount, by despatch and by others, in minor units of the currency.
    pub refunded_minor: i64,
    /// The time at which the capture was recorded.
    pub captured_at: Timestamp,
}

/// A refund, or one tender's part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RecordedRefund)]
pub struct Refund {
    /// Our id, or the provider's reference of a refund that was made elsewhere.
    pub refund_id: String,
    /// The tender's number within the order.
    pub tender: i32,
    /// `approved`, `made`, `elsewhere` (made, and not asked for here), `refused`, or `failed` (made, and it did not reach the customer).
    pub state: String,
    /// Minor units of the currency.
    pub amount_minor: i64,
    /// The ISO 4217 code.
    pub currency: String,
    /// The reason: a code, or words.
    pub reason: String,
    /// The provider's reference; empty before it is made.
    pub reference: String,
    /// The time at which it was recorded as made.
    #[schema(required)]
    pub made_at: Option<Timestamp>,
}

/// Returns the refunds since an instant, in minor units, by currency.
pub async fn refunded_since(
    db: &impl GenericClient,
    since: Timestamp,
) -> Result<Vec<(String, i64)>, DbError> {
    let sql = "select currency, sum(amount_minor)::int8 from payments.refund
               where made_at >= $1 and state <> 'failed' group by currency order by currency";
    let rows = db.query(sql, &[&since]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Returns the id of the order that claimed a provider's payment; `None` if none has.
pub async fn claimed_by(
    db: &impl GenericClient,
    provider: &str,
    reference: &str,
) -> Result<Option<String>, DbError> {
    let sql = "select note from payments.effect where subject = $1 and operation = 'claim' and part = ''";
    let row = db.query_opt(sql, &[&format!("payment/{provider}/{reference}")]).await?;
    let claim: Option<String> = row.map(|row| row.try_get("note")).transpose()?.flatten();
    Ok(claim.and_then(|by| Subject::parse(&by).order_id().map(str::to_owned)))
}

/// Returns how an order is paid; `None` if nothing was captured or cancelled.
pub async fn payment_of(db: &impl GenericClient, order_id: &str) -> Result<Option<Payment>, DbError> {
    let sql = "select number, provider, authorisation, capture, currency, captured_minor,
                      refunded_minor + elsewhere_minor as refunded_minor, captured_at
               from payments.tender where order_id = $1 order by number";
    let tenders = db.query(sql, &[&order_id]).await?;
    let sql = "select cancelled_at from payments.cancellation where order_id = $1";
    let cancelled_at = db.query_opt(sql, &[&order_id]).await?.map(|row| row.try_get(0)).transpose()?;
    if tenders.is_empty() {
        return Ok(cancelled_at.map(|at| Payment { cancelled_at: Some(at), ..Payment::default() }));
    }
    let sql = "select refund_id, tender, state, amount_minor, currency, reason, reference, made_at
               from payments.refund where order_id = $1 order by asked_at, refund_id, tender";
    let refunds = db.query(sql, &[&order_id]).await?;
    let tender = |row: &Row| {
        Ok(Tender {
            number: row.try_get("number")?,
            provider: row.try_get("provider")?,
            authorisation: row.try_get("authorisation")?,
            capture: row.try_get("capture")?,
            currency: row.try_get("currency")?,
            captured_minor: row.try_get("captured_minor")?,
            refunded_minor: row.try_get("refunded_minor")?,
            captured_at: row.try_get("captured_at")?,
        })
    };
    let refund = |row: &Row| {
        Ok(Refund {
            refund_id: row.try_get("refund_id")?,
            tender: row.try_get("tender")?,
            state: row.try_get("state")?,
            amount_minor: row.try_get("amount_minor")?,
            currency: row.try_get("currency")?,
            reason: row.try_get("reason")?,
            reference: row.try_get("reference")?,
            made_at: row.try_get("made_at")?,
        })
    };
    Ok(Some(Payment {
        tenders: tenders.iter().map(tender).collect::<Result<_, DbError>>()?,
        refunds: refunds.iter().map(refund).collect::<Result<_, DbError>>()?,
        cancelled_at,
    }))
}
