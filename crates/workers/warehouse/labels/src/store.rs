//! All SQL of the labels worker: one row per parcel, which the read model shows; the addresses that changed; and, in `voids`,
//! what is void.

mod voids;

use std::error::Error;

use despatch_contracts::order::Address;
use despatch_contracts::stock::Parcel;
use despatch_domain::Money;
use despatch_routing::Decision;
use despatch_runtime::{BatchedQuery, DbError, Reader, Retention, Tx};
use prost::Message as _;
use serde_json::json;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Json, Type};

use voids::signed;
pub(crate) use voids::{Voidable, cancel, void_asked, voidable, voided};

/// The queries that handlers batch.
pub(crate) const QUERIES: &[BatchedQuery] = &[KNOWN, voids::VOIDABLE];

const KNOWN: BatchedQuery = BatchedQuery::new(
    "select n, l.order_id is not null as is_labelled, c.order_id is not null as is_cancelled, a.address, a.change
       from unnest($1::text[], $2::int[]) with ordinality as each(order_id, parcel, n)
       left join labels.label l using (order_id, parcel)
       left join labels.address a using (order_id)
       left join labels.cancelled c using (order_id)
      where l.order_id is not null or a.order_id is not null or c.order_id is not null",
);

/// The state of a parcel before it gets its label.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) is_labelled: bool,
    /// Whether the order is cancelled.
    pub(crate) is_cancelled: bool,
    /// The order's newest address, if it changed.
    pub(crate) changed: Option<ChangedAddress>,
}

/// An order's newest address.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChangedAddress {
    pub(crate) address: Address,
    /// Grows with each change of the order.
    pub(crate) change: i64,
}

/// A new label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) carrier: String,
    pub(crate) service: String,
    pub(crate) tracking_number: String,
    /// Shippo's id of the purchase; `None` for a label of our own.
    pub(crate) transaction: Option<String>,
    /// A PDF.
    pub(crate) document: Vec<u8>,
    pub(crate) zpl: Option<String>,
    pub(crate) cost: Option<Money>,
    pub(crate) decision: Decision,
    /// Whether an earlier try began the purchase, perhaps for a former address.
    pub(crate) is_resumed: bool,
}

/// Returns whether the parcel has its label, and whether its address changed.
pub(crate) async fn known(db: &Reader<'_>, order_id: &str, parcel: u32) -> Result<Known, DbError> {
    let rows = db.query_batched(KNOWN, (order_id.to_owned(), signed(parcel))).await?;
    let Some(row) = rows.first() else { return Ok(Known::default()) };
    Ok(Known {
        is_labelled: row.try_get("is_labelled")?,
        is_cancelled: row.try_get("is_cancelled")?,
        changed: changed(row)?,
    })
}

/// The end of an attempt to store a label.
pub(crate) struct Insertion {
    /// False if the parcel, or the tracking number, has one already.
    pub(crate) is_stored: bool,
    /// Why the order was cancelled before, if it was.
    pub(crate) cancelled_because: Option<String>,
    /// The order's newest address, if it changed.
    pub(crate) changed: Option<ChangedAddress>,
}

/// Stores the parcel's label.
pub(crate) async fn insert(
    tx: &Tx<'_>,
    order_id: &str,
    parcel: &Parcel,
    label: &Label,
) -> Result<Insertion, DbError> {
    let purchase = json!({
        "transaction": label.transaction,
        "minor": label.cost.map(|cost| cost.minor),
        "currency": label.cost.map(|cost| cost.currency.to_string()),
    });
    let sql = "with each as (
            select * from unnest($1::text[], $2::int[], $3::int[], $4::text[], $5::text[], $6::text[], $7::bytea[],
                                 $8::text[], $9::jsonb[], $10::text[], $11::text[]) with ordinality
                as each(order_id, parcel, parcels, carrier, service, tracking_number, document, zpl, purchase, reason,
                        detail, n)
        ), labelled as (
            insert into labels.label (order_id, parcel, parcels, carrier, service, tracking_number, document, zpl,
                                      cost_minor, cost_currency, reason, detail, transaction)
            select order_id, parcel, parcels, carrier, service, tracking_number, document, zpl,
                   (purchase ->> 'minor')::bigint, purchase ->> 'currency', reason, detail, purchase ->> 'transaction'
            from each
            on conflict do nothing
            returning order_id, parcel
        )
        select n, c.reason as cancelled_because, a.address, a.change
        from each join labelled using (order_id, parcel)
            left join labels.address a using (order_id) left join labels.cancelled c using (order_id)";
    let values = (
        order_id.to_owned(),
        signed(parcel.number),
        signed(parcel.of),
        label.carrier.clone(),
        label.service.clone(),
        label.tracking_number.clone(),
        label.document.clone(),
        label.zpl.clone(),
        Json(purchase),
        label.decision.reason.code(),
        label.decision.detail.clone(),
    );
    let rows = tx.execute_batched(sql, values).await?;
    let Some(row) = rows.first() else {
        return Ok(Insertion { is_stored: false, cancelled_because: None, changed: None });
    };
    Ok(Insertion {
        is_stored: true,
        cancelled_because: row.try_get("cancelled_because")?,
        changed: changed(row)?,
    })
}

/// Returns the newest address in a row, if there is one.
fn changed(row: &Row) -> Result<Option<ChangedAddress>, DbError> {
    let Some(Stored(address)) = row.try_get("address")? else { return Ok(None) };
    Ok(Some(ChangedAddress { address, change: row.try_get("change")? }))
}

/// Keeps an order's new address, unless a later change came before. Returns the parcels that have their labels already;
/// `None` if a later change came before.
pub(crate) async fn change_address(
    tx: &Tx<'_>,
    order_id: &str,
    changed: &ChangedAddress,
) -> Result<Option<Vec<u32>>, DbError> {
    const KEEP: &str = "insert into labels.address as known (order_id, address, change) values ($1, $2, $3)
        on conflict (order_id) do update
            set address = excluded.address, change = excluded.change, changed_at = despatch_now()
            where known.change < excluded.change";
    const LABELLED: &str =
        "select parcel from labels.label where order_id = $1 and voided_at is null order by parcel";
    let kept = tx.execute(KEEP, &[&order_id, &changed.address.encode_to_vec(), &changed.change]).await?;
    if kept == 0 {
        return Ok(None);
    }
    let rows = tx.query(LABELLED, &[&order_id]).await?;
    let parcels = rows.iter().map(|row| Ok(u32::try_from(row.try_get::<_, i32>(0)?).unwrap_or(0)));
    Ok(Some(parcels.collect::<Result<_, DbError>>()?))
}

/// Documents of labels, which nobody prints again, and later the labels' rows and what is known of their orders.
pub(crate) fn retentions() -> [Retention; 4] {
    let documents = "with old as (
            select order_id, parcel from labels.label where document is not null and created_at < $1
            order by created_at limit $2 for update skip locked
        ), gone as (
            update labels.label set document = null, zpl = null from old
            where label.order_id = old.order_id and label.parcel = old.parcel returning 1
        )
        select count(*) from gone";
    let labels = "with old as (
            select order_id, parcel from labels.label where order_id < $3 and created_at < $1
            order by order_id limit $2 for update skip locked
        ), gone as (
            delete from labels.label using old
            where label.order_id = old.order_id and label.parcel = old.parcel returning 1
        )
        select count(*) from gone";
    // They go after the labels of their order.
    let of_orders = |table: &str, at: &str| {
        format!(
            "with old as (
                select order_id from labels.{table} it where order_id < $3 and {at} < $1
                    and not exists (select from labels.label where label.order_id = it.order_id)
                order by order_id limit $2 for update skip locked
            ), gone as (
                delete from labels.{table} it using old where it.order_id = old.order_id returning 1
            )
            select count(*) from gone"
        )
    };
    [
        Retention::new("labels", 90, documents),
        Retention::new("orders", 730, labels),
        Retention::new("orders", 730, of_orders("address", "changed_at")),
        Retention::new("orders", 730, of_orders("cancelled", "cancelled_at")),
    ]
}

/// An address as its row holds it.
struct Stored(Address);

impl<'a> FromSql<'a> for Stored {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Stored(Address::decode(raw)?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::BYTEA
    }
}
