//! `/v1/locations`: the places from which parcels are sent.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use despatch_read_model::articles::StockLocation;
use serde::Serialize;
use utoipa::ToSchema;

use super::stock_requests::{StockCommandAnswers, submit};
use crate::http::description::{TooMany, Unauthorised, Unavailable};
use crate::http::error::ApiError;
use crate::http::extract::{ApiKey, Body, PathParams, RequestTrace};
use crate::http::state::Gateway;
use crate::sources::fields::json;
use crate::sources::stock_json::LocationJson;

/// All locations, by rank.
#[derive(Serialize, ToSchema)]
pub(crate) struct LocationList {
    pub(crate) locations: Vec<StockLocation>,
}

/// Create a location, or change it
///
/// A field that is left out stays unchanged.
#[utoipa::path(
    put,
    path = "/v1/locations/{location_id}",
    operation_id = "setLocation",
    security(("apiKey" = [])),
    params(("location_id" = String, Path, description = "The location's id: letters, digits and `-_.`.")),
    request_body(content = ref("#/components/schemas/LocationSettings"), content_type = "application/json"),
    responses(StockCommandAnswers)
)]
pub(crate) async fn set(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    PathParams(location_id): PathParams<String>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let body: LocationJson = json::read(&body)?;
    submit(&gateway, body.command(location_id)?, trace).await
}

/// List locations
#[utoipa::path(
    get,
    path = "/v1/locations",
    operation_id = "listLocations",
    security(("apiKey" = [])),
    responses(
        (status = 200, description = "The locations.", body = LocationList),
        (status = 401, response = Unauthorised),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn list(State(gateway): State<Gateway>, _: ApiKey) -> Result<Json<LocationList>, ApiError> {
    Ok(Json(LocationList { locations: gateway.storage.read(gateway.read_model.locations()).await? }))
}
