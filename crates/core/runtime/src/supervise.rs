//! Keeps a process's tasks running. A task that panicked without anybody who notices would leave the process half alive.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use tokio::time::Instant;

use crate::backoff::Backoff;

/// Runs a task until it returns; starts it again when it panics. `task` must find its state in a usable condition then: what
/// the panic interrupted is dropped. Each restart is logged as an error, because a panic is a defect, and counted.
pub async fn supervised<F: Future<Output = ()>>(name: &'static str, mut task: impl FnMut() -> F) {
    let restarts: Counter<u64> = global::meter("despatch").u64_counter("despatch.task_restarts").build();
    let name_label = KeyValue::new("task", name);
    restarts.add(0, std::slice::from_ref(&name_label));
    let mut backoff = Backoff::new();
    loop {
        let began = Instant::now();
        if AssertUnwindSafe(async { task().await }).catch_unwind().await.is_ok() {
            return;
        }
        tracing::error!(task = name, "task panicked: starting it again");
        restarts.add(1, std::slice::from_ref(&name_label));
        if began.elapsed() > Backoff::LONGEST {
            backoff = Backoff::new();
        }
        backoff.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_runs_again_until_it_returns() {
        let starts = AtomicUsize::new(0);
        supervised("test", || async {
            assert!(starts.fetch_add(1, Ordering::Relaxed) >= 3, "told to panic");
        })
        .await;
        assert_eq!(starts.into_inner(), 4);
    }
}
