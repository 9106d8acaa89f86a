//! When to try again. The only module that knows the `backoff` crate.

use std::time::Duration;

use backoff::backoff::Backoff as _;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// The delay after the `tries`th try failed: `first`, doubled each time up to `longest`, with jitter of half either way.
pub(crate) fn exponential_delay(first: Duration, longest: Duration, tries: u32) -> Duration {
    let mut delays = exponential(first, longest);
    let mut delay = first;
    for _ in 0..tries.max(1) {
        delay = delays.next_backoff().unwrap_or(longest);
    }
    delay
}

/// Waits for a server that is down: soon at first, then up to two seconds apart, for as long as it takes.
pub(crate) struct Backoff(ExponentialBackoff);

/// The longest wait for a server between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

impl Backoff {
    pub(crate) fn new() -> Self {
        Backoff(exponential(Duration::from_millis(50), LONGEST_WAIT))
    }

    /// Waits for the next try.
    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.0.next_backoff().unwrap_or(LONGEST_WAIT)).await;
    }
}

fn exponential(first: Duration, longest: Duration) -> ExponentialBackoff {
    ExponentialBackoffBuilder::new()
        .with_initial_interval(first)
        .with_max_interval(longest)
        .with_multiplier(2.0)
        .with_randomization_factor(0.5)
        .with_max_elapsed_time(None)
        .build()
}
