//! Limits the requests of each sender, so that none takes the others' share.

use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::http::error::ApiError;

/// The number of counters from which those of idle senders are forgotten.
const MANY: usize = 10_000;

/// The remaining requests of each sender. Only authenticated senders have a counter: API keys, shops, and customers with a
/// signed link.
pub(crate) struct Limits(Option<RateLimiter<String, HashMapStateStore<String>, DefaultClock>>);

impl Limits {
    /// Allows this many requests per second for each sender, and as many at once; 0 for any number.
    pub(crate) fn new(per_second: u32) -> Self {
        let limit = NonZeroU32::new(per_second);
        Limits(limit.map(|limit| RateLimiter::hashmap(Quota::per_second(limit))))
    }

    /// Allows this many requests per minute for each sender, and as many at once.
    pub(crate) fn per_minute(limit: NonZeroU32) -> Self {
        Limits(Some(RateLimiter::hashmap(Quota::per_minute(limit))))
    }

    /// Takes one of the sender's remaining requests.
    pub(crate) fn admit(&self, sender: &str) -> Result<(), ApiError> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        if limiter.len() > MANY {
            limiter.retain_recent();
        }
        limiter.check_key(&sender.to_owned()).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            ApiError::TooMany { retry_after_seconds: wait.as_secs() + 1 }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sender_has_a_limit_of_its_own() {
        let limits = Limits::new(3);
        for _ in 0..3 {
            assert_eq!(limits.admit("north"), Ok(()));
        }
        assert_eq!(limits.admit("north"), Err(ApiError::TooMany { retry_after_seconds: 1 }));
        assert_eq!(limits.admit("south"), Ok(()));
    }

    #[test]
    fn senders_that_are_idle_are_forgotten() {
        let limits = Limits::new(u32::MAX);
        for sender in 0..3 * MANY {
            assert_eq!(limits.admit(&sender.to_string()), Ok(()));
        }
        let counters = limits.0.as_ref().map_or(0, RateLimiter::len);
        assert!(counters <= MANY + 1, "{counters}");
    }

    #[test]
    fn zero_is_no_limit() {
        let limits = Limits::new(0);
        assert!((0..10_000).all(|_| limits.admit("north").is_ok()));
    }
}
