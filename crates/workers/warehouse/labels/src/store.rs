//! All SQL of the labels worker: one row per parcel, which the read model shows; in `voids`, what is void; in `learned`, what is
//! known of articles and locations.

mod learned;
mod voids;

use std::collections::{BTreeSet, HashMap};

use despatch_contracts::order::Address;
use despatch_contracts::stock::Parcel;
use despatch_domain::Money;
use despatch_routing::{Decision, Measures, Package};
use despatch_runtime::{BatchedQuery, DbError, Reader, Retention, Tx};
use serde_json::json;
use tokio_postgres::types::Json;

use learned::{Item, Location};
pub(crate) use learned::{learn_items, learn_location};
use voids::signed;
pub(crate) use voids::{Voidable, not_sent, void_asked, voidable, voided};

/// The queries that handlers batch.
pub(crate) const QUERIES: &[BatchedQuery] = &[KNOWN, voids::VOIDABLE];

const KNOWN: BatchedQuery = BatchedQuery::new(
    "select n, exists (select from labels.label l where l.order_id = each.order_id and l.parcel = each.parcel)
                   as is_labelled,
            exists (select from labels.not_sent s where s.order_id = each.order_id and s.parcel in (0, each.parcel))
                   as is_not_sent,
            (select to_jsonb(l) from labels.location l where l.id = each.location) as location,
            (select coalesce(jsonb_agg(to_jsonb(known)), '[]') from jsonb_array_elements_text(each.skus) as wanted(sku)
                cross join lateral (select * from labels.item i where i.sku = wanted.sku limit 1) known) as items
       from unnest($1::text[], $2::int[], $3::text[], $4::jsonb[]) with ordinality
                as each(order_id, parcel, location, skus, n)",
);

/// The state of a parcel before it gets its label.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) is_labelled: bool,
    /// Whether the order is cancelled, or its units are in another parcel.
    pub(crate) is_not_sent: bool,
    /// The measures of the articles in it, by SKU; of unknown articles there are none.
    pub(crate) measures: HashMap<String, Measures>,
    /// The address of its location, of which any part may be empty; `None` if inventory never said it.
    pub(crate) location: Option<Address>,
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
    pub(crate) package: Package,
    pub(crate) decision: Decision,
}

/// Returns what is known of the parcel, of the articles in it and of its location.
pub(crate) async fn known(db: &Reader<'_>, order_id: &str, parcel: &Parcel) -> Result<Known, DbError> {
    let skus: BTreeSet<&String> = parcel.contents.iter().map(|allocation| &allocation.sku).collect();
    let skus = Json(skus.into_iter().cloned().collect::<Vec<String>>());
    let values = (order_id.to_owned(), signed(parcel.number), parcel.location.clone(), skus);
    let rows = db.query_batched(KNOWN, values).await?;
    let Some(row) = rows.first() else { return Ok(Known::default()) };
    let Json(items): Json<Vec<Item>> = row.try_get("items")?;
    let location: Option<Json<Location>> = row.try_get("location")?;
    Ok(Known {
        is_labelled: row.try_get("is_labelled")?,
        is_not_sent: row.try_get("is_not_sent")?,
        measures: learned::measures(items),
        location: location.map(|Json(location)| location.into()),
    })
}

/// The end of an attempt to store a label.
pub(crate) struct Insertion {
    /// False if the parcel, or the tracking number, has one already.
    pub(crate) is_stored: bool,
    /// Why the parcel is not sent any more, if it is not.
    pub(crate) not_sent_because: Option<String>,
}

/// Stores the parcel's label.
pub(crate) async fn insert(
    tx: &Tx<'_>,
    order_id: &str,
    parcel: &Parcel,
    label: &Label,
) -> Result<Insertion, DbError> {
    let Package { grams, sides, assumed_weights, unknown_sides } = &label.package;
    let [length_mm, width_mm, height_mm] = sides.mm().map(stored);
    let details = json!({
        "transaction": label.transaction,
        "minor": label.cost.map(|cost| cost.minor),
        "currency": label.cost.map(|cost| cost.currency.to_string()),
        "grams": stored(*grams),
        "length_mm": length_mm,
        "width_mm": width_mm,
        "height_mm": height_mm,
        "assumed_weights": assumed_weights,
        "unknown_sides": unknown_sides,
    });
    let sql = "with each as (
            select * from unnest($1::text[], $2::int[], $3::int[], $4::text[], $5::text[], $6::text[], $7::bytea[],
                                 $8::text[], $9::jsonb[], $10::text[], $11::text[], $12::int[]) with ordinality
                as each(order_id, parcel, parcels, carrier, service, tracking_number, document, zpl, details, reason,
                        detail, position, n)
        ), labelled as (
            insert into labels.label (order_id, parcel, position, parcels, carrier, service, tracking_number, document, zpl,
                                      cost_minor, cost_currency, reason, detail, transaction, grams, length_mm,
                                      width_mm, height_mm, assumed_weights, unknown_sides)
            select order_id, parcel, position, parcels, carrier, service, tracking_number, document, zpl,
                   (details ->> 'minor')::bigint, details ->> 'currency', reason, detail, details ->> 'transaction',
                   (details ->> 'grams')::bigint, (details ->> 'length_mm')::bigint, (details ->> 'width_mm')::bigint,
                   (details ->> 'height_mm')::bigint,
                   array(select jsonb_array_elements_text(details -> 'assumed_weights')),
                   array(select jsonb_array_elements_text(details -> 'unknown_sides'))
            from each
            on conflict do nothing
            returning order_id, parcel
        )
        select n, (select reason from labels.not_sent s
                    where s.order_id = each.order_id and s.parcel in (0, each.parcel)
                    order by s.parcel limit 1) as not_sent_because
        from each join labelled using (order_id, parcel)";
    let values = (
        order_id.to_owned(),
        signed(parcel.number),
        signed(parcel.of),
        label.carrier.clone(),
        label.service.clone(),
        label.tracking_number.clone(),
        label.document.clone(),
        label.zpl.clone(),
        Json(details),
        label.decision.reason.code(),
        label.decision.detail.clone(),
        signed(parcel.position),
    );
    let rows = tx.execute_batched(sql, values).await?;
    let Some(row) = rows.first() else {
        return Ok(Insertion { is_stored: false, not_sent_because: None });
    };
    Ok(Insertion { is_stored: true, not_sent_because: row.try_get("not_sent_because")? })
}

/// Returns a measure as its column holds it. Real ones are far from the limit.
fn stored(measure: u64) -> i64 {
    i64::try_from(measure).unwrap_or(i64::MAX)
}

/// Documents of labels, which nobody prints again, and later the labels' rows and what is known of their orders.
pub(crate) fn retentions() -> [Retention; 3] {
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
    let not_sent = "with old as (
            select order_id, parcel from labels.not_sent it where order_id < $3 and noted_at < $1
                and not exists (select from labels.label where label.order_id = it.order_id)
            order by order_id limit $2 for update skip locked
        ), gone as (
            delete from labels.not_sent it using old
            where it.order_id = old.order_id and it.parcel = old.parcel returning 1
        )
        select count(*) from gone";
    [
        Retention::new("labels", 90, documents),
        Retention::new("orders", 730, labels),
        Retention::new("orders", 730, not_sent),
    ]
}
