//! A worker: a name, a schema, and the handlers registered under it.

use std::sync::Arc;

use despatch_contracts::Emits;

use crate::handler::{EffectHandler, Handler};
use crate::job::{Entry, HandlerSpec, Performing, Recording};
use crate::migrate::Migration;
use crate::survey::SqlGauge;

/// A set of handlers that share a schema.
#[derive(Clone)]
pub struct Worker {
    pub(crate) name: &'static str,
    pub(crate) migrations: &'static [Migration],
    pub(crate) entries: Vec<Arc<dyn Entry>>,
    pub(crate) gauges: Vec<SqlGauge>,
    pub(crate) emits: Vec<&'static str>,
    pub(crate) reads: Vec<&'static str>,
}

impl Worker {
    /// A worker without handlers yet. `name` is also its schema's.
    pub fn new(name: &'static str, migrations: &'static [Migration]) -> Self {
        Worker {
            name,
            migrations,
            entries: Vec::new(),
            gauges: Vec::new(),
            emits: Vec::new(),
            reads: Vec::new(),
        }
    }

    /// Registers a handler that only records.
    #[must_use]
    pub fn handler(mut self, handler: impl Handler) -> Self {
        self.entries.push(Arc::new(Recording::new(handler)));
        self
    }

    /// Registers a handler that asks the outside.
    #[must_use]
    pub fn effect_handler(mut self, handler: impl EffectHandler) -> Self {
        self.entries.push(Arc::new(Performing::new(handler)));
        self
    }

    /// Has a gauge of its own looked up, besides those that every worker has.
    #[must_use]
    pub fn gauge(mut self, survey: SqlGauge) -> Self {
        self.gauges.push(survey);
        self
    }

    /// Says that the worker publishes these besides what its handlers return: by timers, or because they come in from
    /// outside. The broker lets it publish nothing else, where users have [permissions](crate::permissions).
    #[must_use]
    pub fn emits<E: Emits>(mut self) -> Self {
        self.emits.extend(E::types());
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

    /// What its handlers hear and emit.
    pub fn specs(&self) -> impl Iterator<Item = &HandlerSpec> {
        self.entries.iter().map(|entry| entry.spec())
    }
}
