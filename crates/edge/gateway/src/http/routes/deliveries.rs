//! `/v1/stock/deliveries`: announcements of suppliers, and what came of them.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use despatch_read_model::deliveries::{DeliveryFilter, ExpectedDelivery, ExpectedDeliveryRow};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::stock::{limit, stored};
use super::stock_requests::{StockCommandAnswers, submit};
use crate::http::description::{self, TooMany, Unauthorised, Unavailable, Unknown};
use crate::http::error::ApiError;
use crate::http::extract::{ApiKey, Body, PathParams, QueryParams, RequestTrace};
use crate::http::state::Gateway;
use crate::sources::fields::json::{self, Invalid};
use crate::sources::stock_json::{DeliveryEndJson, DeliveryJson};

/// Deliveries, the earliest due time first.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryList {
    pub(crate) deliveries: Vec<ExpectedDelivery>,
    /// The end of this page: `after` of the next one; null at the end.
    #[schema(required)]
    pub(crate) next: Option<String>,
}

/// A delivery with its rows.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryDetails {
    #[serde(flatten)]
    pub(crate) delivery: ExpectedDelivery,
    /// By SKU and location.
    pub(crate) lines: Vec<ExpectedDeliveryRow>,
}

/// Which deliveries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryPage {
    /// Also those that are over.
    #[serde(default)]
    all: bool,
    /// Continue after the last page's `next`.
    #[serde(default)]
    after: String,
    /// List at most so many: 1 to 1,000, by default 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Announce a delivery, or change it
///
/// Each row has its result. A field that is left out stays unchanged, and so do the rows of earlier requests.
#[utoipa::path(
    post,
    path = "/v1/stock/deliveries",
    operation_id = "expectDelivery",
    security(("apiKey" = [])),
    request_body(content = ref("#/components/schemas/Delivery"), content_type = "application/json"),
    responses(StockCommandAnswers)
)]
pub(crate) async fn announce(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let body: DeliveryJson = json::read(&body)?;
    submit(&gateway, body.command()?, trace).await
}

/// Report that nothing more of a delivery comes
///
/// A difference to the announcement becomes a case, so wait for the results of the delivery's receipts first. A delivery that came
/// as announced is over without this.
#[utoipa::path(
    post,
    path = "/v1/stock/deliveries/{delivery}/close",
    operation_id = "closeDelivery",
    security(("apiKey" = [])),
    params(("delivery" = String, Path, description = "The delivery's name.")),
    request_body(content = ref("#/components/schemas/DeliveryEnd"), content_type = "application/json"),
    responses(StockCommandAnswers)
)]
pub(crate) async fn close(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    PathParams(delivery): PathParams<String>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let body: DeliveryEndJson = json::read(&body)?;
    submit(&gateway, body.arrived(delivery)?, trace).await
}

/// Cancel what has not arrived of a delivery
#[utoipa::path(
    post,
    path = "/v1/stock/deliveries/{delivery}/cancel",
    operation_id = "cancelDelivery",
    security(("apiKey" = [])),
    params(("delivery" = String, Path, description = "The delivery's name.")),
    request_body(content = ref("#/components/schemas/DeliveryEnd"), content_type = "application/json"),
    responses(StockCommandAnswers)
)]
pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    PathParams(delivery): PathParams<String>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let body: DeliveryEndJson = json::read(&body)?;
    submit(&gateway, body.cancelled(delivery)?, trace).await
}

/// List deliveries that are expected
#[utoipa::path(
    get,
    path = "/v1/stock/deliveries",
    operation_id = "listDeliveries",
    security(("apiKey" = [])),
    params(DeliveryPage),
    responses(
        (status = 200, description = "The deliveries.", body = DeliveryList),
        (status = 400, response = description::Invalid),
        (status = 401, response = Unauthorised),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    _: ApiKey,
    QueryParams(page): QueryParams<DeliveryPage>,
) -> Result<Json<DeliveryList>, ApiError> {
    let limit = limit(page.limit)?;
    stored("after", &page.after)?;
    let after = match &*page.after {
        "" => None,
        after => Some(place(after).ok_or_else(|| {
            Invalid::new("after", format!("expected `next` of the page before, found {after:?}"))
        })?),
    };
    let filter = DeliveryFilter { all: page.all, after };
    let deliveries = gateway.storage.read(gateway.read_model.deliveries(filter, limit)).await?;
    let next = deliveries.last().filter(|_| deliveries.len() == limit);
    let next = next.map(|it| format!("{},{}", it.due, it.delivery));
    Ok(Json(DeliveryList { deliveries, next }))
}

/// Show a delivery: its announcement and its receipts
#[utoipa::path(
    get,
    path = "/v1/stock/deliveries/{delivery}",
    operation_id = "showDelivery",
    security(("apiKey" = [])),
    params(("delivery" = String, Path, description = "The delivery's name.")),
    responses(
        (status = 200, description = "The delivery.", body = DeliveryDetails),
        (status = 401, response = Unauthorised),
        (status = 404, response = Unknown),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    _: ApiKey,
    PathParams(delivery): PathParams<String>,
) -> Result<Json<DeliveryDetails>, ApiError> {
    stored("delivery", &delivery).map_err(|_| ApiError::DeliveryUnknown)?;
    let found = gateway.storage.read(gateway.read_model.delivery(&delivery)).await?;
    let (delivery, lines) = found.ok_or(ApiError::DeliveryUnknown)?;
    Ok(Json(DeliveryDetails { delivery, lines }))
}

/// Reads the place of a delivery in the list.
fn place(text: &str) -> Option<(Timestamp, &str)> {
    let (due, delivery) = text.split_once(',')?;
    Some((due.parse().ok()?, delivery))
}
