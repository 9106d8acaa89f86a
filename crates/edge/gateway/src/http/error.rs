//! Every refusal that the gateway gives, and the one JSON shape in which it is given.

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::sources::fields::json::Invalid;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The body, or what the path or query says, does not have the right shape.
    #[error("{}", .0.problem)]
    Invalid(#[from] Invalid),
    /// No key, a wrong key, a wrong signature, or a shop that is not configured.
    #[error("{0}")]
    Unauthorised(Credential),
    /// Nothing is served under this path.
    #[error("nothing is served under this path")]
    RouteUnknown,
    /// The path is served, but not with this method.
    #[error("the path does not take this method")]
    MethodUnknown,
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
    /// This one entry cannot be stored, while others can.
    #[error("this could not be stored")]
    NotStored,
}

/// What did not prove who is asking.
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
    /// The token in a webhook's URL, or in a link that we sent.
    #[error("the token is missing or wrong")]
    Token,
}

/// The body of a refusal.
#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

/// One refusal: a code for programs, a message for people, and the field that is at fault.
#[derive(Serialize)]
struct Body<'a> {
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<&'a str>,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Refusal::Invalid(_) | Refusal::BodyIncomplete => StatusCode::BAD_REQUEST,
            Refusal::Unauthorised(_) => StatusCode::UNAUTHORIZED,
            Refusal::RouteUnknown | Refusal::OrderUnknown | Refusal::LabelUnknown => StatusCode::NOT_FOUND,
            Refusal::MethodUnknown => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::OrderChanged { .. } | Refusal::LabelNotRecorded => StatusCode::CONFLICT,
            Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::NotStored => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Refusal::Invalid(_) => "invalid",
            Refusal::Unauthorised(_) => "unauthorised",
            Refusal::RouteUnknown => "route-unknown",
            Refusal::MethodUnknown => "method-unknown",
            Refusal::OrderUnknown => "order-unknown",
            Refusal::LabelUnknown => "label-unknown",
            Refusal::OrderChanged { .. } => "order-changed",
            Refusal::LabelNotRecorded => "label-not-recorded",
            Refusal::TooLarge { .. } => "too-large",
            Refusal::BodyIncomplete => "body-incomplete",
            Refusal::TooMany { .. } => "too-many",
            Refusal::Unavailable { .. } => "unavailable",
            Refusal::NotStored => "not-stored",
        }
    }

    /// What the sender is told besides: how to prove who it is, or when to try again.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Refusal::Unauthorised(Credential::ApiKey) => {
                Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            Refusal::TooMany { retry_after_seconds } | Refusal::Unavailable { retry_after_seconds } => {
                Some((RETRY_AFTER, HeaderValue::from(*retry_after_seconds)))
            }
            // The label is recorded moments after the carrier knows of it.
            Refusal::LabelNotRecorded => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = Body {
            code: self.code(),
            message: self.to_string(),
            field: match &self {
                Refusal::Invalid(invalid) => Some(&invalid.field),
                _ => None,
            },
            order_id: match &self {
                Refusal::OrderChanged { order_id } => Some(order_id),
                _ => None,
            },
        };
        let mut response = (self.status(), Json(Envelope { error })).into_response();
        response.headers_mut().extend(self.header());
        response
    }
}
