//! Work that blocks (searching PATH, installing, removing directories), kept off the async threads.

use std::panic::resume_unwind;

/// Runs `work` on a thread that may block; a panic in it goes on here.
pub(crate) async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The task is never aborted, so a panic is the only way for it not to finish.
        Err(error) => resume_unwind(error.into_panic()),
    }
}
