//! Catches panics, so that a panic fails its own event only.

use crate::worker::{Failed, Verdict};
use futures_util::future::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;

/// Runs a handler and turns its panic into a failure of its own event.
pub(crate) async fn guarded<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => Err(panicked(panic.as_ref())),
    }
}

/// Returns the failure of the event whose handler panicked.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Failed {
    let said = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Failed { error: format!("the handler panicked: {said}"), verdict: Verdict::Retry }
}
