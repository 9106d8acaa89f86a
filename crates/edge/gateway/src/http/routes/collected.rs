//! `/v1/orders/{order_id}/collected`: the word of a person at the counter.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use despatch_contracts::Emitted;
use despatch_contracts::order::CollectionReported;
use serde::Deserialize;
use utoipa::ToSchema;

use super::orders::{Outcome, Placed, accepted};
use crate::http::description::{self, TooLarge, TooMany, Unauthorised, Unavailable, Unknown};
use crate::http::error::ApiError;
use crate::http::extract::{ApiKey, Body, PathParams, RequestTrace};
use crate::http::state::Gateway;
use crate::ingest::submission::Submission;
use crate::sources::fields::json::{self, at_most, text};

/// A word that the customer collected what was ready. The body may be left out.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Collected {
    /// The person, for the order's timeline.
    #[serde(default, deserialize_with = "text")]
    #[schema(max_length = 100)]
    by: String,
}

/// Note that the customer collected the order
///
/// It is about all parcels of the order that are ready. Whether any is shows in the order's timeline.
#[utoipa::path(
    post,
    path = "/v1/orders/{order_id}/collected",
    operation_id = "noteCollection",
    security(("apiKey" = [])),
    params(("order_id" = String, Path, description = "The id that the order was given.")),
    request_body(content = ref("#/components/schemas/Collected"), content_type = "application/json"),
    responses(
        (status = 202, description = "The command is committed.", body = Placed),
        (status = 400, response = description::Invalid),
        (status = 401, response = Unauthorised),
        (status = 404, response = Unknown),
        (status = 413, response = TooLarge),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn collected(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    PathParams(order_id): PathParams<String>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let Collected { by } = if body.is_empty() { Collected::default() } else { json::read(&body)? };
    at_most(&[("by", &by, 100)])?;
    let (order_id, _) = accepted(&gateway, &order_id).await?;
    let command =
        CollectionReported { order_id: order_id.to_string(), requested_by: "operator".to_owned(), by };
    gateway.storage.submit(Submission::Event(Emitted::from(&command)), trace).await?;
    Ok((StatusCode::ACCEPTED, Json(Placed { order_id, outcome: Outcome::CollectionNoted })).into_response())
}
