//! `/unsubscribe/{order_id}/{token}`: the link in a mail's `List-Unsubscribe` header (RFC 8058).

use axum::extract::State;
use axum::response::Response;
use despatch_contracts::Emitted;
use despatch_contracts::notification::Unsubscribed;

use crate::http::description::{LinkUnknown, TryAgain};
use crate::http::error::ApiError;
use crate::http::extract::{PathParams, RequestTrace};
use crate::http::pages::Page;
use crate::http::state::Gateway;
use crate::ingest::submission::Submission;

/// The purpose that the link's token was signed for.
const PURPOSE: &str = "unsubscribe";

/// A button, for mail programs that do not know one-click
///
/// Opening the link changes nothing: mail filters open links.
#[utoipa::path(
    get,
    path = "/unsubscribe/{order_id}/{token}",
    operation_id = "askToUnsubscribe",
    params(
        ("order_id" = String, Path, description = "The id that the order was given."),
        ("token" = String, Path, description = "Proves that we wrote the link.")
    ),
    responses(
        (status = 200, description = "The button.", body = String, content_type = "text/html"),
        (status = 404, response = LinkUnknown)
    )
)]
pub(crate) async fn ask(
    State(gateway): State<Gateway>,
    PathParams((order_id, token)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    verify(&gateway, &order_id, &token)?;
    Ok(gateway.pages.show(Page::Unsubscribe))
}

/// One-click unsubscribe (RFC 8058)
///
/// Without another question, whether a mail program's one click or the button sends it.
#[utoipa::path(
    post,
    path = "/unsubscribe/{order_id}/{token}",
    operation_id = "unsubscribe",
    params(
        ("order_id" = String, Path, description = "The id that the order was given."),
        ("token" = String, Path, description = "Proves that we wrote the link.")
    ),
    responses(
        (status = 200, description = "Committed.", body = String, content_type = "text/html"),
        (status = 404, response = LinkUnknown),
        (status = 503, response = TryAgain)
    )
)]
pub(crate) async fn receive(
    State(gateway): State<Gateway>,
    RequestTrace(trace): RequestTrace,
    PathParams((order_id, token)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    verify(&gateway, &order_id, &token)?;
    let event = Unsubscribed { order_id };
    gateway.storage.submit(Submission::Event(Emitted::from(&event)), trace).await?;
    Ok(gateway.pages.show(Page::Unsubscribed))
}

fn verify(gateway: &Gateway, order_id: &str, token: &str) -> Result<(), ApiError> {
    if gateway.links.signed(PURPOSE, order_id, token) { Ok(()) } else { Err(ApiError::LinkUnknown) }
}
