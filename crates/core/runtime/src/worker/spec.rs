//! A handler's properties, known without running it.

use crate::breaker::ExternalProvider;
use crate::journal::is_report;
use crate::policy::Policy;
use crate::worker::handler::StartAt;

/// A handler's properties, known without running it.
#[derive(Debug, Clone)]
pub struct HandlerSpec {
    /// The name; see [`Handler::NAME`](crate::Handler::NAME).
    pub name: &'static str,
    /// Earlier names; see [`Handler::FORMER_NAMES`](crate::Handler::FORMER_NAMES).
    pub former_names: &'static [&'static str],
    /// The place where the consumer begins; see [`Handler::START_AT`](crate::Handler::START_AT).
    pub start_at: StartAt,
    /// The limits; see [`Handler::POLICY`](crate::Handler::POLICY). In a running process they include the deployment's
    /// values.
    pub policy: Policy,
    /// The event types that the handler consumes.
    pub consumes: Vec<&'static str>,
    /// The event types that the handler may emit.
    pub emits: Vec<&'static str>,
    /// Whether the handler has effects at external providers.
    pub has_effects: bool,
    /// The provider that the handler asks; see [`EffectHandler::PROVIDER`](crate::EffectHandler::PROVIDER).
    pub provider: Option<ExternalProvider>,
}

impl HandlerSpec {
    /// Returns the current name and the earlier ones.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        std::iter::once(self.name).chain(self.former_names.iter().copied()).collect()
    }

    /// Returns whether the handler consumes reports on how events ended. Such a handler makes no reports of its own. No
    /// report is too old for it, because a report is as old as its event.
    pub(crate) fn consumes_reports(&self) -> bool {
        self.consumes.iter().any(|event_type| is_report(event_type))
    }
}
