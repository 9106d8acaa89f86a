//! The trace of an event about an order that was placed earlier.

use despatch_contracts::{Trace, span};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Link, Span as _, SpanBuilder, SpanKind, TraceContextExt as _};

/// Returns the trace of an event about an order whose trace began earlier: under the order's, with a link to the
/// request.
pub(crate) fn linked_trace(order: &Trace, request: &Trace, event_type: &str) -> Trace {
    if !order.is_sampled() {
        return order.child();
    }
    let span = span(&order.context(), || {
        SpanBuilder::from_name(format!("send evt.{event_type}"))
            .with_kind(SpanKind::Producer)
            .with_links(vec![Link::with_context(request.context().span().span_context().clone())])
            .with_attributes([
                KeyValue::new("messaging.system", "nats"),
                KeyValue::new("messaging.operation.name", "send"),
                KeyValue::new("messaging.operation.type", "send"),
                KeyValue::new("messaging.destination.name", format!("evt.{event_type}")),
            ])
    });
    let Some(mut span) = span else { return order.child() };
    span.end();
    Trace::at(span.span_context()).unwrap_or_else(|| order.child())
}
