//! A worker: a name, a schema, and the handlers registered under it.

use crate::db::register;
use crate::worker::ask::registered_ask;
use std::sync::Arc;

use despatch_contracts::provider::{ProviderFailed, ProviderRecovered};
use despatch_contracts::{Emits, Event};

use crate::db::BatchedQuery;
use crate::journal::Migration;
use crate::worker::ask::{AskHandler, RegisteredAsk};
use crate::worker::erased::{RecordOnly, RegisteredHandler, WithEffects};
use crate::worker::gauge::SqlGauge;
use crate::worker::handler::{EffectHandler, Handler};
use crate::worker::provider::{ProviderCheck, RegisteredProvider, registered_provider};
use crate::worker::retention::Retention;
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
    pub(crate) retentions: Vec<Retention>,
}

impl Worker {
    /// Creates a worker without handlers. `name` is also the name of its schema.
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
            retentions: Vec::new(),
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
        let handler = WithEffects::new(handler);
        if handler.spec().provider.is_some() && !self.emits.contains(&ProviderFailed::TYPE) {
            self.emits.extend([ProviderFailed::TYPE, ProviderRecovered::TYPE]);
        }
        self.handlers.push(Arc::new(handler));
        self
    }

    /// Registers the answer to one kind of operators' requests.
    #[must_use]
    pub fn ask(mut self, handler: impl AskHandler) -> Self {
        self.asks.push(registered_ask(handler));
        self
    }

    /// Adds a gauge to those that every worker has.
    #[must_use]
    pub fn gauge(mut self, gauge: SqlGauge) -> Self {
        self.gauges.push(gauge);
        self
    }

    /// Declares rows that are pruned some time after they were last needed. The runtime prunes them in small steps.
    #[must_use]
    pub fn prunes(mut self, retentions: impl IntoIterator<Item = Retention>) -> Self {
        self.retentions.extend(retentions);
        self
    }

    /// Registers the queries that handlers batch. The runtime prepares and checks each when the worker starts, and
    /// refuses a batched query that is not registered.
    #[must_use]
    pub fn queries(mut self, queries: &[BatchedQuery]) -> Self {
        register(queries);
        self.queries.extend(queries);
        self
    }

    /// Registers an event type for which handlers set timers. The handlers keep the returned [`Timer`].
    pub fn timer<E: Event>(&mut self) -> Timer<E> {
        self.emits.push(E::TYPE);
        Timer::new()
    }

    /// Declares event types that the worker publishes besides its handlers' follow-ons and its timers: those of input
    /// from outside of the deployment. Where NATS users have [permissions](crate::permissions), the broker refuses all
    /// other events.
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

    /// Declares that the worker reads the tables of another worker. Only the edge does so.
    #[must_use]
    pub fn reads(mut self, worker: &'static str) -> Self {
        self.reads.push(worker);
        self
    }

    /// Returns the worker's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the properties of its handlers.
    pub fn specs(&self) -> impl Iterator<Item = &HandlerSpec> {
        self.handlers.iter().map(|handler| handler.spec())
    }
}
