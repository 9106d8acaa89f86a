//! Messages to customers: the schema of `notifications`.

use despatch_runtime::DbError;
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::GenericClient;
use utoipa::ToSchema;

/// A sent message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Message {
    /// The milestone, e.g. `despatched`.
    pub milestone: String,
    /// The number of the parcel or of the review's request, or the refund's id; 0 if there is only one message.
    pub part: String,
    /// The Message-ID, which is the same on every try.
    pub message_id: String,
    /// When it left.
    pub sent_at: Timestamp,
}

/// Returns the messages sent about an order, oldest first.
pub async fn messages_of(db: &impl GenericClient, order_id: &str) -> Result<Vec<Message>, DbError> {
    let sql = "select milestone, part, message_id, sent_at from notifications.sent where order_id = $1
               order by sent_at, milestone, part";
    let rows = db.query(sql, &[&order_id]).await?;
    rows.iter()
        .map(|row| {
            Ok(Message {
                milestone: row.try_get("milestone")?,
                part: row.try_get("part")?,
                message_id: row.try_get("message_id")?,
                sent_at: row.try_get("sent_at")?,
            })
        })
        .collect()
}
