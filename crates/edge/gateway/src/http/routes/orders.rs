//! `/v1/orders`: placing an order with our own JSON, showing it, cancelling it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use despatch_contracts::Emitted;
use despatch_contracts::order::OrderCancelRequested;
use despatch_domain::Reason;
use despatch_read_model::OrderRecord;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::http::extract::{ApiKey, Body, PathParams, RequestTrace};
use crate::http::state::Gateway;
use crate::ingest::new_order::NewOrder;
use crate::ingest::queue::Receipt;
use crate::ingest::submission::Submission;
use crate::sources::fields::json;
use crate::sources::order_json;

/// The answer to an order that was accepted.
#[derive(Serialize)]
pub(crate) struct Placed {
    pub(crate) order_id: Uuid,
    /// `placed`, `same` when it came before, `changed` when it came before with other contents.
    pub(crate) outcome: &'static str,
}

/// What is known of an order.
#[derive(Serialize)]
pub(crate) struct Shown {
    pub(crate) order_id: Uuid,
    pub(crate) shop: String,
    pub(crate) shop_order_id: String,
    #[serde(flatten)]
    pub(crate) record: OrderRecord,
}

/// A command to cancel. An empty body is the operator's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancel {
    requested_by: Requester,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Requester {
    Customer,
    Operator,
}

/// `POST /v1/orders`
pub(crate) async fn place(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let order = order_json::read(&body)?;
    let new_order = NewOrder::new(order, body)?;
    let (status, order_id, outcome) =
        match gateway.storage.submit(Submission::Order(new_order), trace).await? {
            Receipt::Placed(order_id) => (StatusCode::CREATED, order_id, "placed"),
            Receipt::Same(order_id) => (StatusCode::OK, order_id, "same"),
            Receipt::Changed(order_id) => {
                return Err(ApiError::OrderChanged { order_id: order_id.to_string() });
            }
            Receipt::Noted => return Err(ApiError::Rejected),
        };
    let location = [(LOCATION, format!("/v1/orders/{order_id}"))];
    Ok((status, location, Json(Placed { order_id, outcome })).into_response())
}

/// `GET /v1/orders/{order_id}`
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    _: ApiKey,
    PathParams(order_id): PathParams<String>,
) -> Result<Json<Shown>, ApiError> {
    let (order_id, (shop, shop_order_id)) = accepted(&gateway, &order_id).await?;
    let record = gateway.storage.read(gateway.read_model.order(&order_id.to_string())).await?;
    let record = record.unwrap_or_else(OrderRecord::placed);
    Ok(Json(Shown { order_id, shop, shop_order_id, record }))
}

/// `POST /v1/orders/{order_id}/cancel`
///
/// 202: whether the order's state still allows it is for orders to decide; its timeline says.
pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    PathParams(order_id): PathParams<String>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let requester =
        if body.is_empty() { Requester::Operator } else { json::read::<Cancel>(&body)?.requested_by };
    let (order_id, _) = accepted(&gateway, &order_id).await?;
    let (reason, requested_by) = match requester {
        Requester::Customer => (Reason::CustomerCancelled, "customer"),
        Requester::Operator => (Reason::OperatorCancelled, "operator"),
    };
    let command = OrderCancelRequested {
        order_id: order_id.to_string(),
        reason: reason.code().into(),
        requested_by: requested_by.into(),
    };
    gateway.storage.submit(Submission::Event(Emitted::from(&command)), trace).await?;
    Ok((StatusCode::ACCEPTED, Json(Placed { order_id, outcome: "cancel-requested" })).into_response())
}

/// The order that the path names, and its natural key.
async fn accepted(gateway: &Gateway, order_id: &str) -> Result<(Uuid, (String, String)), ApiError> {
    let order_id = Uuid::try_parse(order_id).map_err(|_| ApiError::OrderUnknown)?;
    let natural_key = gateway.storage.natural_key(order_id).await?.ok_or(ApiError::OrderUnknown)?;
    Ok((order_id, natural_key))
}
