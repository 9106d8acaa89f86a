//! `/reviews/{order_id}/{token}`: the customer's answer, through the signed link in the mail that asks for it.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use despatch_contracts::Emitted;
use despatch_contracts::review::ReviewReceived;
use despatch_domain::link;

use super::page::page;
use crate::http::error::{ApiError, Credential};
use crate::http::extract::{Body, PathParams, RequestTrace, header};
use crate::http::state::Gateway;
use crate::ingest::submission::Submission;
use crate::sources::review as review_body;

/// What the link's token was signed for.
const PURPOSE: &str = "review";

/// `GET`: the form.
pub(crate) async fn ask(
    State(gateway): State<Gateway>,
    PathParams((order_id, token)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    verify(&gateway, &order_id, &token)?;
    Ok(page(include_str!("../pages/review.html")).into_response())
}

/// `POST`: the answer, as the form sends it or as JSON. A second one changes nothing: reviews keeps the first.
pub(crate) async fn receive(
    State(gateway): State<Gateway>,
    RequestTrace(trace): RequestTrace,
    PathParams((order_id, token)): PathParams<(String, String)>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ApiError> {
    verify(&gateway, &order_id, &token)?;
    let is_json = header(&headers, CONTENT_TYPE.as_str()).starts_with("application/json");
    let answer = if is_json { review_body::from_json(&body)? } else { review_body::from_form(&body)? };
    let event = ReviewReceived { order_id, rating: answer.rating, comment: answer.comment };
    gateway.storage.submit(Submission::Event(Emitted::from(&event)), trace).await?;
    Ok(if is_json {
        StatusCode::NO_CONTENT.into_response()
    } else {
        page(include_str!("../pages/thanks.html")).into_response()
    })
}

fn verify(gateway: &Gateway, order_id: &str, token: &str) -> Result<(), ApiError> {
    if link::verify(gateway.link_secret.bytes(), PURPOSE, order_id, token) {
        Ok(())
    } else {
        Err(ApiError::Unauthorised(Credential::Token))
    }
}
