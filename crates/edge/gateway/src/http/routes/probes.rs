//! `/healthz` and `/readyz`: whether to restart the process, and whether to send it requests.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use despatch_contracts::Trace;

use crate::http::error::ApiError;
use crate::http::state::Gateway;
use crate::ingest::submission::Submission;

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> &'static str {
    "alive"
}

/// `GET /readyz`: an order that came now would be committed. The broker may be down: what is committed reaches it
/// later.
pub(crate) async fn ready(State(gateway): State<Gateway>) -> Result<Response, ApiError> {
    gateway.storage.submit(Submission::Probe, Trace::root()).await?;
    Ok("ready".into_response())
}
