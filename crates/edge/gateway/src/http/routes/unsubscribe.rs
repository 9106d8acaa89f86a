//! `/unsubscribe/{order_id}/{token}`: the link in a mail's `List-Unsubscribe` header (RFC 8058).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use despatch_contracts::Emitted;
use despatch_contracts::notification::Unsubscribed;
use despatch_domain::link;

use super::page::page;
use crate::http::error::{ApiError, Credential};
use crate::http::extract::{PathParams, RequestTrace};
use crate::http::state::Gateway;
use crate::ingest::submission::Submission;

/// What the link's token was signed for.
const PURPOSE: &str = "unsubscribe";

/// `GET`: a button. Opening the link must change nothing: mail filters open links.
pub(crate) async fn ask(
    State(gateway): State<Gateway>,
    PathParams((order_id, token)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    verify(&gateway, &order_id, &token)?;
    Ok(page(include_str!("../pages/unsubscribe.html")).into_response())
}

/// `POST`: done, without another question, whether a mail program's one click or the button sends it.
pub(crate) async fn receive(
    State(gateway): State<Gateway>,
    RequestTrace(trace): RequestTrace,
    PathParams((order_id, token)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    verify(&gateway, &order_id, &token)?;
    let event = Unsubscribed { order_id };
    gateway.storage.submit(Submission::Event(Emitted::from(&event)), trace).await?;
    Ok(page(include_str!("../pages/unsubscribed.html")).into_response())
}

fn verify(gateway: &Gateway, order_id: &str, token: &str) -> Result<(), ApiError> {
    if link::verify(gateway.link_secret.bytes(), PURPOSE, order_id, token) {
        Ok(())
    } else {
        Err(ApiError::Unauthorised(Credential::Token))
    }
}
