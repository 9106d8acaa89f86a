//! A provider's breaker as one process knows it, and the process's observations of the provider. The row in the worker's schema
//! is the truth for all processes; the scheduler carries news both ways with each tick.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use despatch_contracts::EventId;
use despatch_domain::Reason;
use tokio::time::Instant;

use crate::breaker::provider::ExternalProvider;

/// Characters of a provider's error that are kept.
const LONGEST_ERROR: usize = 500;

/// Refusals in a row that open the breaker. One is not enough, because a key may lack a right that few requests need.
const REFUSALS: u32 = 3;

/// Failures in a row, of more than one event, that open the breaker.
const FAILURES: u32 = 5;

/// How long such a row has to last. Requests that are under way together fail sooner than they are answered, so that a burst at
/// a provider that fails a tenth of them begins with the failures.
const LASTING: Duration = Duration::from_secs(2);

/// The state of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BreakerState {
    /// Every event may ask the provider.
    Closed,
    /// The provider serves us again. Held events go on at a limited rate, and new ones queue behind them.
    HalfOpen,
    /// One event at a time tries the provider; all others wait.
    Open,
}

impl BreakerState {
    const ALL: [BreakerState; 3] = [BreakerState::Closed, BreakerState::HalfOpen, BreakerState::Open];

    /// Returns the name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            BreakerState::Closed => "closed",
            BreakerState::HalfOpen => "half-open",
            BreakerState::Open => "open",
        }
    }

    /// Returns the state of a name; `None` if there is no such state.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// The breakers of one worker, by provider.
pub(crate) struct Breakers(BTreeMap<&'static str, Arc<Breaker>>);

impl Breakers {
    pub(crate) fn of(providers: impl Iterator<Item = ExternalProvider>) -> Self {
        Breakers(providers.map(|provider| (provider.name, Arc::new(Breaker::new(provider)))).collect())
    }

    pub(crate) fn get(&self, provider: &str) -> Option<&Arc<Breaker>> {
        self.0.get(provider)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Breaker>> {
        self.0.values()
    }

    pub(crate) fn providers(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }
}

/// A provider's breaker, as one process knows it.
pub(crate) struct Breaker {
    pub(crate) provider: ExternalProvider,
    state: AtomicU8,
    /// Whether an answer would be news. While it is not, an answered event takes no lock.
    awaits_answer: AtomicBool,
    news: Mutex<News>,
}

/// News of the provider since the scheduler's last tick.
#[derive(Default)]
struct News {
    observed: Observed,
    streak: Streak,
}

/// A process's observations of a provider.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// The failure that opened the breaker here.
    pub(crate) trip: Option<Trip>,
    /// Events that it answered, while that was of interest.
    pub(crate) answers: u32,
    /// The last failure.
    pub(crate) failure: Option<String>,
}

/// Why a breaker opens.
#[derive(Debug, Clone)]
pub(crate) struct Trip {
    pub(crate) reason: Reason,
    pub(crate) error: String,
}

/// Failures since the last answer.
#[derive(Default)]
struct Streak {
    refusals: u32,
    failures: u32,
    first: Option<(EventId, Instant)>,
    several: bool,
}

impl Streak {
    /// Counts a failure, and returns whether the breaker opens.
    fn add(&mut self, reason: Reason, event: EventId) -> bool {
        let now = Instant::now();
        let (first, since) = *self.first.get_or_insert((event, now));
        self.failures += 1;
        self.refusals += u32::from(reason == Reason::ProviderRefused);
        self.several |= first != event;
        let lasts = now - since >= LASTING;
        self.refusals >= REFUSALS || (self.failures >= FAILURES && self.several && lasts)
    }
}

impl Breaker {
    fn new(provider: ExternalProvider) -> Self {
        Breaker {
            provider,
            state: AtomicU8::new(BreakerState::Closed as u8),
            awaits_answer: AtomicBool::new(false),
            news: Mutex::default(),
        }
    }

    /// Returns the name in the health report, e.g. `payments.stripe`.
    pub(crate) fn part(&self, worker: &str) -> String {
        format!("{worker}.{}", self.provider.name)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is(BreakerState::Closed)
    }

    fn is(&self, state: BreakerState) -> bool {
        self.state.load(Ordering::Relaxed) == state as u8
    }

    /// Notes that the provider answered an event, whatever it said.
    pub(crate) fn answered(&self) {
        if !self.awaits_answer.load(Ordering::Relaxed) {
            return;
        }
        let mut news = self.news();
        news.streak = Streak::default();
        news.observed.answers += 1;
        self.awaits_answer.store(!self.is_closed(), Ordering::Relaxed);
    }

    /// Notes that the provider refused us or failed. Enough of that in a row opens the breaker.
    pub(crate) fn failed(&self, reason: Reason, event: EventId, error: &str) {
        // PostgreSQL's text holds no NUL, and the provider may have said anything.
        let error: String = error.chars().filter(|c| *c != '\0').take(LONGEST_ERROR).collect();
        let mut news = self.news();
        self.awaits_answer.store(true, Ordering::Relaxed);
        news.observed.failure = Some(error.clone());
        if news.streak.add(reason, event) && !self.is(BreakerState::Open) {
            news.observed.trip = Some(Trip { reason, error });
            self.set(BreakerState::Open, &mut news);
        }
    }

    /// Takes what was seen since the last call.
    pub(crate) fn take_observed(&self) -> Observed {
        std::mem::take(&mut self.news().observed)
    }

    /// Learns the state of the row, and returns whether it is news. A trip that is not in the row yet holds.
    pub(crate) fn learn(&self, state: BreakerState) -> bool {
        let mut news = self.news();
        let is_new = news.observed.trip.is_none() && !self.is(state);
        if is_new {
            self.set(state, &mut news);
        }
        is_new
    }

    fn set(&self, state: BreakerState, news: &mut News) {
        news.streak = Streak::default();
        self.state.store(state as u8, Ordering::Relaxed);
        self.awaits_answer.store(state != BreakerState::Closed, Ordering::Relaxed);
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use despatch_domain::ProviderKind;

    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(ExternalProvider { name: "stripe", kind: ProviderKind::Payment })
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_open_it_soon_and_one_failing_event_never_does() {
        let (refused, failing) = (breaker(), breaker());
        let event = EventId::new();
        for n in 1..=20 {
            refused.failed(Reason::ProviderRefused, event, "401");
            failing.failed(Reason::ProviderDown, event, "500");
            assert_eq!(refused.is_closed(), n < REFUSALS);
            assert!(failing.is_closed());
            tokio::time::advance(LASTING).await;
        }
        failing.failed(Reason::ProviderDown, EventId::new(), "500");
        assert!(failing.is(BreakerState::Open));
        assert!(failing.take_observed().trip.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_of_requests_that_were_under_way_together_open_nothing() {
        let breaker = breaker();
        for _ in 0..100 {
            breaker.failed(Reason::ProviderDown, EventId::new(), "503");
        }
        assert!(breaker.is_closed());
        tokio::time::advance(LASTING).await;
        breaker.failed(Reason::ProviderDown, EventId::new(), "503");
        assert!(breaker.is(BreakerState::Open));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_between_begins_the_count_again() {
        let breaker = breaker();
        for _ in 0..50 {
            for _ in 1..FAILURES {
                breaker.failed(Reason::ProviderDown, EventId::new(), "timeout");
                tokio::time::advance(LASTING).await;
            }
            breaker.answered();
        }
        assert!(breaker.is_closed());
    }

    #[test]
    fn a_trip_holds_until_it_is_in_the_row() {
        let breaker = breaker();
        for _ in 0..REFUSALS {
            breaker.failed(Reason::ProviderRefused, EventId::new(), "401");
        }
        breaker.learn(BreakerState::Closed);
        assert!(breaker.is(BreakerState::Open));
        drop(breaker.take_observed());
        breaker.learn(BreakerState::HalfOpen);
        assert!(breaker.is(BreakerState::HalfOpen));
        breaker.answered();
        assert_eq!(breaker.take_observed().answers, 1);
    }
}
