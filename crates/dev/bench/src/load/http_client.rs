//! Requests to the gateway, on connections that are kept.

use std::net::SocketAddr;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::result::Result;

/// A client of one gateway.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: Client<HttpConnector, Full<Bytes>>,
    gateway: SocketAddr,
}

impl HttpClient {
    pub(crate) fn new(gateway: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        HttpClient { client: Client::builder(TokioExecutor::new()).build(connector), gateway }
    }

    /// Posts JSON, and fails unless the answer is 2xx.
    pub(crate) async fn post(&self, path: &str, api_key: Option<&str>, json: String) -> Result<Bytes> {
        let mut request = Request::post(format!("http://{}{path}", self.gateway))
            .header("content-type", "application/json");
        if let Some(api_key) = api_key {
            request = request.header("authorization", format!("Bearer {api_key}"));
        }
        let answer = self.client.request(request.body(Full::from(json))?).await?;
        let status: StatusCode = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            let body = String::from_utf8_lossy(&body);
            return Err(format!("POST {path} was answered with {status}: {body}").into());
        }
        Ok(body)
    }
}
