//! Runs blocking work (searching PATH, installing, removing directories) off the async threads.

use std::panic::resume_unwind;

/// Runs `work` on a thread that may block; passes a panic on.
pub(crate) async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The task is never aborted, so only a panic can keep it from finishing.
        Err(error) => resume_unwind(error.into_panic()),
    }
}
