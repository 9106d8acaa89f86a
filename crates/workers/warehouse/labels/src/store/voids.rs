//! Parcels that are not sent, and labels that are voided.

use std::time::Duration;

use despatch_runtime::{BatchedQuery, DbError, Reader, Tx};

/// The queries that handlers batch.
pub(super) const VOIDABLE: BatchedQuery = BatchedQuery::new(
    "select n, carrier, tracking_number, transaction,
            extract(epoch from despatch_now() - void_asked_at)::float8 as asked_for
       from unnest($1::text[], $2::int[]) with ordinality as each(order_id, parcel, n)
       join labels.label using (order_id, parcel)
      where voided_at is null",
);

/// A label that is not voided yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Voidable {
    pub(crate) carrier: String,
    pub(crate) tracking_number: String,
    /// Shippo's id of the purchase; `None` for a label of our own.
    pub(crate) transaction: Option<String>,
    /// How long ago the carrier said that it will decide, if it did.
    pub(crate) asked_for: Option<Duration>,
}

/// Returns a parcel's label; `None` if it has none, or none that can be voided.
pub(crate) async fn voidable(
    db: &Reader<'_>,
    order_id: &str,
    parcel: u32,
) -> Result<Option<Voidable>, DbError> {
    let rows = db.query_batched(VOIDABLE, (order_id.to_owned(), signed(parcel))).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let asked_for: Option<f64> = row.try_get("asked_for")?;
    Ok(Some(Voidable {
        carrier: row.try_get("carrier")?,
        tracking_number: row.try_get("tracking_number")?,
        transaction: row.try_get("transaction")?,
        asked_for: asked_for.map(|seconds| Duration::from_secs_f64(seconds.max(0.0))),
    }))
}

/// Notes that a parcel is not sent, so that no label is made for it from now on; without a number, that none of the order is.
/// Returns those of them that have labels.
pub(crate) async fn not_sent(
    tx: &Tx<'_>,
    order_id: &str,
    parcel: Option<u32>,
    reason: &str,
) -> Result<Vec<u32>, DbError> {
    const SQL: &str = "with noted as (
            insert into labels.not_sent (order_id, parcel, reason) values ($1, $2, $3) on conflict do nothing
        )
        select parcel from labels.label
        where order_id = $1 and $2 in (0, parcel) and voided_at is null order by parcel";
    let rows = tx.returning(SQL, &[&order_id, &parcel.map_or(0, signed), &reason]).await?;
    rows.iter().map(|row| Ok(u32::try_from(row.try_get::<_, i32>(0)?).unwrap_or(0))).collect()
}

/// Notes that the carrier was asked to take a label back, and will decide later.
pub(crate) async fn void_asked(tx: &Tx<'_>, order_id: &str, parcel: u32) -> Result<(), DbError> {
    const SQL: &str = "update labels.label set void_asked_at = despatch_now()
        where order_id = $1 and parcel = $2 and void_asked_at is null";
    tx.execute(SQL, &[&order_id, &signed(parcel)]).await?;
    Ok(())
}

/// Notes that a label is void; returns false if that was noted before.
pub(crate) async fn voided(tx: &Tx<'_>, order_id: &str, parcel: u32) -> Result<bool, DbError> {
    const SQL: &str = "update labels.label
        set voided_at = despatch_now(), void_asked_at = coalesce(void_asked_at, despatch_now())
        where order_id = $1 and parcel = $2 and voided_at is null";
    Ok(tx.execute(SQL, &[&order_id, &signed(parcel)]).await? == 1)
}

/// Converts a number for PostgreSQL. Parcels are few, so a number out of range names none.
pub(super) fn signed(parcel: u32) -> i32 {
    i32::try_from(parcel).unwrap_or(i32::MAX)
}
