//! What each part of a process is doing, so that readiness means "consuming".

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// The state of a process's parts: each handler, and each server that they need.
#[derive(Clone)]
pub struct Health {
    parts: Arc<Mutex<BTreeMap<String, State>>>,
    ready: watch::Sender<bool>,
}

/// What one part is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// At work.
    Working,
    /// Cannot work, and why.
    Waiting(String),
}

impl Health {
    pub(crate) fn new() -> Self {
        Health { parts: Arc::default(), ready: watch::Sender::new(false) }
    }

    pub(crate) fn working(&self, part: &str) {
        self.set(part, &State::Working);
    }

    /// Says that a part cannot work; logged when it could before.
    pub(crate) fn waiting(&self, part: &str, why: impl Into<String>) {
        self.set(part, &State::Waiting(why.into()));
    }

    fn set(&self, part: &str, state: &State) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = parts.insert(part.to_owned(), state.clone());
        match (&before, state) {
            (Some(State::Waiting(_)), State::Working) => tracing::info!(part, "working again"),
            (Some(State::Working), State::Waiting(why)) => tracing::warn!(part, why, "waiting"),
            (None, State::Waiting(why)) => tracing::debug!(part, why, "waiting"),
            _ => {}
        }
        let ready = parts.values().all(|state| *state == State::Working);
        self.ready.send_if_modified(|was| std::mem::replace(was, ready) != ready);
    }

    /// Whether every part is at work.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Returns once every part is at work.
    pub async fn ready(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Every part and its state, by name.
    pub fn parts(&self) -> BTreeMap<String, State> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
