//! Every error in an answer to a request, and its only JSON format for programs.

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ingest::new_order::OrderTooLarge;
use crate::ingest::queue::SubmitError;
use crate::sources::fields::json::Invalid;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// The body, the path or the query does not have the expected shape.
    #[error("{}", .0.problem)]
    Invalid(#[from] Invalid),
    /// No key, a wrong key, a wrong signature, or a shop that is not configured.
    #[error("{0}")]
    Unauthorised(Credential),
    /// No route has this path.
    #[error("unknown path; GET /openapi.json lists the paths")]
    RouteUnknown,
    /// The route does not accept this method.
    #[error("the path does not accept this method; GET /openapi.json lists the methods")]
    MethodUnknown,
    /// The link is not from a mail of this shop, or a secret that is no longer valid signed it.
    #[error("expected a link of this shop, found another or one that is no longer valid")]
    LinkUnknown,
    /// No order has this id.
    #[error("no order has this id")]
    OrderUnknown,
    /// No label has this id.
    #[error("no label has this id")]
    LabelUnknown,
    /// No request about stock has this id.
    #[error("no request about stock has this id")]
    StockRequestUnknown,
    /// No article has this SKU.
    #[error("no article has this SKU; GET /v1/items lists them")]
    SkuUnknown,
    /// Nobody announced this delivery.
    #[error("nobody announced this delivery; GET /v1/stock/deliveries lists those that are expected")]
    DeliveryUnknown,
    /// A request about stock with this id came before with other contents.
    #[error(
        "expected a new request id, found one of another request: its rows, its person or its note differ"
    )]
    StockRequestChanged,
    /// The same shop order was placed before with other contents.
    #[error(
        "the shop placed this order before, as {order_id}, with other contents; sending it again does not help"
    )]
    OrderChanged {
        /// The id of the earlier order.
        order_id: String,
    },
    /// A scan came before its label was recorded.
    #[error("the label of this parcel is not recorded yet; send the scan again")]
    LabelNotRecorded,
    /// The body is larger than allowed.
    #[error("expected a body of at most {limit} bytes, found more; sending it again does not help")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The sender stopped before its body was complete.
    #[error("expected a complete body, found a part of one; send it again")]
    BodyIncomplete,
    /// The sender makes more requests than it may.
    #[error("too many requests of this sender; send it again in {retry_after_seconds} s")]
    TooMany {
        /// Seconds after which to send it again.
        retry_after_seconds: u64,
    },
    /// Nothing can be committed now.
    #[error("nothing can be stored now; send it again in {retry_after_seconds} s")]
    Unavailable {
        /// Seconds after which to send it again.
        retry_after_seconds: u64,
    },
    /// The broker does not store what is committed. Only a probe is answered so.
    #[error("orders are stored and wait for NATS: {why}")]
    Unpublished {
        /// The broker's problem.
        why: String,
        /// Seconds after which to ask again.
        retry_after_seconds: u64,
    },
    /// This submission cannot be stored; others can.
    #[error("this request cannot be stored; sending it again does not help")]
    Rejected,
}

/// The credential that did not prove the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Credential {
    /// `Authorization: Bearer`.
    #[error("expected an API key of this gateway, found none or another")]
    ApiKey,
    /// The shop's header that names it.
    #[error("expected a configured shop, found none or another")]
    Shop,
    /// A shop's signature of the body.
    #[error("expected a signature of this body by the shop's secret, found none or another")]
    Signature,
    /// The token in a webhook's URL.
    #[error("expected a configured token, found none or another")]
    Token,
}

/// An error.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody<'a> {
    #[schema(inline)]
    error: Problem<'a>,
}

/// A problem: a code for programs, a message for people, and the wrong field.
#[derive(Serialize, ToSchema)]
struct Problem<'a> {
    /// The code for programs.
    code: &'a str,
    /// The message for people.
    message: String,
    /// The path of the wrong field, such as `lines[0].total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<&'a str>,
    /// The id under which a changed order was placed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    order_id: Option<&'a str>,
}

impl From<OrderTooLarge> for ApiError {
    fn from(error: OrderTooLarge) -> Self {
        ApiError::TooLarge { limit: error.limit }
    }
}

impl ApiError {
    /// Returns the error of a submission that was not committed. A sender may try again after `retry_after_seconds`.
    pub(crate) fn not_submitted(error: SubmitError, retry_after_seconds: u64) -> Self {
        match error {
            SubmitError::Unavailable => ApiError::Unavailable { retry_after_seconds },
            SubmitError::Rejected => ApiError::Rejected,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            ApiError::Invalid(_) | ApiError::BodyIncomplete => StatusCode::BAD_REQUEST,
            ApiError::Unauthorised(_) => StatusCode::UNAUTHORIZED,
            ApiError::RouteUnknown
            | ApiError::LinkUnknown
            | ApiError::OrderUnknown
            | ApiError::StockRequestUnknown
            | ApiError::SkuUnknown
            | ApiError::DeliveryUnknown
            | ApiError::LabelUnknown => StatusCode::NOT_FOUND,
            ApiError::MethodUnknown => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::OrderChanged { .. } | ApiError::StockRequestChanged | ApiError::LabelNotRecorded => {
                StatusCode::CONFLICT
            }
            ApiError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            ApiError::Unavailable { .. } | ApiError::Unpublished { .. } => StatusCode::SERVICE_UNAVAILABLE,
            ApiError::Rejected => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            ApiError::Invalid(_) => "invalid",
            ApiError::Unauthorised(_) => "unauthorised",
            ApiError::RouteUnknown => "route-unknown",
            ApiError::MethodUnknown => "method-unknown",
            ApiError::LinkUnknown => "link-unknown",
            ApiError::OrderUnknown => "order-unknown",
            ApiError::LabelUnknown => "label-unknown",
            ApiError::StockRequestUnknown => "request-unknown",
            ApiError::SkuUnknown => "sku-unknown",
            ApiError::DeliveryUnknown => "delivery-unknown",
            ApiError::StockRequestChanged => "request-changed",
            ApiError::OrderChanged { .. } => "order-changed",
            ApiError::LabelNotRecorded => "label-not-recorded",
            ApiError::TooLarge { .. } => "too-large",
            ApiError::BodyIncomplete => "body-incomplete",
            ApiError::TooMany { .. } => "too-many",
            ApiError::Unavailable { .. } => "unavailable",
            ApiError::Unpublished { .. } => "unpublished",
            ApiError::Rejected => "not-stored",
        }
    }

    /// Returns a header for the sender: how to prove who it is, or when to try again.
    pub(crate) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            ApiError::Unauthorised(Credential::ApiKey) => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            ApiError::TooMany { retry_after_seconds }
            | ApiError::Unavailable { retry_after_seconds }
            | ApiError::Unpublished { retry_after_seconds, .. } => {
                Some((RETRY_AFTER, HeaderValue::from(*retry_after_seconds)))
            }
            // The label is recorded moments after the carrier knows of it.
            ApiError::LabelNotRecorded => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = Problem {
            code: self.code(),
            message: self.to_string(),
            field: match &self {
                ApiError::Invalid(invalid) => Some(&invalid.field),
                _ => None,
            },
            order_id: match &self {
                ApiError::OrderChanged { order_id } => Some(order_id),
                _ => None,
            },
        };
        let mut response = (self.status(), Json(ErrorBody { error })).into_response();
        response.headers_mut().extend(self.header());
        // A layer may replace the JSON by a page.
        response.extensions_mut().insert(self);
        response
    }
}
