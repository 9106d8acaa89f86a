//! Reviews: the schema of `reviews`.

use despatch_runtime::DbError;
use despatch_status::ReviewState;
use serde::Serialize;
use tokio_postgres::GenericClient;
use utoipa::ToSchema;

/// The customer's review of an order, and the state of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Review {
    /// The state, e.g. `answered`.
    #[schema(value_type = String)]
    pub state: ReviewState,
    /// The number of requests to the customer.
    pub asks: i64,
    /// 1 to 5 stars.
    #[schema(required)]
    pub rating: Option<i64>,
    /// The customer's comment.
    #[schema(required)]
    pub comment: Option<String>,
}

/// Returns the review of an order with its first answer. Returns `None` while no parcel was delivered and the requests
/// were not stopped.
pub async fn review_of(db: &impl GenericClient, order_id: &str) -> Result<Option<Review>, DbError> {
    let sql = "select r.state, r.next_ask, a.rating, a.comment
               from reviews.review r left join reviews.answer a on a.order_id = r.order_id and a.number = 1
               where r.order_id = $1";
    let Some(row) = db.query_opt(sql, &[&order_id]).await? else { return Ok(None) };
    Ok(Some(Review {
        state: row.try_get("state")?,
        asks: row.try_get("next_ask")?,
        rating: row.try_get("rating")?,
        comment: row.try_get("comment")?,
    }))
}
