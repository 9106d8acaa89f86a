//! All SQL of the payments worker: one row per order, created by the capture or the cancellation, whichever comes
//! first.

use std::time::SystemTime;

use despatch_domain::Money;
use despatch_runtime::{BatchedQuery, DbError, Reader, Row, Tx};

/// The queries that handlers batch.
pub(crate) const QUERIES: &[BatchedQuery] = &[PAYMENTS, IS_CANCELLED];

const IS_CANCELLED: BatchedQuery = BatchedQuery::new(
    "SELECT n FROM unnest($1::text[]) WITH ORDINALITY AS each (order_id, n)
           JOIN payments.payment USING (order_id) WHERE cancelled_at IS NOT NULL",
);

/// An order's payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payment {
    /// The order's id.
    pub(crate) order_id: String,
    /// The provider, e.g. `stripe`.
    pub(crate) provider: String,
    /// The provider's reference of the authorisation.
    pub(crate) authorisation: String,
    /// The provider's reference of the capture; empty before it.
    pub(crate) capture: String,
    /// ISO 4217 code; empty before the capture.
    pub(crate) currency: String,
    /// Minor units of the currency.
    pub(crate) captured_minor: i64,
    /// Minor units of the currency, at most the captured amount.
    pub(crate) refunded_minor: i64,
    /// Time at which the capture was recorded.
    pub(crate) captured_at: Option<SystemTime>,
    /// Time at which the last refund was recorded.
    pub(crate) refunded_at: Option<SystemTime>,
    /// Time from which nothing more may be captured.
    pub(crate) cancelled_at: Option<SystemTime>,
}

/// A capture to record.
pub(crate) struct NewCapture<'a> {
    pub(crate) order_id: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) authorisation: &'a str,
    pub(crate) capture: &'a str,
    pub(crate) amount: Money,
}

const PAYMENTS: BatchedQuery = BatchedQuery::new(
    "SELECT n, order_id, provider, authorisation, coalesce(capture, '') AS capture,
                               coalesce(currency, '') AS currency, captured_minor, refunded_minor,
                               captured_at, refunded_at, cancelled_at
                        FROM unnest($1::text[]) WITH ORDINALITY AS each (order_id, n)
                        JOIN payments.payment USING (order_id)",
);

/// Returns the order's payment; `None` if it was neither captured nor cancelled.
pub(crate) async fn known(db: &Reader<'_>, order_id: &str) -> Result<Option<Payment>, DbError> {
    db.query_batched(PAYMENTS, (order_id.to_owned(),)).await?.first().map(payment).transpose()
}

/// Returns whether the order was cancelled before its payment was captured.
pub(crate) async fn is_cancelled(tx: &Tx<'_>, order_id: &str) -> Result<bool, DbError> {
    Ok(!tx.query_batched(IS_CANCELLED, (order_id.to_owned(),)).await?.is_empty())
}

/// Records a capture; returns false if one was recorded before.
pub(crate) async fn record_capture(tx: &Tx<'_>, capture: &NewCapture<'_>) -> Result<bool, DbError> {
    let sql = "WITH each AS (
                   SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int8[])
                       WITH ORDINALITY AS each (order_id, provider, authorisation, capture, currency, minor, n)
               ), captured AS (
                   INSERT INTO payments.payment AS p
                       (order_id, provider, authorisation, capture, currency, captured_minor, captured_at)
                   SELECT order_id, provider, authorisation, capture, currency, minor, despatch_now() FROM each
                   ON CONFLICT (order_id) DO UPDATE
                       SET provider = excluded.provider, authorisation = excluded.authorisation,
                           capture = excluded.capture, currency = excluded.currency,
                           captured_minor = excluded.captured_minor, captured_at = excluded.captured_at
                       WHERE p.captured_at IS NULL
                   RETURNING order_id
               )
               SELECT n FROM each JOIN captured USING (order_id)";
    let NewCapture { order_id, provider, authorisation, capture, amount } = *capture;
    let values = (
        order_id.to_owned(),
        provider.to_owned(),
        authorisation.to_owned(),
        capture.to_owned(),
        amount.currency.code().to_owned(),
        amount.minor,
    );
    Ok(!tx.execute_batched(sql, values).await?.is_empty())
}

/// Records that the rest of a capture was refunded; returns false if another refund was recorded since it was planned.
pub(crate) async fn record_refund(tx: &Tx<'_>, order_id: &str, minor: i64) -> Result<bool, DbError> {
    let sql = "UPDATE payments.payment SET refunded_minor = captured_minor, refunded_at = despatch_now()
               WHERE order_id = $1 AND captured_minor - refunded_minor = $2";
    Ok(tx.execute(sql, &[&order_id, &minor]).await? == 1)
}

/// Notes that nothing more may be captured; returns false if that was known.
pub(crate) async fn record_cancellation(
    tx: &Tx<'_>,
    order_id: &str,
    provider: &str,
    authorisation: &str,
) -> Result<bool, DbError> {
    let sql = "INSERT INTO payments.payment AS p (order_id, provider, authorisation, cancelled_at)
               VALUES ($1, $2, $3, despatch_now())
               ON CONFLICT (order_id) DO UPDATE SET cancelled_at = despatch_now() WHERE p.cancelled_at IS NULL";
    Ok(tx.execute(sql, &[&order_id, &provider, &authorisation]).await? == 1)
}

fn payment(row: &Row) -> Result<Payment, DbError> {
    Ok(Payment {
        order_id: row.try_get("order_id")?,
        provider: row.try_get("provider")?,
        authorisation: row.try_get("authorisation")?,
        capture: row.try_get("capture")?,
        currency: row.try_get("currency")?,
        captured_minor: row.try_get("captured_minor")?,
        refunded_minor: row.try_get("refunded_minor")?,
        captured_at: row.try_get("captured_at")?,
        refunded_at: row.try_get("refunded_at")?,
        cancelled_at: row.try_get("cancelled_at")?,
    })
}
