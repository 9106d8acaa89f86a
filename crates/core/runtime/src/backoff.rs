//! Waits between tries. The only module that uses the `backoff` crate.

use std::time::Duration;

use backoff::backoff::Backoff as _;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// Returns the delay after the `tries`th failed try: `first`, doubled each time up to `longest`, with a jitter of ±50
/// %.
pub(crate) fn exponential_delay(first: Duration, longest: Duration, tries: u32) -> Duration {
    let mut delays = exponential(first, longest);
    let mut delay = first;
    for _ in 0..tries.max(1) {
        delay = delays.next_backoff().unwrap_or(longest);
    }
    delay
}

/// Waits between tries to reach a server that is down. The waits grow to a second; the number of tries is unlimited.
pub(crate) struct Backoff(ExponentialBackoff);

impl Backoff {
    /// The longest wait between two tries.
    pub(crate) const LONGEST: Duration = Duration::from_secs(1);

    pub(crate) fn new() -> Self {
        Backoff(exponential(Duration::from_millis(50), Self::LONGEST))
    }

    /// Waits until the next try is due.
    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.0.next_backoff().unwrap_or(Self::LONGEST)).await;
    }
}

/// Returns the wait with a jitter of ±50 %.
pub(crate) fn jitter(wait: Duration) -> Duration {
    exponential_delay(wait, wait, 1)
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
