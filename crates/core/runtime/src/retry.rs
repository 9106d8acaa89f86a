//! When to try again. The only module that knows the `backoff` crate.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

use crate::handler::Policy;

/// The wait after the `attempts`th try failed: exponential, with jitter of half either way.
pub(crate) fn wait_after(policy: &Policy, attempts: u32) -> Duration {
    let mut waits = exponential(policy.first_retry, policy.longest_retry);
    let mut wait = policy.first_retry;
    for _ in 0..attempts.max(1) {
        wait = waits.next_backoff().unwrap_or(policy.longest_retry);
    }
    wait
}

/// Waits for a server that is down: soon at first, then up to two seconds apart, for as long as it takes.
pub(crate) struct Patience(ExponentialBackoff);

impl Patience {
    pub(crate) fn new() -> Self {
        Patience(exponential(Duration::from_millis(50), Duration::from_secs(2)))
    }

    /// Waits for the next try.
    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.0.next_backoff().unwrap_or(Duration::from_secs(2))).await;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_grow_and_stay_in_bounds(attempts in 1_u32..30) {
            let policy = Policy::DEFAULT;
            let doubled = policy.first_retry * 2_u32.saturating_pow(attempts - 1);
            let expected = doubled.min(policy.longest_retry);
            let wait = wait_after(&policy, attempts);
            prop_assert!(wait >= expected / 2, "{wait:?} after {attempts}");
            prop_assert!(wait <= expected * 3 / 2 + Duration::from_millis(1), "{wait:?} after {attempts}");
        }
    }
}
