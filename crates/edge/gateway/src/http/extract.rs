//! The parts of a request that handlers use: its place in a trace, its body, its path, its API key.

use std::time::{Duration, Instant};

use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use despatch_contracts::Trace;
use serde::de::DeserializeOwned;
use tracing::Instrument as _;

use crate::http::error::{ApiError, Credential};
use crate::http::state::Gateway;
use crate::http::telemetry::RequestSpan;
use crate::sources::fields::json::Invalid;

/// Gives the request its span: under the sender's if a `traceparent` header names one, otherwise in a new trace.
pub(crate) async fn trace_request(mut request: Request, next: Next) -> Response {
    let sender =
        Trace::parse(header(request.headers(), "traceparent"), header(request.headers(), "tracestate"));
    let request_span = RequestSpan::begin(&request, sender);
    let span = tracing::info_span!(
        "request",
        method = %request.method(),
        route = request_span.route(),
        trace_id = %request_span.trace.trace_id,
    );
    request.extensions_mut().insert(request_span.trace.clone());
    let began = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status(), began.elapsed());
    span.in_scope(|| log_answer(status, took));
    request_span.end(status);
    response
}

/// Logs an answer: failures at info level or above, all others for debugging only.
fn log_answer(status: StatusCode, took: Duration) {
    let code = status.as_u16();
    if status.is_server_error() {
        tracing::warn!(status = code, ?took, "request failed");
    } else if status.is_client_error() {
        tracing::info!(status = code, ?took, "request refused");
    } else {
        tracing::debug!(status = code, ?took, "request answered");
    }
}

/// Returns a header's text; empty if the header is missing or not text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// The request's place in its trace.
pub(crate) struct RequestTrace(pub(crate) Trace);

impl<S: Sync> FromRequestParts<S> for RequestTrace {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(RequestTrace(parts.extensions.get::<Trace>().cloned().unwrap_or_else(Trace::root)))
    }
}

/// How long a body may take to arrive: 1 MiB over a slow line.
const BODY_WAIT: Duration = Duration::from_secs(15);

/// The unchanged body, no larger than configured.
pub(crate) struct Body(pub(crate) Bytes);

impl FromRequest<Gateway> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, ApiError> {
        let Ok(read) = tokio::time::timeout(BODY_WAIT, Bytes::from_request(request, gateway)).await else {
            return Err(ApiError::BodyIncomplete);
        };
        match read {
            Ok(body) => Ok(Body(body)),
            Err(BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_))) => {
                Err(ApiError::TooLarge { limit: gateway.body_limit })
            }
            Err(_) => Err(ApiError::BodyIncomplete),
        }
    }
}

/// The parameters in the path. A path that cannot be decoded is unknown.
pub(crate) struct PathParams<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(names) = Path::from_request_parts(parts, state).await.map_err(|_| ApiError::RouteUnknown)?;
        Ok(PathParams(names))
    }
}

/// The parameters in the query.
pub(crate) struct QueryParams<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for QueryParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(params) = Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Invalid::new("query", rejection.body_text()))?;
        Ok(QueryParams(params))
    }
}

/// Proof that the request carries a configured API key.
pub(crate) struct ApiKey;

impl FromRequestParts<Gateway> for ApiKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, ApiError> {
        let said = header(&parts.headers, AUTHORIZATION.as_str());
        let key = said.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match key {
            Some((_, key)) if gateway.api_keys.contain(key.trim()) => {
                gateway.limits.admit(key.trim()).map(|()| ApiKey)
            }
            _ => Err(ApiError::Unauthorised(Credential::ApiKey)),
        }
    }
}
