//! The health of a process's parts. Readiness means that every handler consumes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// The state of a process's parts: each handler, and each server that they need.
#[derive(Clone)]
pub struct Health {
    parts: Arc<Mutex<Parts>>,
    ready: watch::Sender<bool>,
}

#[derive(Default)]
struct Parts {
    states: BTreeMap<String, PartState>,
    /// The parts that have been ready at least once. Only these can be lost and recover.
    started: BTreeSet<String>,
    /// Whether the process stops. Then its parts end as expected.
    stopping: bool,
}

/// The state of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartState {
    /// At work.
    Ready,
    /// At work as far as this allows: other parts, or other events, go on. It does not make the process unready.
    Degraded(String),
    /// Unable to work, for this reason.
    NotReady(String),
}

impl PartState {
    /// Returns whether the part lets the process be ready.
    pub fn is_ready(&self) -> bool {
        !matches!(self, PartState::NotReady(_))
    }
}

impl Health {
    pub(crate) fn new() -> Self {
        Health { parts: Arc::default(), ready: watch::Sender::new(false) }
    }

    /// Notes that a part is at work. Logs it at info level if the part had been lost.
    pub(crate) fn ready(&self, part: &str) {
        self.set(part, PartState::Ready);
    }

    /// Notes that a part cannot work. Logs it as a warning if the part had been ready and the process does not stop.
    pub(crate) fn not_ready(&self, part: &str, why: impl Into<String>) {
        self.set(part, PartState::NotReady(why.into()));
    }

    /// Notes that a part works with a restriction. Logs it as a warning if the part had none before.
    pub fn degraded(&self, part: &str, why: impl Into<String>) {
        self.set(part, PartState::Degraded(why.into()));
    }

    /// Creates the health of a command that ends by itself: a connection that it closes is no alarm.
    pub(crate) fn of_a_command() -> Self {
        let health = Health::new();
        health.stopping();
        health
    }

    /// Notes that the process stops, so that its parts end without a warning.
    pub(crate) fn stopping(&self) {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).stopping = true;
    }

    fn set(&self, part: &str, state: PartState) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let started = parts.started.contains(part);
        let changed = parts.states.get(part) != Some(&state);
        match &state {
            PartState::Ready if changed && started => tracing::info!(part, "part recovered"),
            PartState::Ready if changed => tracing::debug!(part, "part ready"),
            PartState::Degraded(why)
                if changed && !matches!(parts.states.get(part), Some(PartState::Degraded(_))) =>
            {
                tracing::warn!(part, why, "part degraded");
            }
            PartState::NotReady(why)
                if started && !parts.stopping && parts.states.get(part).is_some_and(PartState::is_ready) =>
            {
                tracing::warn!(part, why, "part not ready");
            }
            PartState::NotReady(why) if changed => tracing::debug!(part, why, "part not ready"),
            _ => {}
        }
        if state.is_ready() && !started {
            parts.started.insert(part.to_owned());
        }
        parts.states.insert(part.to_owned(), state);
        let ready = parts.states.values().all(PartState::is_ready);
        self.ready.send_if_modified(|was| std::mem::replace(was, ready) != ready);
    }

    /// Returns whether every part is at work.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Waits until every part is at work.
    pub async fn until_ready(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Returns every part and its state, by name.
    pub fn parts(&self) -> BTreeMap<String, PartState> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).states.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degraded_part_leaves_the_process_ready() {
        let health = Health::new();
        health.ready("nats");
        health.degraded("stripe", "refuses our key");
        assert!(health.is_ready());
        health.not_ready("nats", "disconnected");
        assert!(!health.is_ready());
    }
}
