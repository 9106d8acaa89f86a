//! What is known of a handler without running it.

use crate::journal::is_report;
use crate::policy::Policy;
use crate::worker::handler::StartAt;

/// What is known of a handler without running it.
#[derive(Debug, Clone)]
pub struct HandlerSpec {
    /// [`Handler::NAME`](crate::Handler::NAME).
    pub name: &'static str,
    /// [`Handler::FORMER_NAMES`](crate::Handler::FORMER_NAMES).
    pub former_names: &'static [&'static str],
    /// [`Handler::START_AT`](crate::Handler::START_AT).
    pub start_at: StartAt,
    /// [`Handler::POLICY`](crate::Handler::POLICY), with the deployment's figures once a process runs it.
    pub policy: Policy,
    /// The event types that it consumes.
    pub consumes: Vec<&'static str>,
    /// The event types that it may emit.
    pub emits: Vec<&'static str>,
    /// Whether it has effects at external providers.
    pub has_effects: bool,
}

impl HandlerSpec {
    /// Its name and those that it had before.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        std::iter::once(self.name).chain(self.former_names.iter().copied()).collect()
    }

    /// Whether it consumes reports on how events ended. Then it makes none of its own, and none is too old for it: a report
    /// is as old as its event.
    pub(crate) fn consumes_reports(&self) -> bool {
        self.consumes.iter().any(|event_type| is_report(event_type))
    }
}
