//! When to stop: SIGTERM, or Ctrl-C.

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};

/// Returns when the process is asked to stop.
pub(crate) fn stop() -> impl Future<Output = std::io::Result<()>> {
    let terminate = signal(SignalKind::terminate());
    let interrupt = signal(SignalKind::interrupt());
    async move {
        let (mut terminate, mut interrupt) = (terminate?, interrupt?);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    }
}
