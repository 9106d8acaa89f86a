//! Spans, by OpenTelemetry's semantic conventions 1.42 for messaging and databases.
//!
//! A span is made for each event of a sampled trace and for every try that fails. After a failure its consequences (the
//! retry, the dead letter, the replay) are sampled too. An event without a sampled trace costs a new span id and
//! nothing else.
//!
//! `process` is a child of the publisher's span and the parent of what it emits. `record` and `publish` belong to a
//! batch: they form a trace of their own, linked to the traces of the events and from them.

use std::time::SystemTime;

use despatch_contracts::runtime::Envelope;
use despatch_contracts::{Trace, span};
use opentelemetry::global::BoxedSpan;
use opentelemetry::trace::{
    FutureExt as _, Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _,
};
use opentelemetry::{Context, KeyValue};

/// One try to handle an event: its place in the trace, and its span if it is sampled.
pub(crate) struct EventSpan {
    /// The parent of everything that the try emits.
    pub(crate) trace: Trace,
    parent: Trace,
    began: SystemTime,
    span: Option<BoxedSpan>,
}

impl EventSpan {
    pub(crate) fn begin(handler: &'static str, event: &Envelope) -> Self {
        let parent = event.trace();
        let mut this = EventSpan { trace: parent.child(), began: SystemTime::now(), span: None, parent };
        if this.parent.is_sampled() {
            this.show(handler, event, Vec::new());
        }
        this
    }

    /// Notes that the try has failed, which makes it visible whether or not the trace is sampled. `class` is one of a
    /// few values.
    pub(crate) fn fail(&mut self, handler: &'static str, event: &Envelope, class: &'static str) {
        if self.span.is_none() {
            self.show(handler, event, vec![KeyValue::new("error.type", class)]);
        }
        if let Some(span) = &mut self.span {
            span.set_attribute(KeyValue::new("error.type", class));
            // Only the class is recorded, because an error's text may name people. The journal has the text.
            span.set_status(Status::error(class));
        }
    }

    /// Returns whether the span is sampled.
    pub(crate) fn is_seen(&self) -> bool {
        self.span.is_some()
    }

    /// Ends the span with the event's outcome and its batch.
    pub(crate) fn end(self, outcome: &'static str, attempts: u32, batch: Option<&SpanContext>) {
        let Some(mut span) = self.span else { return };
        span.set_attribute(KeyValue::new("despatch.outcome", outcome));
        span.set_attribute(KeyValue::new("despatch.attempts", i64::from(attempts)));
        if let Some(batch) = batch {
            span.add_link(batch.clone(), Vec::new());
        }
        span.end();
    }

    fn show(&mut self, handler: &'static str, event: &Envelope, mut attributes: Vec<KeyValue>) {
        let span = span(&self.parent.context(), || {
            attributes.extend([
                KeyValue::new("messaging.system", "nats"),
                KeyValue::new("messaging.operation.name", "process"),
                KeyValue::new("messaging.operation.type", "process"),
                KeyValue::new("messaging.destination.name", event.nats_subject.clone()),
                KeyValue::new("messaging.consumer.group.name", handler),
                KeyValue::new("messaging.message.id", event.event_id.clone()),
                KeyValue::new("despatch.subject", event.subject.clone()),
                KeyValue::new("despatch.generation", i64::from(event.generation)),
            ]);
            SpanBuilder::from_name(format!("process {}", event.nats_subject))
                .with_kind(SpanKind::Consumer)
                .with_start_time(self.began)
                .with_attributes(attributes)
        });
        let Some(span) = span.filter(BoxedSpan::is_recording) else { return };
        if let Some(trace) = Trace::at(span.span_context()) {
            self.trace = trace;
            self.span = Some(span);
        }
    }
}

/// Returns the place of a dead letter for input that cannot become an event. It is visible whether or not the trace is
/// sampled.
pub(crate) fn refused(source: &str, event: &Envelope, reason: &'static str, trace: &Trace) -> Trace {
    let span = span(&trace.context(), || {
        SpanBuilder::from_name(format!("refuse {source}")).with_kind(SpanKind::Internal).with_attributes([
            KeyValue::new("error.type", reason),
            KeyValue::new("messaging.message.id", event.event_id.clone()),
            KeyValue::new("despatch.subject", event.subject.clone()),
        ])
    });
    let Some(mut span) = span else { return trace.clone() };
    span.set_status(Status::error(reason));
    span.end();
    Trace::at(span.span_context()).unwrap_or_else(|| trace.clone())
}

/// Runs a part of a try with the span as the current context, for requests to providers.
pub(crate) async fn in_span<T>(
    part: &'static str,
    handler: &'static str,
    of: &EventSpan,
    work: impl Future<Output = T>,
) -> T {
    if !of.is_seen() {
        return work.await;
    }
    let span = span(&of.trace.context(), || {
        SpanBuilder::from_name(format!("{part} {handler}")).with_kind(SpanKind::Internal)
    });
    let Some(span) = span else { return work.await };
    let context = Context::new().with_span(span);
    let done = work.with_context(context.clone()).await;
    context.span().end();
    done
}

/// Makes the span of the transaction that recorded these tries. Returns `None` if none of them is sampled.
pub(crate) fn recorded<'a>(
    worker: &'static str,
    handler: &'static str,
    began: SystemTime,
    tries: impl Iterator<Item = &'a EventSpan>,
) -> Option<SpanContext> {
    let (mut events, mut links) = (0_usize, Vec::new());
    for one in tries {
        events += 1;
        links.extend(one.span.as_ref().map(|span| Link::with_context(span.span_context().clone())));
    }
    if links.is_empty() {
        return None;
    }
    let mut span = span(&Context::new(), || {
        SpanBuilder::from_name(format!("record {worker}"))
            .with_kind(SpanKind::Client)
            .with_start_time(began)
            .with_links(links)
            .with_attributes([
                KeyValue::new("db.system.name", "postgresql"),
                KeyValue::new("db.namespace", worker),
                KeyValue::new("db.operation.name", "COMMIT"),
                KeyValue::new("db.operation.batch.size", count(events)),
                KeyValue::new("messaging.consumer.group.name", handler),
            ])
    })?;
    span.end();
    Some(span.span_context().clone())
}

/// Makes the span of a batch's publication, a child of its transaction's span.
pub(crate) fn published(handler: &'static str, began: SystemTime, messages: usize, batch: &SpanContext) {
    let span = span(&Context::new().with_remote_span_context(batch.clone()), || {
        SpanBuilder::from_name(format!("send {handler}"))
            .with_kind(SpanKind::Producer)
            .with_start_time(began)
            .with_attributes([
                KeyValue::new("messaging.system", "nats"),
                KeyValue::new("messaging.operation.name", "send"),
                KeyValue::new("messaging.operation.type", "send"),
                KeyValue::new("messaging.batch.message_count", count(messages)),
            ])
    });
    if let Some(mut span) = span {
        span.end();
    }
}

fn count(things: usize) -> i64 {
    i64::try_from(things).unwrap_or(i64::MAX)
}
