//! Spans of single requests to a provider, by OpenTelemetry's semantic conventions 1.42 for HTTP clients.
//!
//! A request is a child of the `perform` that makes it. If the trace is not sampled, it costs one look at the current
//! context. Of an address only the server is shown, because a path may be a secret and a query may name people. The
//! caller supplies a template that stands for both.

use despatch_contracts::span;
use opentelemetry::global::BoxedSpan;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use url::Url;

/// The span of a request to a provider, from before it is sent until this is dropped.
#[must_use = "the request's span lasts as long as this"]
pub struct ClientSpan(Option<BoxedSpan>);

impl ClientSpan {
    /// Begins the span of an HTTP request. `template` is the path with names in place of values, e.g. `/rates/{rate}`.
    pub fn http(method: &str, server: &Url, template: &str) -> Self {
        Self::begin(|| {
            let (scheme, host) = (server.scheme(), server.host_str().unwrap_or_default());
            let port = server.port().map(|port| format!(":{port}")).unwrap_or_default();
            let mut attributes = vec![
                KeyValue::new("http.request.method", method.to_owned()),
                KeyValue::new("url.full", format!("{scheme}://{host}{port}{template}")),
                KeyValue::new("url.template", template.to_owned()),
            ];
            attributes.extend(place(host, server.port_or_known_default()));
            SpanBuilder::from_name(format!("{method} {template}")).with_attributes(attributes)
        })
    }

    /// Begins the span of a message to a mail server, for which there is no convention yet.
    pub fn smtp(ctx: &str, port: u16) -> Self {
        Self::begin(|| {
            let mut attributes = vec![KeyValue::new("network.protocol.name", "smtp")];
            attributes.extend(place(ctx, Some(port)));
            SpanBuilder::from_name("SMTP").with_attributes(attributes)
        })
    }

    fn begin(describe: impl FnOnce() -> SpanBuilder) -> Self {
        if !Context::map_current(|current| current.span().span_context().is_sampled()) {
            return ClientSpan(None);
        }
        ClientSpan(span(&Context::current(), || describe().with_kind(SpanKind::Client)))
    }

    /// Notes the HTTP status of the server's answer.
    pub fn answered(&mut self, status: u16) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        }
        if status >= 400 {
            self.failed(|| status.to_string());
        }
    }

    /// Notes the reply code with which the mail server refused.
    pub fn refused(&mut self, code: u16) {
        self.failed(|| code.to_string());
    }

    /// Notes that no complete answer arrived: none in time, or no connection.
    pub fn unanswered(&mut self, timed_out: bool) {
        self.failed(|| if timed_out { "timeout" } else { "connection" }.to_owned());
    }

    fn failed(&mut self, class: impl FnOnce() -> String) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new("error.type", class()));
            // Only the class is recorded, because a provider's text may name people.
            span.set_status(Status::error(""));
        }
    }
}

impl Drop for ClientSpan {
    fn drop(&mut self) {
        if let Some(span) = &mut self.0 {
            span.end();
        }
    }
}

fn place(ctx: &str, port: Option<u16>) -> impl Iterator<Item = KeyValue> {
    let address = ctx.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = port.map(|port| KeyValue::new("server.port", i64::from(port)));
    std::iter::once(KeyValue::new("server.address", address)).chain(port)
}

#[cfg(test)]
mod tests {
    use despatch_contracts::{Trace, collect_spans};
    use opentelemetry::global;
    use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

    use super::*;

    const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn attribute(span: &SpanData, key: &str) -> Option<String> {
        span.attributes.iter().find(|one| one.key.as_str() == key).map(|one| one.value.to_string())
    }

    #[test]
    fn a_request_is_seen_where_its_trace_is_and_tells_no_secret() {
        let exporter = InMemorySpanExporter::default();
        global::set_tracer_provider(
            SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build(),
        );
        collect_spans();
        let server: Url = "https://user:password@hooks.example.com:8443/T1/secret?to=ada".parse().unwrap();
        let run_chain = |traceparent| {
            let _current = Trace::parse(traceparent, "").unwrap().context().attach();
            let mut taken = ClientSpan::http("POST", &server, "/{webhook}");
            taken.answered(201);
            drop(taken);
            let mut refused = ClientSpan::http("GET", &server, "/{webhook}");
            refused.answered(404);
            drop(refused);
            let mut cut_off = ClientSpan::http("GET", &server, "/{webhook}");
            cut_off.answered(200);
            cut_off.unanswered(true);
            drop(cut_off);
            let mut mail = ClientSpan::smtp("[::1]", 25);
            mail.refused(550);
            drop(mail);
            ClientSpan::smtp("mail.example.com", 587).unanswered(false);
        };

        run_chain(UNSAMPLED);
        assert!(exporter.get_finished_spans().unwrap().is_empty());
        run_chain(SAMPLED);
        let spans = exporter.get_finished_spans().unwrap();
        let shown: Vec<_> = spans
            .iter()
            .map(|span| {
                assert_eq!(
                    (&span.span_kind, span.parent_span_id.to_string()),
                    (&SpanKind::Client, "b7ad6b7169203331".into())
                );
                let status = attribute(span, "http.response.status_code").unwrap_or_default();
                let place = format!(
                    "{}:{}",
                    attribute(span, "server.address").unwrap(),
                    attribute(span, "server.port").unwrap()
                );
                let error = attribute(span, "error.type");
                assert_eq!(span.status == Status::error(""), error.is_some());
                format!("{} at {place} {status} {}", span.name, error.unwrap_or_default())
            })
            .collect();
        assert_eq!(
            shown,
            [
                "POST /{webhook} at hooks.example.com:8443 201 ",
                "GET /{webhook} at hooks.example.com:8443 404 404",
                "GET /{webhook} at hooks.example.com:8443 200 timeout",
                "SMTP at ::1:25  550",
                "SMTP at mail.example.com:587  connection",
            ]
        );
        let url = attribute(&spans[0], "url.full");
        assert_eq!(url.as_deref(), Some("https://hooks.example.com:8443/{webhook}"));
        assert_eq!(attribute(&spans[0], "url.template").as_deref(), Some("/{webhook}"));
        let all = format!("{spans:?}");
        for secret in ["secret", "password", "ada"] {
            assert!(!all.contains(secret), "{secret} in {all}");
        }
    }
}
