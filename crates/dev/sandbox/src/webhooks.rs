//! The gateway's webhooks: their addresses, and a request to one.

use std::time::Duration;

use axum::http::request::Builder;
use axum::http::{Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use url::Url;

use crate::error::SandboxError;

/// How long the gateway may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A connection to the gateway.
pub(crate) type Client = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

pub(crate) fn client() -> Client {
    hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http()
}

/// Returns `<gateway_url>/webhooks/<provider>`, with this query if there is one.
pub(crate) fn address(
    gateway_url: &str,
    provider: &str,
    query: Option<(&str, &str)>,
) -> Result<Uri, SandboxError> {
    let refused = || SandboxError::WebhookTarget { url: gateway_url.to_owned() };
    let mut url = Url::parse(gateway_url).map_err(|_| refused())?;
    if url.scheme() != "http" || !url.has_host() {
        return Err(refused());
    }
    url.path_segments_mut().map_err(|()| refused())?.pop_if_empty().extend(["webhooks", provider]);
    if let Some((name, value)) = query {
        url.query_pairs_mut().append_pair(name, value);
    }
    url.as_str().parse().map_err(|_| refused())
}

/// Returns the pause after this many earlier tries.
pub(crate) fn pause(tries: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << tries.min(10)).min(LONGEST_PAUSE)
}

/// Why a webhook must be sent again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAccepted {
    #[error("expected an answer within {ANSWER_TIMEOUT:?}, found none")]
    TooLate,
    #[error("the request cannot be made: {0}")]
    Request(#[from] axum::http::Error),
    #[error("{0}")]
    Connection(#[from] hyper_util::client::legacy::Error),
    #[error("answered {0}")]
    Status(StatusCode),
}

/// Posts a JSON body. `with` adds the provider's headers.
pub(crate) async fn post(
    client: &Client,
    to: Uri,
    body: String,
    with: impl FnOnce(Builder) -> Builder,
) -> Result<(), NotAccepted> {
    let request = Request::post(to).header(header::CONTENT_TYPE, "application/json");
    let request = with(request).body(Full::from(body))?;
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, client.request(request))
        .await
        .map_err(|_| NotAccepted::TooLate)??;
    let status = answer.status();
    // An answer that is read to its end leaves its connection free for the next webhook; one that is too long does not.
    drop(Limited::new(answer.into_body(), 64 * 1024).collect().await);
    if status.is_success() { Ok(()) } else { Err(NotAccepted::Status(status)) }
}
