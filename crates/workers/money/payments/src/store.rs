//! All SQL of the payments worker. Its rows begin with an order's capture or cancellation, whichever comes first, or with a
//! change of the order.

pub(crate) mod changed;

use despatch_contracts::order::Order;
use despatch_domain::{Currency, Money, UnknownCurrency};
use despatch_runtime::{BatchedQuery, DbError, Reader, Row, Tx};

use changed::Changed;

/// The queries that handlers batch.
pub(crate) const QUERIES: &[BatchedQuery] = &[PAYMENTS, REFUNDS, IS_CANCELLED];

const IS_CANCELLED: BatchedQuery = BatchedQuery::new(
    "SELECT n FROM unnest($1::text[]) WITH ORDINALITY AS each (order_id, n)
           JOIN payments.cancellation USING (order_id)",
);

const PAYMENTS: BatchedQuery = BatchedQuery::new(
    "SELECT n, cancelled_at IS NOT NULL AS is_cancelled, number, provider, authorisation, currency, captured_minor,
            approved_minor, refunded_minor, elsewhere_minor, change, document
       FROM unnest($1::text[]) WITH ORDINALITY AS each (order_id, n)
       LEFT JOIN payments.tender USING (order_id) LEFT JOIN payments.cancellation USING (order_id)
       LEFT JOIN payments.changed USING (order_id)
      ORDER BY n, number",
);

const REFUNDS: BatchedQuery = BatchedQuery::new(
    "SELECT n, refund_id, tender, is_settlement, amount_minor, reason, state = 'approved' AS is_approved, reference
       FROM unnest($1::text[]) WITH ORDINALITY AS each (order_id, n) JOIN payments.refund USING (order_id)
      ORDER BY n, asked_at, refund_id, tender",
);

/// An order's payment, as far as payments knows it.
#[derive(Debug, Default)]
pub(crate) struct Payment {
    /// Whether nothing more may be captured.
    pub(crate) is_cancelled: bool,
    /// The tenders of an order that is paid, in the order in which refunds are spread over them; empty before.
    pub(crate) tenders: Vec<CapturedTender>,
    /// The order as it is now, if it changed after it was accepted.
    pub(crate) changed: Option<Changed>,
}

impl Payment {
    /// Returns how much the shop keeps once every approved refund is made. It is negative while others gave back money that
    /// an open refund gives back too.
    pub(crate) fn kept(&self) -> i64 {
        self.tenders.iter().map(|it| it.captured_minor - it.approved_minor - it.elsewhere_minor).sum()
    }

    /// Returns how much the shop may keep at most, in the currency in which the customer paid: the total of an order that
    /// changed, and nothing of one that is cancelled. Returns `None` if neither is known.
    pub(crate) fn may_keep(&self) -> Option<i64> {
        if self.is_cancelled {
            return Some(0);
        }
        total_in(&self.changed.as_ref()?.order, &self.tenders.first()?.currency)
    }
}

/// Returns the order's total in this currency; `None` if it has none in it.
pub(crate) fn total_in(order: &Order, currency: &str) -> Option<i64> {
    let totals =
        [(&order.presentment_currency, order.presentment_total_minor), (&order.currency, order.total_minor)];
    totals.into_iter().find(|(known, _)| *known == currency).map(|(_, minor)| minor)
}

/// A tender of an order that is paid. Amounts are in minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CapturedTender {
    pub(crate) number: i32,
    pub(crate) provider: String,
    /// The provider's reference of the authorisation.
    pub(crate) authorisation: String,
    pub(crate) currency: String,
    pub(crate) captured_minor: i64,
    /// Refunds that were approved, whether or not they are made yet.
    pub(crate) approved_minor: i64,
    /// Approved refunds that are made.
    pub(crate) refunded_minor: i64,
    /// Refunds that nobody asked despatch for.
    pub(crate) elsewhere_minor: i64,
}

impl CapturedTender {
    /// Returns how much of it may still be refunded.
    pub(crate) fn left(&self) -> i64 {
        (self.captured_minor - self.approved_minor - self.elsewhere_minor).max(0)
    }
}

/// A tender to record with its order's capture.
pub(crate) struct NewTender<'a> {
    pub(crate) order_id: &'a str,
    pub(crate) number: i32,
    pub(crate) provider: &'a str,
    pub(crate) authorisation: &'a str,
    pub(crate) capture: &'a str,
    pub(crate) captured: Money,
}

impl<'a> NewTender<'a> {
    /// Returns what is recorded of an order that costs nothing.
    pub(crate) fn nothing(order_id: &'a str, provider: &'a str, captured: Money) -> Self {
        NewTender { order_id, number: 0, provider, authorisation: "", capture: "", captured }
    }
}

/// A refund, or one tender's part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) tender: i32,
    pub(crate) is_settlement: bool,
    pub(crate) amount_minor: i64,
    pub(crate) reason: String,
    pub(crate) is_approved: bool,
    /// The provider's reference; empty unless it is made.
    pub(crate) reference: String,
}

/// A refund, or one tender's part of it, that did not reach the customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedRefund {
    pub(crate) id: String,
    pub(crate) tender: i32,
    pub(crate) amount_minor: i64,
    pub(crate) currency: String,
}

/// Returns what is known of the order's payment.
pub(crate) async fn known(db: &Reader<'_>, order_id: &str) -> Result<Payment, DbError> {
    payment(&db.query_batched(PAYMENTS, (order_id.to_owned(),)).await?)
}

/// Returns what is known of the order's payment, within the transaction.
pub(crate) async fn known_in(tx: &Tx<'_>, order_id: &str) -> Result<Payment, DbError> {
    payment(&tx.query_batched(PAYMENTS, (order_id.to_owned(),)).await?)
}

fn payment(rows: &[Row]) -> Result<Payment, DbError> {
    let mut payment = Payment::default();
    for row in rows {
        payment.is_cancelled = row.try_get("is_cancelled")?;
        payment.changed = match payment.changed.take() {
            None => changed::of(row)?,
            known => known,
        };
        if let Some(number) = row.try_get("number")? {
            payment.tenders.push(CapturedTender {
                number,
                provider: row.try_get("provider")?,
                authorisation: row.try_get("authorisation")?,
                currency: row.try_get("currency")?,
                captured_minor: row.try_get("captured_minor")?,
                approved_minor: row.try_get("approved_minor")?,
                refunded_minor: row.try_get("refunded_minor")?,
                elsewhere_minor: row.try_get("elsewhere_minor")?,
            });
        }
    }
    Ok(payment)
}

/// Returns whether the order was cancelled before its payment was captured.
pub(crate) async fn is_cancelled(tx: &Tx<'_>, order_id: &str) -> Result<bool, DbError> {
    Ok(!tx.query_batched(IS_CANCELLED, (order_id.to_owned(),)).await?.is_empty())
}

/// Locks the tenders of an order that is paid, so that no other transaction counts money of it meanwhile.
pub(crate) async fn lock(tx: &Tx<'_>, order_id: &str) -> Result<(), DbError> {
    let sql = "SELECT 1 FROM payments.tender WHERE order_id = $1 ORDER BY number FOR UPDATE";
    tx.query(sql, &[&order_id]).await?;
    Ok(())
}

/// A tender that was recorded now.
pub(crate) struct Recorded {
    /// The order as it is now, if it changed after it was accepted.
    pub(crate) changed: Option<Changed>,
}

/// Records a tender of a paid order; returns `None` if it was recorded before.
pub(crate) async fn record_tender(tx: &Tx<'_>, tender: &NewTender<'_>) -> Result<Option<Recorded>, DbError> {
    let sql = "WITH each AS (
                   SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int8[])
                       WITH ORDINALITY AS each (order_id, number, provider, authorisation, capture, currency, minor, n)
               ), captured AS (
                   INSERT INTO payments.tender
                       (order_id, number, provider, authorisation, capture, currency, captured_minor)
                   SELECT order_id, number, provider, authorisation, capture, currency, minor FROM each
                   ON CONFLICT (order_id, number) DO NOTHING
                   RETURNING order_id, number
               )
               SELECT n, change, document
                 FROM each JOIN captured USING (order_id, number)
                 LEFT JOIN LATERAL payments.changed_by_now(captured.order_id) ON true";
    let NewTender { order_id, number, provider, authorisation, capture, captured } = *tender;
    let values = (
        order_id.to_owned(),
        number,
        provider.to_owned(),
        authorisation.to_owned(),
        capture.to_owned(),
        captured.currency.code().to_owned(),
        captured.minor,
    );
    let rows = tx.execute_batched(sql, values).await?;
    rows.first().map(|row| Ok(Recorded { changed: changed::of(row)? })).transpose()
}

/// Counts money that the holder of a recorded tender took since.
pub(crate) async fn raise(tx: &Tx<'_>, order_id: &str, tender: i32, minor: i64) -> Result<(), DbError> {
    let sql =
        "UPDATE payments.tender SET captured_minor = captured_minor + $3 WHERE order_id = $1 AND number = $2";
    tx.execute(sql, &[&order_id, &tender, &minor]).await?;
    Ok(())
}

/// Notes that nothing more may be captured; returns false if that was known.
pub(crate) async fn record_cancellation(tx: &Tx<'_>, order_id: &str) -> Result<bool, DbError> {
    let sql = "INSERT INTO payments.cancellation (order_id) VALUES ($1) ON CONFLICT DO NOTHING";
    Ok(tx.execute(sql, &[&order_id]).await? == 1)
}

/// Counts a refund against its tender; returns false if the tender has not as much left. Fails if the id was used for
/// this tender before.
pub(crate) async fn approve(tx: &Tx<'_>, order_id: &str, refund: &Refund) -> Result<bool, DbError> {
    let sql = "WITH approved AS (
                   UPDATE payments.tender SET approved_minor = approved_minor + $4
                    WHERE order_id = $1 AND number = $3
                      AND captured_minor - approved_minor - elsewhere_minor >= $4
                   RETURNING currency
               )
               INSERT INTO payments.refund (order_id, refund_id, tender, is_settlement, amount_minor, currency, reason, state)
               SELECT $1, $2, $3, $5, $4, currency, $6, 'approved' FROM approved";
    let Refund { id, tender, is_settlement, amount_minor, reason, .. } = refund;
    Ok(tx.execute(sql, &[&order_id, id, tender, amount_minor, is_settlement, reason]).await? == 1)
}

/// Records a refund as made, perhaps of less than was approved; returns false if that was done before. Money that moved counts
/// also if the approval was taken back meanwhile.
pub(crate) async fn made(
    tx: &Tx<'_>,
    order_id: &str,
    (refund_id, tender): (&str, i32),
    minor: i64,
    reference: &str,
) -> Result<bool, DbError> {
    let sql = "WITH asked AS (
                   SELECT CASE state WHEN 'approved' THEN amount_minor ELSE 0 END AS approved FROM payments.refund
                    WHERE order_id = $1 AND refund_id = $2 AND tender = $3 AND state IN ('approved', 'refused') FOR UPDATE
               ), refund AS (
                   UPDATE payments.refund
                      SET state = 'made', amount_minor = $4, reference = $5, made_at = despatch_now()
                    WHERE order_id = $1 AND refund_id = $2 AND tender = $3 AND state IN ('approved', 'refused')
               )
               UPDATE payments.tender
                  SET refunded_minor = refunded_minor + $4, approved_minor = approved_minor - asked.approved + $4
                 FROM asked WHERE order_id = $1 AND number = $3";
    Ok(tx.execute(sql, &[&order_id, &refund_id, &tender, &minor, &reference]).await? == 1)
}

/// Lowers an approval by at most its amount. One of which nothing is left is taken back.
pub(crate) async fn lower(
    tx: &Tx<'_>,
    order_id: &str,
    (refund_id, tender): (&str, i32),
    minor: i64,
) -> Result<(), DbError> {
    let sql = "WITH refund AS (
                   UPDATE payments.refund
                      SET state = CASE WHEN amount_minor > $4 THEN state ELSE 'refused' END,
                          amount_minor = CASE WHEN amount_minor > $4 THEN amount_minor - $4 ELSE amount_minor END
                    WHERE order_id = $1 AND refund_id = $2 AND tender = $3 AND state = 'approved'
                   RETURNING 1
               )
               UPDATE payments.tender SET approved_minor = approved_minor - $4
                 FROM refund WHERE order_id = $1 AND number = $3";
    tx.execute(sql, &[&order_id, &refund_id, &tender, &minor]).await?;
    Ok(())
}

/// Takes an approval back; returns false if there is none any more.
pub(crate) async fn refuse(
    tx: &Tx<'_>,
    order_id: &str,
    (refund_id, tender): (&str, i32),
) -> Result<bool, DbError> {
    let sql = "WITH refund AS (
                   UPDATE payments.refund SET state = 'refused'
                    WHERE order_id = $1 AND refund_id = $2 AND tender = $3 AND state = 'approved'
                   RETURNING amount_minor
               )
               UPDATE payments.tender SET approved_minor = approved_minor - refund.amount_minor
                 FROM refund WHERE order_id = $1 AND number = $3";
    Ok(tx.execute(sql, &[&order_id, &refund_id, &tender]).await? == 1)
}

/// Records a refund that nobody asked despatch for; returns false if it was recorded before. With our id `refund_id` it is
/// one of ours, which another handling may have approved or made meanwhile.
pub(crate) async fn made_elsewhere(
    tx: &Tx<'_>,
    order_id: &str,
    tender: i32,
    minor: i64,
    (reference, refund_id, reason): (&str, &str, &str),
) -> Result<bool, DbError> {
    let sql = "WITH refund AS (
                   INSERT INTO payments.refund (order_id, refund_id, tender, is_settlement, amount_minor, currency, reason,
                                                state, reference, made_at)
                   SELECT $1, $4, $2, false, $3, currency, $5, 'elsewhere', $4, despatch_now()
                     FROM payments.tender WHERE order_id = $1 AND number = $2
                      AND NOT EXISTS (SELECT FROM payments.refund WHERE order_id = $1 AND tender = $2
                                                                    AND (reference = $4 OR refund_id = $6))
                   ON CONFLICT DO NOTHING
                   RETURNING amount_minor
               )
               UPDATE payments.tender SET elsewhere_minor = elsewhere_minor + refund.amount_minor
                 FROM refund WHERE order_id = $1 AND number = $2";
    Ok(tx.execute(sql, &[&order_id, &tender, &minor, &reference, &reason, &refund_id]).await? == 1)
}

/// Records that a refund, known by the provider's reference, did not reach the customer. Its amount can be refunded again.
/// Returns the refund; `None` if it is not known as made.
pub(crate) async fn failed(
    tx: &Tx<'_>,
    order_id: &str,
    reference: &str,
) -> Result<Option<FailedRefund>, DbError> {
    let sql = "WITH known AS (
                   SELECT refund_id, tender, amount_minor, currency, state FROM payments.refund
                    WHERE order_id = $1 AND reference = $2 AND state IN ('made', 'elsewhere') FOR UPDATE
               ), refund AS (
                   UPDATE payments.refund SET state = 'failed'
                     FROM known WHERE refund.order_id = $1 AND refund.refund_id = known.refund_id
                                  AND refund.tender = known.tender
               ), tender AS (
                   UPDATE payments.tender
                      SET refunded_minor = refunded_minor - CASE known.state WHEN 'made' THEN known.amount_minor ELSE 0 END,
                          approved_minor = approved_minor - CASE known.state WHEN 'made' THEN known.amount_minor ELSE 0 END,
                          elsewhere_minor = elsewhere_minor - CASE known.state WHEN 'made' THEN 0 ELSE known.amount_minor END
                     FROM known WHERE order_id = $1 AND number = known.tender
               )
               SELECT refund_id, tender, amount_minor, currency FROM known";
    let rows = tx.returning(sql, &[&order_id, &reference]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(FailedRefund {
        id: row.try_get("refund_id")?,
        tender: row.try_get("tender")?,
        amount_minor: row.try_get("amount_minor")?,
        currency: row.try_get("currency")?,
    }))
}

/// Returns all refunds of the order.
pub(crate) async fn refunds(db: &Reader<'_>, order_id: &str) -> Result<Vec<Refund>, DbError> {
    db.query_batched(REFUNDS, (order_id.to_owned(),)).await?.iter().map(refund).collect()
}

/// Returns all refunds of the order, within the transaction.
pub(crate) async fn refunds_in(tx: &Tx<'_>, order_id: &str) -> Result<Vec<Refund>, DbError> {
    tx.query_batched(REFUNDS, (order_id.to_owned(),)).await?.iter().map(refund).collect()
}

fn refund(row: &Row) -> Result<Refund, DbError> {
    Ok(Refund {
        id: row.try_get("refund_id")?,
        tender: row.try_get("tender")?,
        is_settlement: row.try_get("is_settlement")?,
        amount_minor: row.try_get("amount_minor")?,
        reason: row.try_get("reason")?,
        is_approved: row.try_get("is_approved")?,
        reference: row.try_get("reference")?,
    })
}

/// Returns an amount in a tender's currency.
pub(crate) fn money(tender: &CapturedTender, minor: i64) -> Result<Money, UnknownCurrency> {
    Ok(Money::new(minor, Currency::parse(&tender.currency)?))
}
