//! Waiting for a condition, never for a time to pass.

use std::time::{Duration, Instant};

/// How long anything may take on a busy machine before its test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(180);

/// Looks again and again until there is something to see; fails the test at the deadline.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
