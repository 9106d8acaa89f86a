//! All SQL of the labels worker: one row per parcel, written once, read by the gateway.

use despatch_contracts::stock::Parcel;
use despatch_domain::Money;
use despatch_routing::Decision;
use despatch_runtime::{DbError, QueryBatcher, Reader, Tx};
use tokio_postgres::GenericClient;

/// A label as it is made.
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

/// A label without its documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelSummary {
    /// 1-based within the order.
    pub parcel: u32,
    /// How many parcels the order has.
    pub parcels: u32,
    /// The carrier's token, e.g. `usps`, or `own`.
    pub carrier: String,
    /// The service's token.
    pub service: String,
    /// The carrier's tracking number.
    pub tracking_number: String,
    /// Under which [`document`] and [`zpl`] find it.
    pub label_id: String,
    /// The reason code of the choice.
    pub reason: String,
    /// What was weighed.
    pub detail: String,
}

/// A parcel that a carrier reports on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedParcel {
    /// The order that it belongs to.
    pub order_id: String,
    /// 1-based within the order.
    pub parcel: u32,
    /// How many parcels the order has.
    pub parcels: u32,
}

/// The id of a parcel's label: `<order id>-<parcel>`.
pub(crate) fn label_id(order_id: &str, parcel: u32) -> String {
    format!("{order_id}-{parcel}")
}

/// Whether the parcel has its label.
pub(crate) async fn is_labelled(db: &Reader<'_>, order_id: &str, parcel: u32) -> Result<bool, DbError> {
    let sql = "select n from unnest($1::text[], $2::int[]) with ordinality as each(order_id, parcel, n)
               join labels.label using (order_id, parcel)";
    Ok(!db.query_batched(sql, (order_id.to_owned(), signed(parcel))).await?.is_empty())
}

/// Keeps the parcel's label; false when the parcel, or the tracking number, has one already.
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

/// The PDF of a label; `None` when there is no such label.
pub async fn document(
    db: &impl GenericClient,
    label_id: &str,
) -> Result<Option<Vec<u8>>, tokio_postgres::Error> {
    let Some((order_id, parcel)) = parcel_of(label_id) else { return Ok(None) };
    let sql = "select document from labels.label where order_id = $1 and parcel = $2";
    Ok(db.query_opt(sql, &[&order_id, &parcel]).await?.map(|row| row.get(0)))
}

/// The ZPL of a label; `None` when there is no such label, or it was not made by us.
pub async fn zpl(db: &impl GenericClient, label_id: &str) -> Result<Option<String>, tokio_postgres::Error> {
    let Some((order_id, parcel)) = parcel_of(label_id) else { return Ok(None) };
    let sql = "select zpl from labels.label where order_id = $1 and parcel = $2";
    Ok(db.query_opt(sql, &[&order_id, &parcel]).await?.and_then(|row| row.get(0)))
}

/// The parcel that a carrier means; `None` when the label is not ours.
pub async fn parcel_by_tracking(
    db: &QueryBatcher,
    carrier: &str,
    tracking_number: &str,
) -> Result<Option<TrackedParcel>, DbError> {
    let sql = "select n, order_id, parcel, parcels
               from unnest($1::text[], $2::text[]) with ordinality as each(carrier, tracking_number, n)
                 join labels.label using (carrier, tracking_number)";
    let rows = db.query_batched(sql, (carrier.to_owned(), tracking_number.to_owned())).await?;
    Ok(rows.first().map(|row| TrackedParcel {
        order_id: row.get("order_id"),
        parcel: unsigned(row.get("parcel")),
        parcels: unsigned(row.get("parcels")),
    }))
}

/// The labels of an order, by parcel.
pub async fn labels_of(
    db: &impl GenericClient,
    order_id: &str,
) -> Result<Vec<LabelSummary>, tokio_postgres::Error> {
    let sql = "select parcel, parcels, carrier, service, tracking_number, reason, detail
               from labels.label where order_id = $1 order by parcel";
    let rows = db.query(sql, &[&order_id]).await?;
    Ok(rows
        .into_iter()
        .map(|row| LabelSummary {
            parcel: unsigned(row.get(0)),
            parcels: unsigned(row.get(1)),
            carrier: row.get(2),
            service: row.get(3),
            tracking_number: row.get(4),
            label_id: label_id(order_id, unsigned(row.get(0))),
            reason: row.get(5),
            detail: row.get(6),
        })
        .collect())
}

/// Takes a label's id apart.
fn parcel_of(label_id: &str) -> Option<(&str, i32)> {
    let (order_id, parcel) = label_id.rsplit_once('-')?;
    Some((order_id, parcel.parse().ok()?))
}

/// Parcels are few; a number that Postgres could not hold names no parcel.
fn signed(parcel: u32) -> i32 {
    i32::try_from(parcel).unwrap_or(i32::MAX)
}

/// The reverse of [`signed`].
fn unsigned(parcel: i32) -> u32 {
    u32::try_from(parcel).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_labels_id_leads_back_to_its_parcel() {
        assert_eq!(parcel_of(&label_id("0192-ab-cd", 12)), Some(("0192-ab-cd", 12)));
        for nonsense in ["", "-", "order", "order-x", "order-99999999999"] {
            assert_eq!(parcel_of(nonsense), None, "{nonsense}");
        }
    }
}
