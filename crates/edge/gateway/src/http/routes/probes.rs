//! `/healthz` and `/readyz`: whether to restart the process, and whether to send it requests.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use despatch_contracts::Trace;

use crate::http::description::Unavailable;
use crate::http::error::ApiError;
use crate::http::state::Gateway;
use crate::ingest::submission::Submission;

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

/// Whether an order sent now would be committed
///
/// The broker may be down: what is committed reaches it later.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "ready",
    responses(
        (status = 200, description = "It would.", body = str),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn ready(State(gateway): State<Gateway>) -> Result<Response, ApiError> {
    gateway.storage.submit(Submission::Probe, Trace::root()).await?;
    Ok("ready".into_response())
}
