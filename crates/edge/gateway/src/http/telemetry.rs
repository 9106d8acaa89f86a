//! Telemetry of requests: a span and a duration, by OpenTelemetry's semantic conventions 1.42 for HTTP servers.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime};

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use despatch_contracts::{Trace, span};
use opentelemetry::global::{self, BoxedSpan};
use opentelemetry::metrics::Histogram;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status};
use opentelemetry::{Context, KeyValue};

static DURATION: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    // The convention's boundaries.
    let boundaries = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
    let meter = global::meter("despatch");
    let duration = meter.f64_histogram("http.server.request.duration").with_unit("s");
    duration.with_boundaries(boundaries.to_vec()).build()
});

/// The span of a request in progress, and the clock for its duration.
pub(crate) struct RequestSpan {
    /// The request's place in its trace. Its events belong under it.
    pub(crate) trace: Trace,
    /// The sender's place in the trace.
    under: Context,
    method: &'static str,
    /// The route, not the path, which may hold a token; `None` if the path is unknown.
    route: Option<MatchedPath>,
    began: (SystemTime, Instant),
    /// `None` if no traces are collected.
    span: Option<BoxedSpan>,
}

impl RequestSpan {
    pub(crate) fn begin(request: &Request, sender: Option<Trace>) -> Self {
        let began = (SystemTime::now(), Instant::now());
        let method = known(request.method());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let context = sender.as_ref().map_or_else(Context::new, Trace::context);
        let span = begun(method, route.as_ref(), began.0, &context, None);
        let own = span.as_ref().and_then(|span| Trace::at(span.span_context()));
        let trace = own.unwrap_or_else(|| sender.map_or_else(Trace::root, |sender| sender.child()));
        RequestSpan { trace, under: context, method, route, began, span }
    }

    pub(crate) fn route(&self) -> &str {
        self.route.as_ref().map_or("", MatchedPath::as_str)
    }

    pub(crate) fn end(self, status: StatusCode) {
        let labels = [
            KeyValue::new("http.request.method", self.method),
            KeyValue::new("http.route", self.route().to_owned()),
            KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
        ];
        DURATION.record(self.began.1.elapsed().as_secs_f64(), &labels);
        let Some(mut span) = self.span else { return };
        if status.is_server_error() {
            let error = KeyValue::new("error.type", status.as_str().to_owned());
            if !span.is_recording() {
                let error = Some(error.clone());
                let begun = begun(self.method, self.route.as_ref(), self.began.0, &self.under, error);
                span = begun.unwrap_or(span);
            }
            span.set_attribute(error);
            span.set_status(Status::error(""));
        }
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        span.end();
    }
}

/// Returns the method, or the convention's word for any other.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];
    KNOWN.into_iter().find(|known| method.as_str() == *known).unwrap_or("_OTHER")
}

/// Begins the request's span. Its name and attributes are set only if the sampler takes it; the sampler looks at the
/// error alone.
fn begun(
    method: &'static str,
    route: Option<&MatchedPath>,
    began: SystemTime,
    parent: &Context,
    error: Option<KeyValue>,
) -> Option<BoxedSpan> {
    let mut span = span(parent, || {
        let builder = SpanBuilder::from_name(method).with_kind(SpanKind::Server).with_start_time(began);
        match error {
            Some(error) => builder.with_attributes([error]),
            None => builder,
        }
    })?;
    if span.is_recording() {
        span.set_attribute(KeyValue::new("http.request.method", method));
        span.set_attribute(KeyValue::new("url.scheme", "http"));
        if let Some(route) = route {
            span.update_name(format!("{method} {}", route.as_str()));
            span.set_attribute(KeyValue::new("http.route", route.as_str().to_owned()));
        }
    }
    Some(span)
}
