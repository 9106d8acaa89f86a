//! Every error that a request may be answered with, and the one JSON shape in which programs are given it.

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
    /// The body, or what the path or query says, does not have the right shape.
    #[error("{}", .0.problem)]
    Invalid(#[from] Invalid),
    /// A shop's webhook is about something that nothing is done about.
    #[error("{}", .0.problem)]
    TopicUnsupported(Invalid),
    /// No key, a wrong key, a wrong signature, or a shop that is not configured.
    #[error("{0}")]
    Unauthorised(Credential),
    /// Nothing is served under this path.
    #[error("nothing is served under this path")]
    RouteUnknown,
    /// The path is served, but not with this method.
    #[error("the path does not take this method")]
    MethodUnknown,
    /// No link of ours, or one that a secret of before signed.
    #[error("the link is not one of ours, or no longer valid")]
    LinkUnknown,
    /// There is no such order.
    #[error("there is no such order")]
    OrderUnknown,
    /// There is no such label.
    #[error("there is no such label")]
    LabelUnknown,
    /// The same shop order came before with other contents.
    #[error("the shop order was placed before, as {order_id}, with other contents")]
    OrderChanged {
        /// Under which it was placed.
        order_id: String,
    },
    /// A scan is ahead of the label that it is about.
    #[error("the label of this parcel is not recorded yet")]
    LabelNotRecorded,
    /// The body is larger than allowed.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The most that is allowed.
        limit: usize,
    },
    /// The sender stopped before its body was complete.
    #[error("the body could not be read to its end")]
    BodyIncomplete,
    /// The sender asks more often than it may.
    #[error("more requests than one sender may make; send it again later")]
    TooMany {
        /// When to send it again.
        retry_after_seconds: u64,
    },
    /// Nothing can be committed now.
    #[error("nothing can be stored now; send it again")]
    Unavailable {
        /// When to send it again.
        retry_after_seconds: u64,
    },
    /// This one submission cannot be stored, while others can.
    #[error("this could not be stored")]
    Rejected,
}

/// The credential that did not prove who sends the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Credential {
    /// `Authorization: Bearer`.
    #[error("the API key is missing or wrong")]
    ApiKey,
    /// A shop's header that names it.
    #[error("the shop is not known here")]
    Shop,
    /// A shop's signature of the body.
    #[error("the signature does not match the body")]
    Signature,
    /// The token in a webhook's URL.
    #[error("the token is missing or wrong")]
    Token,
}

/// An error.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody<'a> {
    #[schema(inline)]
    error: Problem<'a>,
}

/// What and why: a code for programs, a message for people, and the field that is at fault.
#[derive(Serialize, ToSchema)]
struct Problem<'a> {
    /// For programs.
    code: &'a str,
    /// For people.
    message: String,
    /// The path of what is wrong, such as `lines[0].total`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<&'a str>,
    /// What the order was placed as, when it was changed.
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
    /// For a submission that was not committed; a sender may try again after `retry_after_seconds`.
    pub(crate) fn not_submitted(error: SubmitError, retry_after_seconds: u64) -> Self {
        match error {
            SubmitError::Unavailable => ApiError::Unavailable { retry_after_seconds },
            SubmitError::Rejected => ApiError::Rejected,
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            ApiError::Invalid(_) | ApiError::TopicUnsupported(_) | ApiError::BodyIncomplete => {
                StatusCode::BAD_REQUEST
            }
            ApiError::Unauthorised(_) => StatusCode::UNAUTHORIZED,
            ApiError::RouteUnknown
            | ApiError::LinkUnknown
            | ApiError::OrderUnknown
            | ApiError::LabelUnknown => StatusCode::NOT_FOUND,
            ApiError::MethodUnknown => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::OrderChanged { .. } | ApiError::LabelNotRecorded => StatusCode::CONFLICT,
            ApiError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            ApiError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            ApiError::Rejected => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            ApiError::Invalid(_) => "invalid",
            ApiError::TopicUnsupported(_) => "topic-unsupported",
            ApiError::Unauthorised(_) => "unauthorised",
            ApiError::RouteUnknown => "route-unknown",
            ApiError::MethodUnknown => "method-unknown",
            ApiError::LinkUnknown => "link-unknown",
            ApiError::OrderUnknown => "order-unknown",
            ApiError::LabelUnknown => "label-unknown",
            ApiError::OrderChanged { .. } => "order-changed",
            ApiError::LabelNotRecorded => "label-not-recorded",
            ApiError::TooLarge { .. } => "too-large",
            ApiError::BodyIncomplete => "body-incomplete",
            ApiError::TooMany { .. } => "too-many",
            ApiError::Unavailable { .. } => "unavailable",
            ApiError::Rejected => "not-stored",
        }
    }

    /// What else the sender needs: how to prove who it is, or when to try again.
    pub(crate) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            ApiError::Unauthorised(Credential::ApiKey) => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            ApiError::TooMany { retry_after_seconds } | ApiError::Unavailable { retry_after_seconds } => {
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
                ApiError::Invalid(invalid) | ApiError::TopicUnsupported(invalid) => Some(&invalid.field),
                _ => None,
            },
            order_id: match &self {
                ApiError::OrderChanged { order_id } => Some(order_id),
                _ => None,
            },
        };
        let mut response = (self.status(), Json(ErrorBody { error })).into_response();
        response.headers_mut().extend(self.header());
        // A layer may say it another way.
        response.extensions_mut().insert(self);
        response
    }
}
