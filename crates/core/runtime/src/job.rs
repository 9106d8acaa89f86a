//! One event in the hands of its handler, with the handler's types out of sight of the pipeline.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use despatch_contracts::{DecodeError, Emits, Emitted, Incoming};

use crate::database::Reader;
use crate::effects::Attempt;
use crate::handler::{EffectHandler, Handler, HandlerError, Policy, Verdict};
use crate::keys::ConcurrencyKeys;
use crate::outcome::is_report;
use crate::tx::Tx;

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why an event was not handled, and what is to happen with it.
#[derive(Debug, Clone)]
pub(crate) struct Failed {
    pub(crate) error: String,
    pub(crate) verdict: Verdict,
}

impl<E: HandlerError> From<E> for Failed {
    fn from(error: E) -> Self {
        Failed { verdict: error.verdict(), error: chain(&error) }
    }
}

/// An error with all that caused it, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Transparent errors repeat their cause.
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// What is known of a handler without running it.
#[derive(Debug, Clone)]
pub struct HandlerSpec {
    /// [`Handler::NAME`].
    pub name: &'static str,
    /// [`Handler::POLICY`].
    pub policy: Policy,
    /// The event types that it hears.
    pub consumes: Vec<&'static str>,
    /// The event types that it may emit.
    pub emits: Vec<&'static str>,
    /// Whether it asks anything outside.
    pub has_effects: bool,
}

impl HandlerSpec {
    /// Whether it hears what became of events. Then it is not told of its own, and no report is too old for it: a report is as
    /// old as its event.
    pub(crate) fn consumes_reports(&self) -> bool {
        self.consumes.iter().any(|heard| is_report(heard))
    }
}

/// A registered handler.
pub(crate) trait Entry: Send + Sync {
    fn spec(&self) -> &HandlerSpec;
    fn job(&self, event_type: &str, payload: Bytes) -> Result<Box<dyn Job>, DecodeError>;
}

/// One event and its handler. `prepare` and `perform` come before `record`, and only where [`HandlerSpec::has_effects`] says so.
pub(crate) trait Job: Send + Sync {
    fn keys(&self) -> ConcurrencyKeys;
    fn prepare<'a>(&'a mut self, db: &'a Reader<'a>) -> BoxFuture<'a, Result<(), Failed>>;
    fn perform<'a>(&'a mut self, attempt: &'a Attempt) -> BoxFuture<'a, Result<(), Failed>>;
    fn record<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<Vec<Emitted>, Failed>>;
}

pub(crate) struct Recording<H> {
    handler: Arc<H>,
    spec: HandlerSpec,
}

impl<H: Handler> Recording<H> {
    pub(crate) fn new(handler: H) -> Self {
        let spec = HandlerSpec {
            name: H::NAME,
            policy: H::POLICY,
            consumes: H::In::types(),
            emits: H::Out::types(),
            has_effects: false,
        };
        Recording { handler: Arc::new(handler), spec }
    }
}

impl<H: Handler> Entry for Recording<H> {
    fn spec(&self) -> &HandlerSpec {
        &self.spec
    }

    fn job(&self, event_type: &str, payload: Bytes) -> Result<Box<dyn Job>, DecodeError> {
        let event = <H::In as Incoming>::decode(event_type, payload)?;
        Ok(Box::new(RecordingJob { handler: self.handler.clone(), event }))
    }
}

struct RecordingJob<H: Handler> {
    handler: Arc<H>,
    event: H::In,
}

impl<H: Handler> Job for RecordingJob<H> {
    fn keys(&self) -> ConcurrencyKeys {
        self.handler.keys(&self.event)
    }

    fn prepare<'a>(&'a mut self, _: &'a Reader<'a>) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async { Ok(()) })
    }

    fn perform<'a>(&'a mut self, _: &'a Attempt) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async { Ok(()) })
    }

    fn record<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<Vec<Emitted>, Failed>> {
        Box::pin(async move { Ok(collect(self.handler.record(&self.event, tx).await?)) })
    }
}

pub(crate) struct Performing<H> {
    handler: Arc<H>,
    spec: HandlerSpec,
}

impl<H: EffectHandler> Performing<H> {
    pub(crate) fn new(handler: H) -> Self {
        let spec = HandlerSpec {
            name: H::NAME,
            policy: H::POLICY,
            consumes: H::In::types(),
            emits: H::Out::types(),
            has_effects: true,
        };
        Performing { handler: Arc::new(handler), spec }
    }
}

impl<H: EffectHandler> Entry for Performing<H> {
    fn spec(&self) -> &HandlerSpec {
        &self.spec
    }

    fn job(&self, event_type: &str, payload: Bytes) -> Result<Box<dyn Job>, DecodeError> {
        let event = <H::In as Incoming>::decode(event_type, payload)?;
        Ok(Box::new(PerformingJob { handler: self.handler.clone(), event, progress: Progress::Received }))
    }
}

struct PerformingJob<H: EffectHandler> {
    handler: Arc<H>,
    event: H::In,
    progress: Progress<H>,
}

/// How far an event has come. What was performed is kept for as long as the event is held.
enum Progress<H: EffectHandler> {
    Received,
    Prepared(H::Plan),
    Performed(H::Plan, H::Response),
}

impl<H: EffectHandler> Job for PerformingJob<H> {
    fn keys(&self) -> ConcurrencyKeys {
        self.handler.keys(&self.event)
    }

    fn prepare<'a>(&'a mut self, db: &'a Reader<'a>) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async move {
            self.progress = Progress::Prepared(self.handler.prepare(&self.event, db).await?);
            Ok(())
        })
    }

    fn perform<'a>(&'a mut self, attempt: &'a Attempt) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async move {
            if let Progress::Prepared(plan) = &self.progress {
                let effect = self.handler.perform(plan, attempt).await?;
                if let Progress::Prepared(plan) = std::mem::replace(&mut self.progress, Progress::Received) {
                    self.progress = Progress::Performed(plan, effect);
                }
            }
            Ok(())
        })
    }

    fn record<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<Vec<Emitted>, Failed>> {
        Box::pin(async move {
            match &self.progress {
                Progress::Performed(plan, effect) => {
                    Ok(collect(self.handler.record(&self.event, plan, effect, tx).await?))
                }
                Progress::Received | Progress::Prepared(_) => Err(Failed {
                    error: "recorded before it was performed".to_owned(),
                    verdict: Verdict::Retry,
                }),
            }
        })
    }
}

fn collect(events: impl Emits) -> Vec<Emitted> {
    let mut emitted = Vec::new();
    events.emit(&mut emitted);
    emitted
}
