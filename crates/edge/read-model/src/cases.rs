//! Cases about orders: the schema of `exceptions`.
//!
//! Cases are worked on through the exceptions worker's own queries. Here is only what an order's page and the summary
//! need.

use despatch_runtime::DbError;
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::GenericClient;

/// A case about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderCase {
    /// By which commands take it.
    pub number: i64,
    /// The order that it is about.
    #[serde(skip)]
    pub order_id: String,
    /// The handler that failed.
    pub handler: String,
    /// The reason code of the last failure.
    pub reason: String,
    /// The error text of the last failure.
    pub error: String,
    /// `open`, `claimed` or `resolved`.
    pub state: String,
    /// How it was resolved: `replayed`, `discarded` or `order-cancelled`.
    pub resolution: Option<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl OrderCase {
    /// Whether it still waits for a person.
    pub fn is_open(&self) -> bool {
        self.resolution.is_none()
    }
}

/// The cases about these orders, the oldest first.
pub async fn cases_of(db: &impl GenericClient, order_ids: &[String]) -> Result<Vec<OrderCase>, DbError> {
    let sql =
        "select number, substr(subject, 7) as order_id, handler, reason, error, state, resolution, opened_at,
                      updated_at
               from exceptions.exception where subject = any($1) order by opened_at, number";
    let subjects: Vec<String> = order_ids.iter().map(|id| format!("order/{id}")).collect();
    let rows = db.query(sql, &[&subjects]).await?;
    rows.iter()
        .map(|row| {
            Ok(OrderCase {
                number: row.try_get("number")?,
                order_id: row.try_get("order_id")?,
                handler: row.try_get("handler")?,
                reason: row.try_get("reason")?,
                error: row.try_get("error")?,
                state: row.try_get("state")?,
                resolution: row.try_get("resolution")?,
                opened_at: row.try_get("opened_at")?,
                updated_at: row.try_get("updated_at")?,
            })
        })
        .collect()
}

/// The latest orders before an id with a case that is not resolved, the newest first: at most `limit`.
pub async fn orders_with_cases(
    db: &impl GenericClient,
    before: &str,
    limit: i64,
) -> Result<Vec<String>, DbError> {
    let sql = "select distinct substr(subject, 7) as order_id from exceptions.exception
               where not closed and subject like 'order/%' and subject < 'order/' || $1
               order by order_id desc limit $2";
    let rows = db.query(sql, &[&before, &limit]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// The cases of a queue that have one reason and are not resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReasonCases {
    /// The queue of the team that owns them.
    pub queue: String,
    /// The reason code.
    pub reason: String,
    /// How many there are.
    pub cases: i64,
    /// How many of them are past their due time.
    pub overdue: i64,
}

/// The unresolved cases by queue and reason, the most first.
pub async fn unresolved(db: &impl GenericClient) -> Result<Vec<ReasonCases>, DbError> {
    let sql = "select queue, reason, count(*) as cases, count(*) filter (where due < despatch_now()) as overdue
               from exceptions.exception where not closed group by queue, reason order by cases desc, queue, reason";
    let rows = db.query(sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(ReasonCases {
                queue: row.try_get("queue")?,
                reason: row.try_get("reason")?,
                cases: row.try_get("cases")?,
                overdue: row.try_get("overdue")?,
            })
        })
        .collect()
}
