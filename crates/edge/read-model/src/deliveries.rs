//! Deliveries from suppliers: the schema of `inventory`.

use despatch_runtime::DbError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio_postgres::{GenericClient, Row};
use utoipa::ToSchema;

/// A delivery that was announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExpectedDelivery {
    /// The delivery's name; its receipts have the same one.
    pub delivery: String,
    /// When it should be here.
    pub due: Timestamp,
    /// The supplier; may be empty.
    pub supplier: String,
    /// The supplier's e-mail address; may be empty.
    pub contact: String,
    /// `open`; `closed`: all of it is booked, or the receiver said that nothing more comes; or `cancelled`.
    pub state: String,
    /// Whether it is open although its due time has passed.
    pub is_overdue: bool,
    /// The number of rows, those with articles that were not announced included.
    pub rows: i64,
    /// The units that were announced.
    pub expected: i64,
    /// The units that its receipts brought.
    pub booked: i64,
    /// The units that are still expected.
    pub open: i64,
}

/// A row of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExpectedDeliveryRow {
    /// The article.
    pub sku: String,
    /// The location's id.
    pub location: String,
    /// The units that were announced; 0 for an article that was not.
    pub expected: i64,
    /// The units that receipts brought.
    pub booked: i64,
}

/// Which deliveries to list.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryFilter<'f> {
    /// Also those that are over.
    pub all: bool,
    /// Only what comes after this due time and name.
    pub after: Option<(Timestamp, &'f str)>,
}

const SELECT: &str = "
    select d.delivery, d.due, d.supplier, d.contact,
           case when d.closed_at is null then 'open' when d.cancelled_at is null then 'closed' else 'cancelled' end as state,
           d.closed_at is null and d.due < despatch_now() as is_overdue, line.*
      from inventory.delivery d
      cross join lateral (
          select count(*) as rows, coalesce(sum(quantity), 0)::int8 as expected, coalesce(sum(booked), 0)::int8 as booked,
                 case when d.closed_at is null then coalesce(sum(greatest(quantity - booked, 0)), 0) else 0 end::int8 as open
            from inventory.expected where expected.delivery = d.delivery
      ) line";

/// Returns deliveries by due time and name, at most `limit`.
pub async fn deliveries(
    db: &impl GenericClient,
    filter: DeliveryFilter<'_>,
    limit: usize,
) -> Result<Vec<ExpectedDelivery>, DbError> {
    // Two texts, so that the list of open deliveries uses its index.
    let which = if filter.all { "" } else { "and d.closed_at is null" };
    let sql = format!(
        "{SELECT} where d.due is not null {which} and ($1::timestamptz is null or (d.due, d.delivery) > ($1, $2))
         order by d.due, d.delivery limit $3"
    );
    let (due, name) = filter.after.unzip();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    db.query(&sql, &[&due, &name.unwrap_or_default(), &limit]).await?.iter().map(delivery).collect()
}

/// Returns a delivery and its rows; `None` if nobody announced it.
pub async fn delivery_of(
    db: &impl GenericClient,
    name: &str,
) -> Result<Option<(ExpectedDelivery, Vec<ExpectedDeliveryRow>)>, DbError> {
    let sql = format!("{SELECT} where d.due is not null and d.delivery = $1");
    let Some(row) = db.query_opt(&sql, &[&name]).await? else { return Ok(None) };
    let sql = "select sku, location, quantity, booked from inventory.expected where delivery = $1
               order by sku, location";
    let rows = db.query(sql, &[&name]).await?;
    Ok(Some((delivery(&row)?, rows.iter().map(line).collect::<Result<_, DbError>>()?)))
}

fn delivery(row: &Row) -> Result<ExpectedDelivery, DbError> {
    Ok(ExpectedDelivery {
        delivery: row.try_get("delivery")?,
        due: row.try_get("due")?,
        supplier: row.try_get("supplier")?,
        contact: row.try_get("contact")?,
        state: row.try_get("state")?,
        is_overdue: row.try_get("is_overdue")?,
        rows: row.try_get("rows")?,
        expected: row.try_get("expected")?,
        booked: row.try_get("booked")?,
        open: row.try_get("open")?,
    })
}

fn line(row: &Row) -> Result<ExpectedDeliveryRow, DbError> {
    Ok(ExpectedDeliveryRow {
        sku: row.try_get("sku")?,
        location: row.try_get("location")?,
        expected: row.try_get("quantity")?,
        booked: row.try_get("booked")?,
    })
}
