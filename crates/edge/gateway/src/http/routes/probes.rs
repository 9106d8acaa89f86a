//! `/healthz` and `/readyz`: whether to restart the process, and whether to send it requests.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};

use crate::http::description::Unavailable;
use crate::http::error::ApiError;
use crate::http::state::Gateway;

/// Whether the process answers
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "alive",
    responses((status = 200, description = "It does.", body = str))
)]
pub(crate) async fn alive() -> &'static str {
    "alive"
}

/// Whether an order sent now would be committed and published
///
/// The answer is that of real orders within the last seconds; without any, of a commit and a publish for the purpose.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "ready",
    params((
        "exclude" = Option<String>,
        Query,
        description = "`nats`: only whether it would be committed. What is committed reaches the broker later."
    )),
    responses(
        (status = 200, description = "It would.", body = str),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn ready(
    State(gateway): State<Gateway>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let storage = &gateway.storage;
    if query.is_some_and(|query| query.split('&').any(|parameter| parameter == "exclude=nats")) {
        storage.commits().await?;
    } else {
        let (committed, published) = tokio::join!(storage.commits(), storage.publishes());
        committed.and(published)?;
    }
    Ok("ready".into_response())
}
