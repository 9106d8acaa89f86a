//! A worker: a name, a schema, and the handlers registered under it.

use std::sync::Arc;

use crate::handler::{Handler, OutsideHandler};
use crate::job::{Entry, Performing, Recording, Spec};
use crate::migrate::Migration;
use crate::survey::Survey;

/// A set of handlers that share a schema.
#[derive(Clone)]
pub struct Worker {
    pub(crate) name: &'static str,
    pub(crate) migrations: &'static [Migration],
    pub(crate) entries: Vec<Arc<dyn Entry>>,
    pub(crate) surveys: Vec<Survey>,
}

impl Worker {
    /// A worker without handlers yet. `name` is also its schema's.
    pub fn new(name: &'static str, migrations: &'static [Migration]) -> Self {
        Worker { name, migrations, entries: Vec::new(), surveys: Vec::new() }
    }

    /// Registers a handler that only records.
    #[must_use]
    pub fn handler(mut self, handler: impl Handler) -> Self {
        self.entries.push(Arc::new(Recording::new(handler)));
        self
    }

    /// Registers a handler that asks the outside.
    #[must_use]
    pub fn outside(mut self, handler: impl OutsideHandler) -> Self {
        self.entries.push(Arc::new(Performing::new(handler)));
        self
    }

    /// Has a gauge of its own looked up, besides those that every worker has.
    #[must_use]
    pub fn survey(mut self, survey: Survey) -> Self {
        self.surveys.push(survey);
        self
    }

    /// The worker's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What its handlers hear and emit.
    pub fn specs(&self) -> impl Iterator<Item = &Spec> {
        self.entries.iter().map(|entry| entry.spec())
    }
}
