//! Type erasure: binds one event to its handler and hides the handler's types from the pipeline.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use despatch_contracts::{DecodeError, Emits, Emitted, Incoming};

use crate::db::{ConcurrencyKeys, Reader};
use crate::journal::Attempt;
use crate::worker::handler::{EffectHandler, Handler};
use crate::worker::spec::HandlerSpec;
use crate::worker::tx::Tx;
use crate::worker::verdict::{Failed, Verdict};

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A registered handler.
pub(crate) trait RegisteredHandler: Send + Sync {
    fn spec(&self) -> &HandlerSpec;
    /// Decodes an event of a type that the handler consumes.
    fn bind(&self, event_type: &str, payload: Bytes) -> Result<Box<dyn BoundEvent>, DecodeError>;
}

/// One event bound to its handler. `prepare` and `perform` run before `record`, and only if
/// [`HandlerSpec::has_effects`].
pub(crate) trait BoundEvent: Send + Sync {
    fn keys(&self) -> ConcurrencyKeys;
    fn prepare<'a>(&'a mut self, db: &'a Reader<'a>) -> BoxFuture<'a, Result<(), Failed>>;
    /// Returns whether [`perform`](BoundEvent::perform) asks the provider, by what was prepared.
    fn asks_provider(&self) -> bool;
    fn perform<'a>(&'a mut self, attempt: &'a Attempt) -> BoxFuture<'a, Result<(), Failed>>;
    fn record<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<Vec<Emitted>, Failed>>;
}

pub(crate) struct RecordOnly<H> {
    handler: Arc<H>,
    spec: HandlerSpec,
}

impl<H: Handler> RecordOnly<H> {
    pub(crate) fn new(handler: H) -> Self {
        let spec = HandlerSpec {
            name: H::NAME,
            former_names: H::FORMER_NAMES,
            start_at: H::START_AT,
            policy: H::POLICY,
            consumes: H::In::types(),
            emits: H::Out::types(),
            has_effects: false,
            provider: None,
        };
        RecordOnly { handler: Arc::new(handler), spec }
    }
}

impl<H: Handler> RegisteredHandler for RecordOnly<H> {
    fn spec(&self) -> &HandlerSpec {
        &self.spec
    }

    fn bind(&self, event_type: &str, payload: Bytes) -> Result<Box<dyn BoundEvent>, DecodeError> {
        let event = <H::In as Incoming>::decode(event_type, payload)?;
        Ok(Box::new(RecordOnlyEvent { handler: self.handler.clone(), event }))
    }
}

struct RecordOnlyEvent<H: Handler> {
    handler: Arc<H>,
    event: H::In,
}

impl<H: Handler> BoundEvent for RecordOnlyEvent<H> {
    fn keys(&self) -> ConcurrencyKeys {
        self.handler.keys(&self.event)
    }

    fn prepare<'a>(&'a mut self, _: &'a Reader<'a>) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async { Ok(()) })
    }

    fn asks_provider(&self) -> bool {
        false
    }

    fn perform<'a>(&'a mut self, _: &'a Attempt) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async { Ok(()) })
    }

    fn record<'a>(&'a self, tx: &'a Tx<'a>) -> BoxFuture<'a, Result<Vec<Emitted>, Failed>> {
        Box::pin(async move { Ok(collect(self.handler.record(&self.event, tx).await?)) })
    }
}

pub(crate) struct WithEffects<H> {
    handler: Arc<H>,
    spec: HandlerSpec,
}

impl<H: EffectHandler> WithEffects<H> {
    pub(crate) fn new(handler: H) -> Self {
        let spec = HandlerSpec {
            name: H::NAME,
            former_names: H::FORMER_NAMES,
            start_at: H::START_AT,
            policy: H::POLICY,
            consumes: H::In::types(),
            emits: H::Out::types(),
            has_effects: true,
            provider: H::PROVIDER,
        };
        WithEffects { handler: Arc::new(handler), spec }
    }
}

impl<H: EffectHandler> RegisteredHandler for WithEffects<H> {
    fn spec(&self) -> &HandlerSpec {
        &self.spec
    }

    fn bind(&self, event_type: &str, payload: Bytes) -> Result<Box<dyn BoundEvent>, DecodeError> {
        let event = <H::In as Incoming>::decode(event_type, payload)?;
        Ok(Box::new(WithEffectsEvent { handler: self.handler.clone(), event, progress: Progress::Received }))
    }
}

struct WithEffectsEvent<H: EffectHandler> {
    handler: Arc<H>,
    event: H::In,
    progress: Progress<H>,
}

/// The progress of an event. A performed result is kept as long as the event is in flight.
enum Progress<H: EffectHandler> {
    Received,
    Prepared(H::Plan),
    Performed(H::Plan, H::Response),
}

impl<H: EffectHandler> BoundEvent for WithEffectsEvent<H> {
    fn keys(&self) -> ConcurrencyKeys {
        self.handler.keys(&self.event)
    }

    fn prepare<'a>(&'a mut self, db: &'a Reader<'a>) -> BoxFuture<'a, Result<(), Failed>> {
        Box::pin(async move {
            // An earlier plan is of no use any more, and may hold what this one needs.
            self.progress = Progress::Received;
            self.progress = Progress::Prepared(self.handler.prepare(&self.event, db).await?);
            Ok(())
        })
    }

    fn asks_provider(&self) -> bool {
        match &self.progress {
            Progress::Prepared(plan) => self.handler.asks_provider(plan),
            Progress::Received | Progress::Performed(..) => false,
        }
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
