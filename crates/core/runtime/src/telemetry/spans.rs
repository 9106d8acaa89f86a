//! Spans, by OpenTelemetry's semantic conventions 1.42 for messaging and databases.
//!
//! They are made for events whose trace is sampled, and for every try that fails: then what comes of the failure (the
//! retry, the dead letter, the replay) is sampled too. An event of no sampled trace costs a fresh span id, no more.
//!
//! `process` is a child of whoever published the event, and the parent of what it emits. `record` and `publish` are a
//! batch's: a trace of their own, linked to the events', and linked from them.

use std::time::SystemTime;

use despatch_contracts::runtime::Envelope;
use despatch_contracts::{Trace, span};
use opentelemetry::global::BoxedSpan;
use opentelemetry::trace::{
    FutureExt as _, Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _,
};
use opentelemetry::{Context, KeyValue};

/// One try to handle an event: its place in the order's trace, and its span where somebody will see it.
pub(crate) struct EventSpan {
    /// What the try emits is a child of this.
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

    /// Notes that the try has failed, which makes it visible whether or not the trace is sampled. `class` is one of few.
    pub(crate) fn fail(&mut self, handler: &'static str, event: &Envelope, class: &'static str) {
        if self.span.is_none() {
            self.show(handler, event, vec![KeyValue::new("error.type", class)]);
        }
        if let Some(span) = &mut self.span {
            span.set_attribute(KeyValue::new("error.type", class));
            // The error's text may name people; it is in the journal.
            span.set_status(Status::error(class));
        }
    }

    /// Whether anybody will see it.
    pub(crate) fn is_seen(&self) -> bool {
        self.span.is_some()
    }

    /// Ends it, with what became of the event in which batch.
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

/// What arrived and cannot become an event: the place of its dead letter, which is seen whether or not the trace is
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

/// Does a part of a try. It is the current context meanwhile, for whoever asks a provider.
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

/// The transaction that recorded these tries, since then. `None` when nobody will see any of them.
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

/// The publication of what a batch has yet to publish the stream, since then; a child of its transaction.
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
