//! A worker: a name, a schema, and the handlers registered under it.

use crate::db::register;
use crate::worker::ask::registered_ask;
use std::sync::Arc;

use despatch_contracts::{Emits, Event};

use crate::db::BatchedQuery;
use crate::journal::Migration;
use crate::worker::ask::{AskHandler, RegisteredAsk};
use crate::worker::erased::{RecordOnly, RegisteredHandler, WithEffects};
use crate::worker::gauge::SqlGauge;
use crate::worker::handler::{EffectHandler, Handler};
use crate::worker::provider::{ProviderCheck, RegisteredProvider, registered_provider};
use crate::worker::spec::HandlerSpec;
use crate::worker::timer::Timer;

/// A set of handlers that share a schema.
#[derive(Clone)]
pub struct Worker {
    pub(crate) name: &'static str,
    pub(crate) migrations: &'static [Migration],
    pub(crate) handlers: Vec<Arc<dyn RegisteredHandler>>,
    pub(crate) gauges: Vec<SqlGauge>,
    pub(crate) emits: Vec<&'static str>,
    pub(crate) queries: Vec<BatchedQuery>,
    pub(crate) asks: Vec<Arc<dyn RegisteredAsk>>,
    pub(crate) reads: Vec<&'static str>,
    pub(crate) providers: Vec<Arc<dyn RegisteredProvider>>,
}

impl Worker {
    /// A worker without handlers yet. `name` is also its schema's.
    pub fn new(name: &'static str, migrations: &'static [Migration]) -> Self {
        Worker {
            name,
            migrations,
            handlers: Vec::new(),
            gauges: Vec::new(),
            emits: Vec::new(),
            queries: Vec::new(),
            asks: Vec::new(),
            reads: Vec::new(),
            providers: Vec::new(),
        }
    }

    /// Registers a handler that only records.
    #[must_use]
    pub fn handler(mut self, handler: impl Handler) -> Self {
        self.handlers.push(Arc::new(RecordOnly::new(handler)));
        self
    }

    /// Registers a handler with effects at an external provider.
    #[must_use]
    pub fn effect_handler(mut self, handler: impl EffectHandler) -> Self {
        self.handlers.push(Arc::new(WithEffects::new(handler)));
        self
    }

    /// Registers what answers one kind of request of operators.
    #[must_use]
    pub fn ask(mut self, handler: impl AskHandler) -> Self {
        self.asks.push(registered_ask(handler));
        self
    }

    /// Adds a gauge of its own to those that every worker has.
    #[must_use]
    pub fn gauge(mut self, gauge: SqlGauge) -> Self {
        self.gauges.push(gauge);
        self
    }

    /// Registers the queries that its handlers batch. Each is prepared and checked when the worker starts; one that is not
    /// registered is refused.
    #[must_use]
    pub fn queries(mut self, queries: &[BatchedQuery]) -> Self {
        register(queries);
        self.queries.extend(queries);
        self
    }

    /// Registers the event type that handlers of the worker set timers for; the handlers hold what this returns.
    pub fn timer<E: Event>(&mut self) -> Timer<E> {
        self.emits.push(E::TYPE);
        Timer::new()
    }

    /// Says that the worker publishes these besides what its handlers return and its timers: what comes in from outside of
    /// the deployment. The broker lets it publish nothing else, where users have [permissions](crate::permissions).
    #[must_use]
    pub fn emits<E: Emits>(mut self) -> Self {
        self.emits.extend(E::types());
        self
    }

    /// Registers a provider that the worker needs, for `despatch doctor` to ask how it is.
    #[must_use]
    pub fn provider(mut self, check: impl ProviderCheck) -> Self {
        self.providers.push(registered_provider(check));
        self
    }

    /// The worker without its providers, for a deployment that has none yet.
    #[must_use]
    pub fn without_providers(mut self) -> Self {
        self.providers.clear();
        self
    }

    /// Says that the worker reads this other worker's tables, which only the edge does.
    #[must_use]
    pub fn reads(mut self, worker: &'static str) -> Self {
        self.reads.push(worker);
        self
    }

    /// The worker's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What its handlers consume and emit.
    pub fn specs(&self) -> impl Iterator<Item = &HandlerSpec> {
        self.handlers.iter().map(|handler| handler.spec())
    }
}
