//! `/healthz` and `/readyz`: whether to restart the process, and whether to send it requests.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use despatch_contracts::Trace;

use crate::desk::Entry;
use crate::errors::Refusal;
use crate::gateway::Gateway;

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> &'static str {
    "alive"
}

/// `GET /readyz`: an order that came now would be committed. The broker may be down: what is committed reaches it
/// later.
pub(super) async fn ready(State(gateway): State<Gateway>) -> Result<Response, Refusal> {
    gateway.desk.hand_in(Entry::Probe, Trace::root()).await?;
    Ok("ready".into_response())
}
