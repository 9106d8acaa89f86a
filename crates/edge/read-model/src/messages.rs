//! What customers were notified of: the schema of `notifications`.

use despatch_runtime::DbError;
use serde::Serialize;
use tokio_postgres::GenericClient;
use utoipa::ToSchema;

/// A message that left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Message {
    /// What it was about, e.g. `despatched`.
    pub milestone: String,
    /// The parcel or, for reviews, the ask; 0 where there is only one.
    pub part: u32,
    /// The same on every try.
    pub message_id: String,
}

/// The messages that left about an order, oldest first.
pub async fn messages_of(db: &impl GenericClient, order_id: &str) -> Result<Vec<Message>, DbError> {
    let sql = "select milestone, part, message_id from notifications.sent where order_id = $1
               order by sent_at, milestone, part";
    let rows = db.query(sql, &[&order_id]).await?;
    rows.iter()
        .map(|row| {
            Ok(Message {
                milestone: row.try_get("milestone")?,
                part: u32::try_from(row.try_get::<_, i32>("part")?).unwrap_or(0),
                message_id: row.try_get("message_id")?,
            })
        })
        .collect()
}
