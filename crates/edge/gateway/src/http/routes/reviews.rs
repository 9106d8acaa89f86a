//! `/reviews/{order_id}/{token}`: the customer's review, through the signed link in the mail that asks for it.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use despatch_contracts::Emitted;
use despatch_contracts::review::ReviewReceived;

use crate::http::description::{AnswerInvalid, AnswerTooLarge, LinkUnknown, TryAgain};
use crate::http::error::ApiError;
use crate::http::extract::{Body, PathParams, RequestTrace, header};
use crate::http::pages::Page;
use crate::http::state::Gateway;
use crate::ingest::submission::Submission;
use crate::sources::review::{self, ReviewJson};

/// The purpose that the link's token was signed for.
const PURPOSE: &str = "review";

/// The form behind the link in a mail
#[utoipa::path(
    get,
    path = "/reviews/{order_id}/{token}",
    operation_id = "askForReview",
    params(
        ("order_id" = String, Path, description = "The id that the order was given."),
        ("token" = String, Path, description = "Proves that we wrote the link.")
    ),
    responses(
        (status = 200, description = "The form.", body = String, content_type = "text/html"),
        (status = 404, response = LinkUnknown)
    )
)]
pub(crate) async fn ask(
    State(gateway): State<Gateway>,
    PathParams((order_id, token)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    verify(&gateway, &order_id, &token)?;
    Ok(gateway.pages.show(Page::Review))
}

/// The customer's answer
///
/// As the form sends it or as JSON. A second answer changes nothing: the first one counts.
#[utoipa::path(
    post,
    path = "/reviews/{order_id}/{token}",
    operation_id = "receiveReview",
    params(
        ("order_id" = String, Path, description = "The id that the order was given."),
        ("token" = String, Path, description = "Proves that we wrote the link.")
    ),
    request_body(content(
        (ReviewJson = "application/json"),
        (ReviewJson = "application/x-www-form-urlencoded")
    )),
    responses(
        (status = 200, description = "Committed; the answer to the form.", body = String, content_type = "text/html"),
        (status = 204, description = "Committed; the answer to JSON."),
        (status = 400, response = AnswerInvalid),
        (status = 404, response = LinkUnknown),
        (status = 413, response = AnswerTooLarge),
        (status = 503, response = TryAgain)
    )
)]
pub(crate) async fn receive(
    State(gateway): State<Gateway>,
    RequestTrace(trace): RequestTrace,
    PathParams((order_id, token)): PathParams<(String, String)>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ApiError> {
    verify(&gateway, &order_id, &token)?;
    let is_json = header(&headers, CONTENT_TYPE.as_str()).starts_with("application/json");
    let review = if is_json { review::from_json(&body)? } else { review::from_form(&body)? };
    let event = ReviewReceived { order_id, rating: review.rating, comment: review.comment };
    gateway.storage.submit(Submission::Event(Emitted::from(&event)), trace).await?;
    Ok(if is_json { StatusCode::NO_CONTENT.into_response() } else { gateway.pages.show(Page::Thanks) })
}

fn verify(gateway: &Gateway, order_id: &str, token: &str) -> Result<(), ApiError> {
    if gateway.links.signed(PURPOSE, order_id, token) { Ok(()) } else { Err(ApiError::LinkUnknown) }
}
