//! A handler's limits: tries, waits, deadlines, batch sizes.

use std::time::Duration;

use crate::backoff::exponential_delay;

/// A handler's limits: tries, waits, deadlines, batch sizes.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Tries before the event becomes dead, the first one included.
    pub attempts: u32,
    /// Wait before the second try. It doubles with each try, with jitter.
    pub first_retry: Duration,
    /// Longest wait between two tries.
    pub longest_retry: Duration,
    /// Wait before an event that came too early is handled again; see [`Verdict::NotYet`](crate::Verdict::NotYet).
    pub not_yet: Duration,
    /// Longest time that an event may be deferred before it becomes dead.
    pub defer_deadline: Duration,
    /// Most events recorded in one transaction.
    pub batch: usize,
    /// Most events performed at once.
    pub concurrency: usize,
    /// Starts without an outcome after which a redelivered event counts as a poison event, one that crashes its
    /// process.
    pub max_crashes: u32,
}

impl Policy {
    /// 8 attempts, 1 s to 5 min apart; deferrals of 250 ms for at most an hour; batches of at most 256; 64 performed at
    /// once; 3 crashes.
    pub const DEFAULT: Policy = Policy {
        attempts: 8,
        first_retry: Duration::from_secs(1),
        longest_retry: Duration::from_secs(300),
        not_yet: Duration::from_millis(250),
        defer_deadline: Duration::from_secs(3600),
        batch: 256,
        concurrency: 64,
        max_crashes: 3,
    };

    /// Returns the wait after the `attempts`th try failed: exponential, with a jitter of ±50 %.
    pub(crate) fn retry_delay(&self, attempts: u32) -> Duration {
        exponential_delay(self.first_retry, self.longest_retry, attempts)
    }
}

/// A deployment's own limits for one handler. `None` keeps the author's value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyOverride {
    /// See [`Policy::attempts`].
    pub attempts: Option<u32>,
    /// See [`Policy::first_retry`].
    pub first_retry: Option<Duration>,
    /// See [`Policy::longest_retry`].
    pub longest_retry: Option<Duration>,
    /// See [`Policy::not_yet`].
    pub not_yet: Option<Duration>,
    /// See [`Policy::defer_deadline`].
    pub defer_deadline: Option<Duration>,
    /// See [`Policy::batch`].
    pub batch: Option<usize>,
    /// See [`Policy::concurrency`].
    pub concurrency: Option<usize>,
    /// See [`Policy::max_crashes`].
    pub max_crashes: Option<u32>,
}

impl PolicyOverride {
    /// Returns the policy with the deployment's limits in place of the author's. Counts are at least 1.
    pub(crate) fn apply(&self, policy: Policy) -> Policy {
        Policy {
            attempts: self.attempts.unwrap_or(policy.attempts).max(1),
            first_retry: self.first_retry.unwrap_or(policy.first_retry),
            longest_retry: self.longest_retry.unwrap_or(policy.longest_retry),
            not_yet: self.not_yet.unwrap_or(policy.not_yet),
            defer_deadline: self.defer_deadline.unwrap_or(policy.defer_deadline),
            batch: self.batch.unwrap_or(policy.batch).max(1),
            concurrency: self.concurrency.unwrap_or(policy.concurrency).max(1),
            max_crashes: self.max_crashes.unwrap_or(policy.max_crashes).max(1),
        }
    }
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
            let wait = policy.retry_delay(attempts);
            prop_assert!(wait >= expected / 2, "{wait:?} after {attempts}");
            prop_assert!(wait <= expected * 3 / 2 + Duration::from_millis(1), "{wait:?} after {attempts}");
        }
    }

    #[test]
    fn an_override_changes_what_it_names() {
        let tuned = PolicyOverride { attempts: Some(0), batch: Some(7), ..PolicyOverride::default() }
            .apply(Policy::DEFAULT);
        assert_eq!((tuned.attempts, tuned.batch, tuned.concurrency), (1, 7, Policy::DEFAULT.concurrency));
    }
}
