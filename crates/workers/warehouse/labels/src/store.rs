//! All SQL of the labels worker: one row per parcel, written once. The read model shows it.

use despatch_contracts::stock::Parcel;
use despatch_domain::Money;
use despatch_routing::Decision;
use despatch_runtime::{BatchedQuery, DbError, Reader, Tx};

/// The queries that handlers batch.
pub(crate) const QUERIES: &[BatchedQuery] = &[IS_LABELLED];

const IS_LABELLED: BatchedQuery = BatchedQuery::new(
    "select n from unnest($1::text[], $2::int[]) with ordinality as each(order_id, parcel, n)
           join labels.label using (order_id, parcel)",
);

/// A new label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) carrier: String,
    pub(crate) service: String,
    pub(crate) tracking_number: String,
    /// A PDF.
    pub(crate) document: Vec<u8>,
    pub(crate) zpl: Option<String>,
    pub(crate) cost: Option<Money>,
    pub(crate) decision: Decision,
}

/// Returns whether the parcel has its label.
pub(crate) async fn is_labelled(db: &Reader<'_>, order_id: &str, parcel: u32) -> Result<bool, DbError> {
    Ok(!db.query_batched(IS_LABELLED, (order_id.to_owned(), signed(parcel))).await?.is_empty())
}

/// Stores the parcel's label; returns false if the parcel, or the tracking number, has one already.
pub(crate) async fn insert(
    tx: &Tx<'_>,
    order_id: &str,
    parcel: &Parcel,
    label: &Label,
) -> Result<bool, DbError> {
    let cost_minor = label.cost.map(|cost| cost.minor);
    let cost_currency = label.cost.map(|cost| cost.currency.to_string());
    let sql = "with each as (
            select * from unnest($1::text[], $2::int[], $3::int[], $4::text[], $5::text[], $6::text[], $7::bytea[],
                                 $8::text[], $9::bigint[], $10::text[], $11::text[], $12::text[]) with ordinality
                as each(order_id, parcel, parcels, carrier, service, tracking_number, document, zpl, cost_minor,
                        cost_currency, reason, detail, n)
        ), labelled as (
            insert into labels.label (order_id, parcel, parcels, carrier, service, tracking_number, document, zpl,
                                      cost_minor, cost_currency, reason, detail)
            select order_id, parcel, parcels, carrier, service, tracking_number, document, zpl, cost_minor,
                   cost_currency, reason, detail from each
            on conflict do nothing
            returning order_id, parcel
        )
        select n from each join labelled using (order_id, parcel)";
    let values = (
        order_id.to_owned(),
        signed(parcel.number),
        signed(parcel.of),
        label.carrier.clone(),
        label.service.clone(),
        label.tracking_number.clone(),
        label.document.clone(),
        label.zpl.clone(),
        cost_minor,
        cost_currency,
        label.decision.reason.code(),
        label.decision.detail.clone(),
    );
    Ok(!tx.execute_batched(sql, values).await?.is_empty())
}

/// Converts a number for PostgreSQL. Parcels are few, so a number out of range names none.
fn signed(parcel: u32) -> i32 {
    i32::try_from(parcel).unwrap_or(i32::MAX)
}
