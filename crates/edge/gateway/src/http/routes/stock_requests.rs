//! `/v1/stock/receipts` and its neighbours: commands about stock, and what became of them.

use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use despatch_contracts::Trace;
use despatch_read_model::stock::StockRequestRecord;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::http::description::{Conflict, Invalid, TooLarge, TooMany, Unauthorised, Unavailable, Unknown};
use crate::http::error::ApiError;
use crate::http::extract::{ApiKey, Body, PathParams, RequestTrace};
use crate::http::state::Gateway;
use crate::sources::fields::json;
use crate::sources::stock_json::{
    AdjustmentsJson, ArrivalJson, CountsJson, ReceiptJson, StockCommand, TransferJson,
};

/// A command that is committed.
#[derive(Serialize, ToSchema)]
pub(crate) struct StockRequested {
    /// The request's id: `GET /v1/stock/requests/{request_id}` says what became of it.
    pub(crate) request_id: String,
}

/// The answers to every command about stock, for its description.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described: handlers answer by `submit` and `ApiError`")]
pub(crate) enum StockCommandAnswers {
    #[response(status = 202, description = "The command is committed.")]
    Requested(StockRequested),
    #[response(status = 400)]
    Invalid(#[ref_response] Invalid),
    #[response(status = 401)]
    Unauthorised(#[ref_response] Unauthorised),
    #[response(status = 409)]
    Conflict(#[ref_response] Conflict),
    #[response(status = 413)]
    TooLarge(#[ref_response] TooLarge),
    #[response(status = 429)]
    TooMany(#[ref_response] TooMany),
    #[response(status = 503)]
    Unavailable(#[ref_response] Unavailable),
}

/// A request about stock, and what became of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct StockRequestStatus {
    /// The request's id.
    pub(crate) request_id: String,
    /// `pending` until the worker inventory has worked on it, then `done`.
    pub(crate) state: &'static str,
    /// The result of each row; null while it is pending.
    #[schema(required)]
    pub(crate) record: Option<StockRequestRecord>,
}

/// Commits a command, and says how it is followed.
pub(super) async fn submit(
    gateway: &Gateway,
    command: StockCommand,
    trace: Trace,
) -> Result<Response, ApiError> {
    let request_id = command.request_id.clone();
    gateway.storage.submit_stock(command, trace).await?;
    let location = [(LOCATION, format!("/v1/stock/requests/{request_id}"))];
    Ok((StatusCode::ACCEPTED, location, Json(StockRequested { request_id })).into_response())
}

/// Receive units from a supplier
///
/// Each row has its result. A row that was booked before is not booked again.
#[utoipa::path(
    post,
    path = "/v1/stock/receipts",
    operation_id = "receiveStock",
    security(("apiKey" = [])),
    request_body(content = ref("#/components/schemas/Receipt"), content_type = "application/json"),
    responses(StockCommandAnswers)
)]
pub(crate) async fn receive(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let body: ReceiptJson = json::read(&body)?;
    submit(&gateway, body.command()?, trace).await
}

/// Correct recorded units, with a reason
///
/// Each row has its result. Units that orders hold are taken by a count alone.
#[utoipa::path(
    post,
    path = "/v1/stock/adjustments",
    operation_id = "adjustStock",
    security(("apiKey" = [])),
    request_body(content = ref("#/components/schemas/Adjustments"), content_type = "application/json"),
    responses(StockCommandAnswers)
)]
pub(crate) async fn adjust(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let body: AdjustmentsJson = json::read(&body)?;
    submit(&gateway, body.command()?, trace).await
}

/// Report a count
///
/// The difference to what was recorded when the person looked is booked. Units that are missing are taken from orders in the end.
#[utoipa::path(
    post,
    path = "/v1/stock/counts",
    operation_id = "countStock",
    security(("apiKey" = [])),
    request_body(content = ref("#/components/schemas/Counts"), content_type = "application/json"),
    responses(StockCommandAnswers)
)]
pub(crate) async fn count(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let body: CountsJson = json::read(&body)?;
    submit(&gateway, body.command(SystemTime::now())?, trace).await
}

/// Send units from one location to another
///
/// Each row has its result. Only units that no order holds can go.
#[utoipa::path(
    post,
    path = "/v1/stock/transfers",
    operation_id = "transferStock",
    security(("apiKey" = [])),
    request_body(content = ref("#/components/schemas/Transfer"), content_type = "application/json"),
    responses(StockCommandAnswers)
)]
pub(crate) async fn transfer(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let body: TransferJson = json::read(&body)?;
    submit(&gateway, body.command()?, trace).await
}

/// Report that a transfer arrived
///
/// Without rows all of it arrived. Of an article in a row, units that did not arrive are lost; articles that are in no row stay on
/// their way.
#[utoipa::path(
    post,
    path = "/v1/stock/transfers/{transfer}/arrivals",
    operation_id = "arriveStock",
    security(("apiKey" = [])),
    params(("transfer" = String, Path, description = "The transfer's id.")),
    request_body(content = ref("#/components/schemas/TransferArrival"), content_type = "application/json"),
    responses(StockCommandAnswers)
)]
pub(crate) async fn arrive(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    PathParams(transfer): PathParams<String>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let body: ArrivalJson = json::read(&body)?;
    submit(&gateway, body.command(transfer)?, trace).await
}

/// Results of a request about stock
#[utoipa::path(
    get,
    path = "/v1/stock/requests/{request_id}",
    operation_id = "showStockRequest",
    security(("apiKey" = [])),
    params(("request_id" = String, Path, description = "The request's id.")),
    responses(
        (status = 200, description = "The result of each row, once there is one.", body = StockRequestStatus),
        (status = 401, response = Unauthorised),
        (status = 404, response = Unknown),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    _: ApiKey,
    PathParams(request_id): PathParams<String>,
) -> Result<Json<StockRequestStatus>, ApiError> {
    super::stock::stored("request_id", &request_id).map_err(|_| ApiError::StockRequestUnknown)?;
    let record = gateway.storage.read(gateway.read_model.stock_request(&request_id)).await?;
    if record.is_none() && !gateway.storage.stock_request_is_known(&request_id).await? {
        return Err(ApiError::StockRequestUnknown);
    }
    let state = if record.is_some() { "done" } else { "pending" };
    Ok(Json(StockRequestStatus { request_id, state, record }))
}
