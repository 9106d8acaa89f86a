//! What is done with every request before its route sees it: its place in a trace, its size, who sends it.

use std::time::Duration;

use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use despatch_contracts::Trace;
use serde::de::DeserializeOwned;
use tracing::Instrument as _;

use crate::http::error::{Credential, Refusal};
use crate::http::state::Gateway;
use crate::http::telemetry::Served;

/// Gives the request its span: under the sender's when a `traceparent` header names one, else in a new trace.
pub(crate) async fn traced(mut request: Request, next: Next) -> Response {
    let sender =
        Trace::parse(header(request.headers(), "traceparent"), header(request.headers(), "tracestate"));
    let served = Served::begin(&request, sender);
    let span = tracing::info_span!(
        "request",
        method = %request.method(),
        route = served.route(),
        trace_id = %served.trace.trace_id,
        status = tracing::field::Empty
    );
    request.extensions_mut().insert(served.trace.clone());
    let response = next.run(request).instrument(span.clone()).await;
    span.record("status", response.status().as_u16());
    span.in_scope(|| tracing::debug!("answered"));
    served.end(response.status());
    response
}

/// A header's text; empty when there is none, or none that is text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
}

/// The request's place in its trace.
pub(crate) struct Traced(pub(crate) Trace);

impl<S: Sync> FromRequestParts<S> for Traced {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Traced(parts.extensions.get::<Trace>().cloned().unwrap_or_else(Trace::root)))
    }
}

/// How long a body may take to come in: 1 MiB over a slow line.
const PATIENCE: Duration = Duration::from_secs(15);

/// The body as it came in, no larger than configured.
pub(crate) struct Body(pub(crate) Bytes);

impl FromRequest<Gateway> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, Refusal> {
        let Ok(read) = tokio::time::timeout(PATIENCE, Bytes::from_request(request, gateway)).await else {
            return Err(Refusal::BodyIncomplete);
        };
        match read {
            Ok(body) => Ok(Body(body)),
            Err(BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_))) => {
                Err(Refusal::TooLarge { limit: gateway.body_limit })
            }
            Err(_) => Err(Refusal::BodyIncomplete),
        }
    }
}

/// What the path names. A path that cannot be decoded names nothing.
pub(crate) struct At<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for At<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(names) = Path::from_request_parts(parts, state).await.map_err(|_| Refusal::RouteUnknown)?;
        Ok(At(names))
    }
}

/// Proof that the request carries a configured API key.
pub(crate) struct ApiKey;

impl FromRequestParts<Gateway> for ApiKey {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        let said = header(&parts.headers, AUTHORIZATION.as_str());
        let key = said.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match key {
            Some((_, key)) if gateway.api_keys.contain(key.trim()) => {
                gateway.limits.admit(key.trim()).map(|()| ApiKey)
            }
            _ => Err(Refusal::Unauthorised(Credential::ApiKey)),
        }
    }
}
