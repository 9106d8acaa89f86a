//! W3C trace context, as it travels in message headers.

use std::fmt;
use std::sync::OnceLock;

use opentelemetry::global::{self, BoxedSpan, BoxedTracer};
use opentelemetry::trace::{
    SpanBuilder, SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Context, InstrumentationScope};
use uuid::Uuid;

/// A message's place in its trace (<https://www.w3.org/TR/trace-context/>). An order has one trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The trace, the same from the shop's webhook to the review.
    pub trace_id: TraceId,
    /// The span that caused the message.
    pub span_id: SpanId,
    /// Whether the trace is sampled.
    pub flags: TraceFlags,
    /// Vendors' additions, passed on unchanged.
    pub state: String,
}

impl Trace {
    /// Begins a trace for a message that arrives without one while no traces are collected. It is not sampled, because
    /// the broker does more work for sampled messages.
    pub fn root() -> Self {
        Trace {
            trace_id: TraceId::from_bytes(*Uuid::new_v4().as_bytes()),
            span_id: fresh_span(),
            flags: TraceFlags::NOT_SAMPLED,
            state: String::new(),
        }
    }

    /// Returns the place of a new span under this one.
    #[must_use]
    pub fn child(&self) -> Self {
        Trace { span_id: fresh_span(), ..self.clone() }
    }

    /// Returns the place of a span of OpenTelemetry's API. Returns `None` after the API was shut down, because no span
    /// is made then.
    pub fn at(span: &SpanContext) -> Option<Self> {
        span.is_valid().then(|| Trace {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            flags: span.trace_flags(),
            state: span.trace_state().header(),
        })
    }

    /// Returns whether the trace is sampled.
    pub fn is_sampled(&self) -> bool {
        self.flags.is_sampled()
    }

    /// Returns the context that OpenTelemetry's API makes children of.
    pub fn context(&self) -> Context {
        // A malformed state is dropped; the trace is kept.
        let state = self.state.parse().unwrap_or(TraceState::NONE);
        let span = SpanContext::new(self.trace_id, self.span_id, self.flags, true, state);
        Context::new().with_remote_span_context(span)
    }

    /// Parses a `traceparent` header. Returns `None` if it is invalid; begin a new trace then.
    pub fn parse(traceparent: &str, tracestate: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let (version, trace_id, span_id, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let known_length = version != "00" || parts.next().is_none();
        let lengths_hold =
            version.len() == 2 && trace_id.len() == 32 && span_id.len() == 16 && flags.len() == 2;
        // The parsers below would accept a sign as a digit.
        let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits_hold = [version, trace_id, span_id, flags].into_iter().all(hex);
        if version == "ff" || !known_length || !lengths_hold || !digits_hold {
            return None;
        }
        let trace_id = TraceId::from_hex(trace_id).ok()?;
        let span_id = SpanId::from_hex(span_id).ok()?;
        let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
        (trace_id != TraceId::INVALID && span_id != SpanId::INVALID).then(|| Trace {
            trace_id,
            span_id,
            flags,
            state: tracestate.to_owned(),
        })
    }
}

/// The tracer of this process. OpenTelemetry's API does not tell whether one is installed.
static TRACER: OnceLock<BoxedTracer> = OnceLock::new();

/// Makes spans from now on, by the provider that is installed in OpenTelemetry's API. Without this call none is made.
pub fn collect_spans() {
    const CONVENTIONS: &str = "https://opentelemetry.io/schemas/1.42.0";
    let scope = InstrumentationScope::builder("despatch").with_schema_url(CONVENTIONS).build();
    TRACER.get_or_init(|| global::tracer_with_scope(scope));
}

/// Begins a span, by OpenTelemetry's semantic conventions 1.42. If no traces are collected, it makes none and does not
/// call `builder`.
pub fn span(parent: &Context, builder: impl FnOnce() -> SpanBuilder) -> Option<BoxedSpan> {
    TRACER.get().map(|tracer| tracer.build_with_context(builder(), parent))
}

/// Formats the value of the `traceparent` header.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id, self.span_id, self.flags.to_u8())
    }
}

fn fresh_span() -> SpanId {
    let (high, _) = Uuid::new_v4().as_u64_pair();
    SpanId::from_bytes(high.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let trace = Trace::root();
        assert_eq!(Trace::parse(&trace.to_string(), ""), Some(trace));
    }

    #[test]
    fn a_child_stays_in_the_trace() {
        let trace = Trace::root();
        let child = trace.child();
        assert_eq!(child.trace_id, trace.trace_id);
        assert_ne!(child.span_id, trace.span_id);
    }

    #[test]
    fn the_api_has_the_same_place() {
        let trace =
            Trace::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=1,b=2").unwrap();
        assert!(trace.is_sampled());
        assert_eq!(Trace::at(trace.context().span().span_context()), Some(trace.clone()));
        let ill = Trace { state: "=".to_owned(), ..trace };
        assert_eq!(Trace::at(ill.context().span().span_context()).map(|at| at.trace_id), Some(ill.trace_id));
    }

    #[test]
    fn where_nobody_collects_a_span_is_not_even_described() {
        assert!(span(&Context::new(), || unreachable!("nobody collects")).is_none());
    }

    #[test]
    fn invalid_headers_are_refused() {
        for header in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-zzz7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-+7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-+1",
            "zz-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Trace::parse(header, ""), None, "{header:?}");
        }
    }
}
