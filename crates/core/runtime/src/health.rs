//! What each part of a process is doing, so that readiness means "consuming".

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// The state of a process's parts: each handler, and each server that they need.
#[derive(Clone)]
pub struct Health {
    parts: Arc<Mutex<BTreeMap<String, PartState>>>,
    ready: watch::Sender<bool>,
}

/// What one part is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartState {
    /// At work.
    Ready,
    /// Cannot work, and why.
    NotReady(String),
}

impl Health {
    pub(crate) fn new() -> Self {
        Health { parts: Arc::default(), ready: watch::Sender::new(false) }
    }

    pub(crate) fn ready(&self, part: &str) {
        self.set(part, &PartState::Ready);
    }

    /// Says that a part cannot work; logged when it could before.
    pub(crate) fn not_ready(&self, part: &str, why: impl Into<String>) {
        self.set(part, &PartState::NotReady(why.into()));
    }

    fn set(&self, part: &str, state: &PartState) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = parts.insert(part.to_owned(), state.clone());
        match (&before, state) {
            (Some(PartState::NotReady(_)), PartState::Ready) => tracing::info!(part, "working again"),
            (Some(PartState::Ready), PartState::NotReady(why)) => tracing::warn!(part, why, "waiting"),
            (None, PartState::NotReady(why)) => tracing::debug!(part, why, "waiting"),
            _ => {}
        }
        let ready = parts.values().all(|state| *state == PartState::Ready);
        self.ready.send_if_modified(|was| std::mem::replace(was, ready) != ready);
    }

    /// Whether every part is at work.
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Returns once every part is at work.
    pub async fn until_ready(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Every part and its state, by name.
    pub fn parts(&self) -> BTreeMap<String, PartState> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
