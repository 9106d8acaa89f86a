//! Stock: the schema of `inventory`.

use despatch_runtime::DbError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::types::Json;
use tokio_postgres::{GenericClient, Row};
use utoipa::ToSchema;

/// Units of a SKU at a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockLevel {
    /// The article.
    pub sku: String,
    /// The location's id.
    pub location: String,
    /// The units that can be sold.
    pub available: i64,
    /// The units that orders hold; they are still there.
    pub reserved: i64,
}

/// Units of a SKU, wherever they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkuStock {
    /// The article.
    pub sku: String,
    /// The name for people; null if nobody gave one.
    #[schema(required)]
    pub title: Option<String>,
    /// The units that can be sold and those that orders hold, at each location.
    pub levels: Vec<StockLevel>,
    /// Where all units of it ever received are, by the ledger.
    pub buckets: Vec<BucketUnits>,
}

/// Units in a bucket of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BucketUnits {
    /// The location's id; empty for `transit`, whose units are on the way from one location to another.
    pub location: String,
    /// At the location: `available`, `reserved`, `quarantine`, `damaged` or `missing`. Outside of it: `supplier` (its units are
    /// below 0), `customer`, `transit`, `lost` or `scrapped`.
    pub bucket: String,
    /// The number of units.
    pub units: i64,
}

/// Where units were at the time since which movements are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockOpening {
    /// The time. Earlier movements are no longer kept.
    pub at: Timestamp,
    /// The units then.
    pub units: Vec<BucketUnits>,
}

/// A movement of units from one bucket of the ledger to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockMovement {
    /// The movement's number.
    pub id: i64,
    /// The time.
    pub at: Timestamp,
    /// The location's id.
    pub location: String,
    /// The number of units.
    pub quantity: i64,
    /// The bucket that they leave.
    pub from: String,
    /// The bucket that they go to.
    pub to: String,
    /// The type of the event that caused it.
    pub cause: String,
    /// The order, if it is about one.
    #[schema(required)]
    pub order_id: Option<String>,
    /// The order's parcel.
    #[schema(required)]
    pub parcel: Option<i32>,
    /// The request, if it follows from one.
    #[schema(required)]
    pub request_id: Option<String>,
    /// The reason of an adjustment; may be empty.
    pub reason: String,
    /// The person, where one is known.
    pub by: String,
}

/// A request about stock, and its results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockRequestRecord {
    /// The type of the command, such as `stock.receive-requested`.
    pub kind: String,
    /// The time at which it was worked on.
    pub at: Timestamp,
    /// The side that it came from.
    pub requested_by: String,
    /// The person, where one is known.
    pub by: String,
    /// The reason, in words; may be empty.
    pub note: String,
    /// The name of the delivery or the transfer; empty for other commands.
    pub name: String,
    /// The number of rows.
    pub rows: i32,
    /// The number of rows that were refused.
    pub refused: i32,
    /// Whether a second person must look at it, because it is worth much.
    pub needs_second: bool,
    /// The result of each row, in the request's order.
    pub results: Vec<StockRowResult>,
}

/// The result of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StockRowResult {
    /// The row's place in the request, from 1.
    pub row: u32,
    /// The article.
    #[serde(default)]
    pub sku: String,
    /// The location's id.
    #[serde(default)]
    pub location: String,
    /// The number of units.
    #[serde(default)]
    pub quantity: i64,
    /// `booked`; `before`: it was booked before; `refused`; or `withheld`, because another row was refused.
    pub outcome: String,
    /// The reason code of a row that was not booked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why a row was not booked, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many units more than recorded a count found; below 0 if fewer. Missing of other commands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<i64>,
    /// The orders from which a count took units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_from: Vec<TakenUnits>,
    /// Whether a receipt made the article known.
    #[serde(default, rename = "new", skip_serializing_if = "std::ops::Not::not")]
    pub is_new: bool,
}

/// Units that a count took from an order, because they are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TakenUnits {
    /// The order.
    pub order_id: String,
    /// The number of units.
    pub units: i64,
}

/// Which levels to list.
#[derive(Debug, Clone, Copy)]
pub struct LevelFilter<'f> {
    /// Only this location.
    pub location: Option<&'f str>,
    /// Only what comes after this SKU and location.
    pub after: (&'f str, &'f str),
}

/// Which movements to list.
#[derive(Debug, Clone, Copy)]
pub struct MovementFilter<'f> {
    /// The article.
    pub sku: &'f str,
    /// Only this location.
    pub location: Option<&'f str>,
    /// Only until this time.
    pub until: Option<Timestamp>,
    /// Only what comes after this movement.
    pub after: Option<(Timestamp, i64)>,
}

/// Returns levels by SKU and location, at most `limit`.
pub async fn levels(
    db: &impl GenericClient,
    filter: LevelFilter<'_>,
    limit: usize,
) -> Result<Vec<StockLevel>, DbError> {
    let sql = "select sku, location, available, reserved from inventory.position
               where (sku, location) > ($1, $2) and ($3::text is null or location = $3)
               order by sku, location limit $4";
    let (sku, location) = filter.after;
    let rows = db.query(sql, &[&sku, &location, &filter.location, &rows(limit)]).await?;
    rows.iter().map(level).collect()
}

/// Returns what there is of a SKU; `None` if nobody knows it.
pub async fn stock_of(db: &impl GenericClient, sku: &str) -> Result<Option<SkuStock>, DbError> {
    let sql =
        "select sku, location, available, reserved from inventory.position where sku = $1 order by location";
    let levels: Vec<StockLevel> =
        db.query(sql, &[&sku]).await?.iter().map(level).collect::<Result<_, _>>()?;
    let title = db.query_opt("select title from inventory.item where sku = $1", &[&sku]).await?;
    if title.is_none() && levels.is_empty() {
        return Ok(None);
    }
    // Units leave for `transit` at one location and come out of it at another one.
    let sql = "select case bucket when 'transit' then '' else location end as location, bucket, sum(units)::int8 as units
               from inventory.bucket where sku = $1
               group by 1, bucket having sum(units) <> 0 order by 1, bucket";
    let buckets = db.query(sql, &[&sku]).await?;
    Ok(Some(SkuStock {
        sku: sku.to_owned(),
        title: title.map(|row| row.try_get(0)).transpose()?.flatten(),
        levels,
        buckets: buckets.iter().map(bucket).collect::<Result<_, _>>()?,
    }))
}

/// Returns where the units of a SKU were at the time since which movements are kept; `None` if all are. Units in transit belong
/// to no location.
pub async fn opening(
    db: &impl GenericClient,
    sku: &str,
    location: Option<&str>,
) -> Result<Option<StockOpening>, DbError> {
    let sql = "select ledger.kept_since, total.location, total.bucket, total.units
               from inventory.ledger left join (
                   select case bucket when 'transit' then '' else location end as location, bucket,
                          sum(units)::int8 as units from (
                       select location, bucket, units from inventory.bucket
                        where sku = $1 and ($2::text is null or location = $2)
                       union all
                       select location, bucket, -units from inventory.movement
                        cross join lateral (values (to_bucket, quantity), (from_bucket, -quantity)) as side (bucket, units)
                        where sku = $1 and ($2::text is null or location = $2)
                          and at >= (select kept_since from inventory.ledger)
                   ) as part
                   where $2::text is null or bucket <> 'transit'
                   group by 1, bucket having sum(units) <> 0
               ) as total on true
               where isfinite(ledger.kept_since)
               order by location, bucket";
    let rows = db.query(sql, &[&sku, &location]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let at = first.try_get("kept_since")?;
    // A SKU that had no unit then has one row without a bucket.
    if first.try_get::<_, Option<&str>>("bucket")?.is_none() {
        return Ok(Some(StockOpening { at, units: Vec::new() }));
    }
    Ok(Some(StockOpening { at, units: rows.iter().map(bucket).collect::<Result<_, _>>()? }))
}

/// Returns movements of a SKU, the oldest first, at most `limit`.
pub async fn movements(
    db: &impl GenericClient,
    filter: MovementFilter<'_>,
    limit: usize,
) -> Result<Vec<StockMovement>, DbError> {
    let sql = "select id, at, location, quantity, from_bucket, to_bucket, kind, order_id, parcel, request_id, reason,
                      by_whom
               from inventory.movement
               where sku = $1 and ($2::text is null or location = $2) and ($3::timestamptz is null or at <= $3)
                 and at >= (select kept_since from inventory.ledger)
                 and ($4::timestamptz is null or (at, id) > ($4, $5))
               order by at, id limit $6";
    let (at, id) = filter.after.unzip();
    let rows = db
        .query(
            sql,
            &[&filter.sku, &filter.location, &filter.until, &at, &id.unwrap_or_default(), &rows(limit)],
        )
        .await?;
    rows.iter().map(movement).collect()
}

/// Returns what became of a request; `None` while nobody has worked on it.
pub async fn request(
    db: &impl GenericClient,
    request_id: &str,
) -> Result<Option<StockRequestRecord>, DbError> {
    let sql = "select kind, at, requested_by, by_whom, note, name, rows, refused, needs_second, results
               from inventory.request where request_id = $1";
    let Some(row) = db.query_opt(sql, &[&request_id]).await? else { return Ok(None) };
    let Json(results) = row.try_get("results")?;
    Ok(Some(StockRequestRecord {
        kind: row.try_get("kind")?,
        at: row.try_get("at")?,
        requested_by: row.try_get("requested_by")?,
        by: row.try_get("by_whom")?,
        note: row.try_get("note")?,
        name: row.try_get("name")?,
        rows: row.try_get("rows")?,
        refused: row.try_get("refused")?,
        needs_second: row.try_get("needs_second")?,
        results,
    }))
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn level(row: &Row) -> Result<StockLevel, DbError> {
    Ok(StockLevel {
        sku: row.try_get("sku")?,
        location: row.try_get("location")?,
        available: row.try_get("available")?,
        reserved: row.try_get("reserved")?,
    })
}

fn bucket(row: &Row) -> Result<BucketUnits, DbError> {
    Ok(BucketUnits {
        location: row.try_get("location")?,
        bucket: row.try_get("bucket")?,
        units: row.try_get("units")?,
    })
}

fn movement(row: &Row) -> Result<StockMovement, DbError> {
    Ok(StockMovement {
        id: row.try_get("id")?,
        at: row.try_get("at")?,
        location: row.try_get("location")?,
        quantity: row.try_get("quantity")?,
        from: row.try_get("from_bucket")?,
        to: row.try_get("to_bucket")?,
        cause: row.try_get("kind")?,
        order_id: row.try_get("order_id")?,
        parcel: row.try_get("parcel")?,
        request_id: row.try_get("request_id")?,
        reason: row.try_get("reason")?,
        by: row.try_get("by_whom")?,
    })
}
