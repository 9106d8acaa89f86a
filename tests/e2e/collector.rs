//! A collector of traces, in a process of its own: it takes OTLP over gRPC and over HTTP, and prints each span that it is
//! sent as a line of JSON.

use std::fmt::Write as _;
use std::process::Command;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use prost::Message as _;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

use crate::child::Despatch;
use crate::until::until;

/// A span, as far as the tests look.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) kind: i32,
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty for none.
    pub(crate) parent: String,
    /// Traces and spans.
    pub(crate) links: Vec<(String, String)>,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) failed: bool,
}

impl Span {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A running collector.
pub(crate) struct Collector {
    process: Despatch,
    pub(crate) http: String,
    pub(crate) grpc: String,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["collector::serves", "--exact", "--ignored", "--nocapture"]);
        let process = Despatch::start(&mut command);
        let ports = until("the collector listens", async || {
            let said = process.stdout();
            let line = said.lines().find_map(|line| line.strip_prefix("listens "))?;
            line.split_once(' ').map(|(http, grpc)| (http.to_owned(), grpc.to_owned()))
        })
        .await;
        let url = |address| format!("http://{address}");
        Collector { process, http: url(ports.0), grpc: url(ports.1) }
    }

    /// Everything that it was sent, as text.
    pub(crate) fn text(&self) -> String {
        self.process.stdout()
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        let text = self.text();
        text.lines()
            .filter(|line| line.starts_with('{'))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

/// The process itself; no test.
#[tokio::test]
#[ignore = "is started by tests that need a collector"]
async fn serves() {
    let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let grpc = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("\nlistens {} {}", http.local_addr().unwrap(), grpc.local_addr().unwrap());
    let routes = Router::new().route("/v1/traces", post(take)).fallback(async || StatusCode::OK);
    let incoming = tonic::transport::server::TcpIncoming::from(grpc);
    let serves = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(Printer))
        .serve_with_incoming(incoming);
    let (http, grpc) = tokio::join!(async { axum::serve(http, routes).await }, serves);
    http.unwrap();
    grpc.unwrap();
}

async fn take(body: Bytes) -> StatusCode {
    match ExportTraceServiceRequest::decode(body) {
        Ok(request) => {
            print(&request);
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

struct Printer;

#[tonic::async_trait]
impl TraceService for Printer {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        print(request.get_ref());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn print(request: &ExportTraceServiceRequest) {
    for resource in &request.resource_spans {
        let attributes = resource.resource.iter().flat_map(|resource| &resource.attributes);
        let service = attributes.filter(|attribute| attribute.key == "service.name");
        let service =
            service.map(|attribute| text(attribute.value.as_ref().and_then(|value| value.value.as_ref())));
        let service: String = service.collect();
        for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
            let attributes = span.attributes.iter();
            let shown = Span {
                service: service.clone(),
                name: span.name.clone(),
                kind: span.kind,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                links: span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect(),
                attributes: attributes
                    .map(|one| {
                        (one.key.clone(), text(one.value.as_ref().and_then(|value| value.value.as_ref())))
                    })
                    .collect(),
                failed: span.status.as_ref().is_some_and(|status| status.code == 2),
            };
            println!("{}", serde_json::to_string(&shown).unwrap());
        }
    }
}

fn text(value: Option<&Any>) -> String {
    match value {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
