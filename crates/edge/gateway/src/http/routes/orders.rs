//! `/v1/orders`: places an order with the gateway's own JSON, shows it, cancels it, refunds it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use despatch_contracts::order::{OrderCancelRequested, OrderRefundRequested, RefundLine};
use despatch_contracts::{Emitted, tender};
use despatch_domain::{Currency, Reason};
use despatch_read_model::OrderRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::description::{self, TooLarge, TooMany, Unauthorised, Unavailable, Unknown};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::extract::{ApiKey, Body, PathParams, RequestTrace};
use crate::http::state::Gateway;
use crate::ingest::queue::Receipt;
use crate::ingest::submission::Submission;
use crate::sources::fields::amount::{Amount, Prices};
use crate::sources::fields::json::{self, Id, Invalid, at_most, id, key, or_default, text};
use crate::sources::order_json::{self, OrderJson};

/// The result of placing an order.
#[derive(Serialize, ToSchema)]
pub(crate) struct Placed {
    /// The order's id, the same for the same order.
    pub(crate) order_id: Uuid,
    #[schema(inline)]
    pub(crate) outcome: Outcome,
}

/// `changed`: the order was placed before with other contents. The new ones became a case. `cancel-requested`: the shop
/// cancelled it. `payment-noted`: how the order is paid, or what was refunded, is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Placed,
    Same,
    Changed,
    CancelRequested,
    RefundRequested,
    CollectionNoted,
    PaymentNoted,
}

/// An order with its record.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrderStatus {
    /// The order's id.
    pub(crate) order_id: Uuid,
    /// The shop's name.
    pub(crate) shop: String,
    /// The shop's own order id.
    pub(crate) shop_order_id: String,
    #[serde(flatten)]
    pub(crate) record: OrderRecord,
}

/// A command to cancel. Without a body it is the operator's.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cancel {
    #[schema(inline)]
    requested_by: Requester,
    /// The person, for the order's timeline.
    #[serde(default, deserialize_with = "text")]
    #[schema(max_length = 100)]
    by: String,
    /// Why, in words, for the order's timeline.
    #[serde(default, deserialize_with = "text")]
    #[schema(max_length = 500)]
    reason: String,
}

impl Cancel {
    /// The operator's, for no reason that was given.
    fn by_operator() -> Self {
        Cancel { requested_by: Requester::Operator, by: String::new(), reason: String::new() }
    }

    fn read(body: &[u8]) -> Result<Self, Invalid> {
        let cancel: Cancel = if body.is_empty() { Cancel::by_operator() } else { json::read(body)? };
        at_most(&[("by", &cancel.by, 100), ("reason", &cancel.reason, 500)])?;
        Ok(cancel)
    }
}

/// A refund of an amount, or of units of the order's lines.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Refund)]
pub(crate) struct RefundJson {
    /// Your id of it, unique within the order. A second request with the same id asks for nothing more.
    #[serde(default, deserialize_with = "id")]
    #[schema(required, value_type = Id)]
    refund_id: String,
    /// The amount; by default what was paid for the lines.
    #[schema(nullable = false)]
    amount: Option<Amount>,
    /// The amount's currency, which is the order's: its ISO 4217 code.
    #[serde(default, deserialize_with = "text")]
    currency: String,
    /// The units that are refunded.
    #[serde(default, deserialize_with = "or_default")]
    lines: Vec<RefundLineJson>,
    #[schema(inline)]
    requested_by: Requester,
    /// The person, for the order's timeline.
    #[serde(default, deserialize_with = "text")]
    #[schema(max_length = 100)]
    by: String,
    /// Why, in words, for the order's timeline.
    #[serde(default, deserialize_with = "text")]
    #[schema(required, max_length = 500)]
    reason: String,
}

/// Units of a line.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefundLine)]
struct RefundLineJson {
    /// The line's number, from 1.
    line: u32,
    /// The number of units.
    #[schema(minimum = 1)]
    quantity: i64,
}

impl RefundJson {
    fn command(self, order_id: Uuid) -> Result<OrderRefundRequested, Invalid> {
        at_most(&[
            ("by", &self.by, 100),
            ("reason", &self.reason, 500),
            ("refund_id", &self.refund_id, 100),
        ])?;
        if !self.refund_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            let found = format!("expected letters, digits and -_., found {:?}", self.refund_id);
            return Err(Invalid::new("refund_id", found));
        }
        if tender::is_reserved(&self.refund_id) {
            let taken = "expected an id of yours, found one that stands for a refund of despatch itself";
            return Err(Invalid::new("refund_id", taken));
        }
        if self.reason.is_empty() {
            return Err(Invalid::new("reason", "expected why, found nothing"));
        }
        let currency = self.currency.to_ascii_uppercase();
        if self.amount.is_some() && Currency::parse(&currency).is_err() {
            return Err(Invalid::new(
                "currency",
                format!("expected the amount's ISO 4217 code, found {currency:?}"),
            ));
        }
        let amount =
            self.amount.map(|amount| Prices::of(&currency).minor(&amount, || "amount".into())).transpose()?;
        if amount.is_some_and(|minor| minor <= 0) {
            return Err(Invalid::new("amount", "expected a positive amount"));
        }
        if amount.is_none() && self.lines.is_empty() {
            return Err(Invalid::new("amount", "expected an amount or lines, found neither"));
        }
        if let Some(at) = self.lines.iter().position(|line| line.quantity < 1) {
            let found = format!("expected 1 or more, found {}", self.lines[at].quantity);
            return Err(Invalid::new(format!("lines[{at}].quantity"), found));
        }
        let lines =
            self.lines.into_iter().map(|RefundLineJson { line, quantity }| RefundLine { line, quantity });
        Ok(OrderRefundRequested {
            order_id: order_id.to_string(),
            refund_id: key(self.refund_id, "refund_id")?,
            amount_minor: amount.unwrap_or_default(),
            currency,
            lines: lines.collect(),
            reason: self.reason,
            requested_by: self.requested_by.name().to_owned(),
            by: self.by,
        })
    }
}

/// The requester.
#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Requester {
    Customer,
    Operator,
}

impl Requester {
    fn name(self) -> &'static str {
        match self {
            Requester::Customer => "customer",
            Requester::Operator => "operator",
        }
    }
}

/// Place an order
#[utoipa::path(
    post,
    path = "/v1/orders",
    operation_id = "placeOrder",
    security(("apiKey" = [])),
    request_body = OrderJson,
    responses(
        (status = 200, description = "The same order came before.", body = Placed),
        (status = 201, description = "The order is new.", body = Placed),
        (status = 400, response = description::Invalid),
        (status = 401, response = Unauthorised),
        (status = 409, description = "The same shop order came before with other contents; `order_id` names what was \
            placed.", body = ErrorBody),
        (status = 413, response = TooLarge),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn place(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let order = order_json::read(&body)?;
    let new_order = gateway.storage.new_order(order, body)?;
    let (status, order_id, outcome) =
        match gateway.storage.submit(Submission::Order(new_order), trace).await? {
            Receipt::Placed(order_id) => (StatusCode::CREATED, order_id, Outcome::Placed),
            Receipt::Same(order_id) => (StatusCode::OK, order_id, Outcome::Same),
            Receipt::Changed(order_id) | Receipt::Cancelled(order_id) => {
                return Err(ApiError::OrderChanged { order_id: order_id.to_string() });
            }
            Receipt::Noted | Receipt::RequestChanged => return Err(ApiError::Rejected),
        };
    let location = [(LOCATION, format!("/v1/orders/{order_id}"))];
    Ok((status, location, Json(Placed { order_id, outcome })).into_response())
}

/// State, timeline, payment, parcels, messages and review of an order
#[utoipa::path(
    get,
    path = "/v1/orders/{order_id}",
    operation_id = "showOrder",
    security(("apiKey" = [])),
    params(("order_id" = String, Path, description = "The id that the order was given.")),
    responses(
        (status = 200, description = "What is known of the order.", body = OrderStatus),
        (status = 401, response = Unauthorised),
        (status = 404, response = Unknown),
        (status = 429, response = TooMany),
        (status = 503, response = Unavailable)
    )
)]
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    _: ApiKey,
    PathParams(order_id): PathParams<String>,
) -> Result<Json<OrderStatus>, ApiError> {
    let (order_id, (shop, shop_order_id)) = accepted(&gateway, &order_id).await?;
    let record = gateway.storage.read(gateway.read_model.order(&order_id.to_string())).await?;
    let record = record.unwrap_or_else(OrderRecord::placed);
    Ok(Json(OrderStatus { order_id, shop, shop_order_id, record }))
}

/// Ask for an order to be cancelled
///
/// Whether the order's state still allows it shows in its timeline.
#[utoipa::path(
    post,
    path = "/v1/orders/{order_id}/cancel",
    operation_id = "cancelOrder",
    security(("apiKey" = [])),
    params(("order_id" = String, Path, description = "The id that the order was given.")),
    request_body(content = ref("#/components/schemas/Cancel"), content_type = "application/json"),
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
pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    PathParams(order_id): PathParams<String>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let cancel = Cancel::read(&body)?;
    let (order_id, _) = accepted(&gateway, &order_id).await?;
    let code = match cancel.requested_by {
        Requester::Customer => Reason::CustomerCancelled,
        Requester::Operator => Reason::OperatorCancelled,
    };
    let command = OrderCancelRequested {
        order_id: order_id.to_string(),
        reason: if cancel.reason.is_empty() { code.code().to_owned() } else { cancel.reason },
        requested_by: cancel.requested_by.name().to_owned(),
        by: cancel.by,
    };
    gateway.storage.submit(Submission::Event(Emitted::from(&command)), trace).await?;
    Ok((StatusCode::ACCEPTED, Json(Placed { order_id, outcome: Outcome::CancelRequested })).into_response())
}

/// Ask for a refund
///
/// Whether it is approved, refused or made shows in the order's timeline and payment.
#[utoipa::path(
    post,
    path = "/v1/orders/{order_id}/refunds",
    operation_id = "refundOrder",
    security(("apiKey" = [])),
    params(("order_id" = String, Path, description = "The id that the order was given.")),
    request_body(content = ref("#/components/schemas/Refund"), content_type = "application/json"),
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
pub(crate) async fn refund(
    State(gateway): State<Gateway>,
    _: ApiKey,
    RequestTrace(trace): RequestTrace,
    PathParams(order_id): PathParams<String>,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let refund: RefundJson = json::read(&body)?;
    let (order_id, _) = accepted(&gateway, &order_id).await?;
    let command = refund.command(order_id)?;
    gateway.storage.submit(Submission::Event(Emitted::from(&command)), trace).await?;
    Ok((StatusCode::ACCEPTED, Json(Placed { order_id, outcome: Outcome::RefundRequested })).into_response())
}

/// Returns the order that the path names, and its natural key.
pub(super) async fn accepted(
    gateway: &Gateway,
    order_id: &str,
) -> Result<(Uuid, (String, String)), ApiError> {
    let order_id = Uuid::try_parse(order_id).map_err(|_| ApiError::OrderUnknown)?;
    let natural_key = gateway.storage.natural_key(order_id).await?.ok_or(ApiError::OrderUnknown)?;
    Ok((order_id, natural_key))
}
