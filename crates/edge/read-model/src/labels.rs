//! Labels and their parcels: the schema of `labels`.

use despatch_domain::LabelId;
use despatch_runtime::{BatchedQuery, DbError, QueryBatcher};
use serde::Serialize;
use tokio_postgres::{GenericClient, Row};
use utoipa::ToSchema;

/// A label without its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The parcel's number within the order, from 1.
    pub parcel: u32,
    /// The parcel's place among those that go, as the label says.
    pub position: u32,
    /// The number of parcels of the order, as the label says.
    pub parcels: u32,
    /// The carrier.
    pub carrier: String,
    /// The carrier's service.
    pub service: String,
    /// The carrier's tracking number.
    pub tracking_number: String,
    /// The id by which [`document`] finds the label.
    pub label_id: String,
    /// The reason code of the choice.
    pub reason: String,
    /// The weight and the sides.
    pub packed: Packed,
    /// Whether the parcel can be sent under it.
    pub state: LabelState,
}

/// A parcel's weight and sides, as the carrier was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Packed {
    /// Grams, with the carton.
    pub grams: i64,
    /// The longest side in millimetres.
    pub length_mm: i64,
    /// The second side in millimetres.
    pub width_mm: i64,
    /// The third side in millimetres.
    pub height_mm: i64,
    /// SKUs in it that had no weight, so that `labels.parcel.unit_grams` was assumed.
    pub assumed_weights: Vec<String>,
    /// SKUs in it whose sides were not known, so that the usual carton was assumed to take them.
    pub unknown_sides: Vec<String>,
}

/// Whether a parcel can be sent under a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelState {
    /// It can.
    Valid,
    /// The carrier was asked to take the label back, and has not decided.
    VoidRequested,
    /// The carrier took it back, or it was struck off.
    Voided,
}

/// The format of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelFormat {
    /// For people and office printers.
    Pdf,
    /// For label printers.
    Zpl,
}

/// A parcel that a carrier reports on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackedParcel {
    /// The parcel's order.
    pub order_id: String,
    /// The parcel's number within the order, from 1.
    pub parcel: u32,
    /// The parcel's place among those that go, as its label says.
    pub position: u32,
    /// The number of parcels of the order that go.
    pub parcels: u32,
}

/// Returns the labels of an order, by parcel.
pub async fn labels_of(db: &impl GenericClient, order_id: &str) -> Result<Vec<Label>, DbError> {
    let sql = "select parcel, position, parcels, carrier, service, tracking_number, reason,
                      void_asked_at is not null as is_asked, voided_at is not null as is_voided, grams, length_mm,
                      width_mm, height_mm, assumed_weights, unknown_sides
               from labels.label where order_id = $1 order by parcel";
    let rows = db.query(sql, &[&order_id]).await?;
    rows.iter()
        .map(|row| {
            let parcel = unsigned(row.try_get("parcel")?);
            Ok(Label {
                parcel,
                position: unsigned(row.try_get("position")?),
                parcels: unsigned(row.try_get("parcels")?),
                carrier: row.try_get("carrier")?,
                service: row.try_get("service")?,
                tracking_number: row.try_get("tracking_number")?,
                label_id: LabelId { order_id, parcel }.to_string(),
                reason: row.try_get("reason")?,
                packed: packed(row)?,
                state: match (row.try_get("is_voided")?, row.try_get("is_asked")?) {
                    (true, _) => LabelState::Voided,
                    (false, true) => LabelState::VoidRequested,
                    (false, false) => LabelState::Valid,
                },
            })
        })
        .collect()
}

fn packed(row: &Row) -> Result<Packed, DbError> {
    Ok(Packed {
        grams: row.try_get("grams")?,
        length_mm: row.try_get("length_mm")?,
        width_mm: row.try_get("width_mm")?,
        height_mm: row.try_get("height_mm")?,
        assumed_weights: row.try_get("assumed_weights")?,
        unknown_sides: row.try_get("unknown_sides")?,
    })
}

/// Returns a label's document; `None` if there is no such label, or none in this format, or it must not be used any more.
pub async fn document(
    db: &impl GenericClient,
    label_id: &str,
    format: LabelFormat,
) -> Result<Option<Vec<u8>>, DbError> {
    let Some(LabelId { order_id, parcel }) = LabelId::parse(label_id) else { return Ok(None) };
    let Ok(parcel) = i32::try_from(parcel) else { return Ok(None) };
    let sql = match format {
        LabelFormat::Pdf => {
            "select document from labels.label where order_id = $1 and parcel = $2 and void_asked_at is null"
        }
        LabelFormat::Zpl => {
            "select convert_to(zpl, 'UTF8') from labels.label
             where order_id = $1 and parcel = $2 and void_asked_at is null"
        }
    };
    let row = db.query_opt(sql, &[&order_id, &parcel]).await?;
    Ok(row.map(|row| row.try_get::<_, Option<Vec<u8>>>(0)).transpose()?.flatten())
}

/// Returns the parcel with this tracking number; `None` if it is not ours, or its label is not recorded yet.
pub async fn parcel_by_tracking(
    db: &QueryBatcher,
    carrier: &str,
    tracking_number: &str,
) -> Result<Option<TrackedParcel>, DbError> {
    // A changed order's parcels have other numbers than at first. Numbers have no gaps, so as many go as there are numbers that
    // were not voided.
    const SQL: BatchedQuery = BatchedQuery::new(
        "select n, scanned.order_id, scanned.parcel, scanned.position,
                greatest(all_of.last, off.last) - coalesce(off.parcels, 0) as parcels
           from unnest($1::text[], $2::text[]) with ordinality as each(carrier, tracking_number, n)
             join labels.label scanned using (carrier, tracking_number)
             cross join lateral (
                 select max(greatest(l.parcel, l.parcels)) as last from labels.label l
                 where l.order_id = scanned.order_id
             ) all_of
             cross join lateral (
                 select max(s.parcel) as last, count(*)::int as parcels from labels.not_sent s
                 where s.order_id = scanned.order_id and s.parcel > 0
             ) off",
    );
    let rows = db.query_batched(SQL, (carrier.to_owned(), tracking_number.to_owned())).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(TrackedParcel {
        order_id: row.try_get("order_id")?,
        parcel: unsigned(row.try_get("parcel")?),
        position: unsigned(row.try_get("position")?),
        parcels: unsigned(row.try_get("parcels")?),
    }))
}

/// Converts a parcel's number. They count from 1, and the table has no negative ones.
fn unsigned(parcel: i32) -> u32 {
    u32::try_from(parcel).unwrap_or(0)
}
