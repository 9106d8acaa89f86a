//! Providers: which one a handler needs, and how long its events can wait for it.

use std::time::Duration;

use despatch_domain::ProviderKind;

use crate::backoff::jitter;

/// An external provider that a handler needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExternalProvider {
    /// The name, e.g. `stripe`. Handlers of a worker that name the same provider share its circuit breaker.
    pub name: &'static str,
    /// The kind, which decides how long events can wait for it.
    pub kind: ProviderKind,
}

impl ExternalProvider {
    /// Returns the provider of this name and kind.
    pub const fn new(name: &'static str, kind: ProviderKind) -> Self {
        ExternalProvider { name, kind }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

const HOUR: Duration = Duration::from_secs(3600);

/// How long events can wait for a provider that serves others, and how often it is tried meanwhile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProviderBackoff {
    /// Wait before the second try.
    first: Duration,
    /// Longest wait between two tries.
    longest: Duration,
    /// Age at which an event is given up.
    pub(crate) give_up: Duration,
}

impl ProviderBackoff {
    /// Returns the backoff with a provider of this kind.
    ///
    /// A mail is tried about every half hour, for five days (RFC 5321, section 4.5.4.1).
    pub(crate) fn with(kind: Option<ProviderKind>) -> Self {
        let (longest, give_up) = match kind {
            Some(ProviderKind::Mail) => (30 * MINUTE, 5 * 24 * HOUR),
            Some(ProviderKind::Payment | ProviderKind::Carrier | ProviderKind::Webhook) | None => {
                (5 * MINUTE, 12 * HOUR)
            }
        };
        ProviderBackoff { first: Duration::from_secs(1), longest, give_up }
    }

    /// Returns the backoff for an event that the provider puts off while it serves others at once.
    pub(crate) fn put_off(self) -> Self {
        ProviderBackoff { first: MINUTE, ..self }
    }

    /// Returns the wait before the next try of an event that has waited this long: about as long again, within bounds.
    pub(crate) fn wait(self, waited: Duration) -> Duration {
        jitter(waited.clamp(self.first, self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_tried_for_days_and_at_least_every_three_quarters_of_an_hour() {
        let backoff = ProviderBackoff::with(Some(ProviderKind::Mail));
        let (mut waited, mut tries) = (Duration::ZERO, 0);
        while waited < backoff.give_up {
            let wait = backoff.wait(waited);
            assert!(wait <= 45 * MINUTE, "{wait:?} after {waited:?}");
            waited += wait;
            tries += 1;
        }
        assert!((160..500).contains(&tries), "{tries} tries in five days");
    }

    #[test]
    fn a_mail_that_is_put_off_is_left_alone_for_a_while() {
        let backoff = ProviderBackoff::with(Some(ProviderKind::Mail)).put_off();
        assert!(backoff.wait(Duration::ZERO) >= MINUTE / 2);
    }
}
