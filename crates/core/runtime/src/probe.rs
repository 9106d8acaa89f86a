//! Asks whether something works by doing it: shared by all who want to know, and not at all while real work succeeds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// How long real work that succeeded answers the question.
const FRESH: Duration = Duration::from_secs(5);

/// How long a probe's answer holds for all who ask.
const SHARED: Duration = Duration::from_secs(1);

/// How long a probe may take.
const DEADLINE: Duration = Duration::from_secs(3);

/// A question that is answered by real work, or by a probe.
pub(crate) struct Probe {
    began: Instant,
    /// When real work succeeded last, in milliseconds since the beginning; 0 if it never did.
    worked: AtomicU64,
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Probe {
    pub(crate) fn new() -> Self {
        Probe { began: Instant::now(), worked: AtomicU64::new(0), last: Mutex::new(None) }
    }

    /// Notes that real work has succeeded.
    pub(crate) fn note_success(&self) {
        self.worked.store(self.millis().max(1), Ordering::Relaxed);
    }

    /// Returns whether it works, or why not. At most one probe runs at a time, and one each second. If dropped early, the
    /// next who asks begins another.
    pub(crate) async fn ask(&self, probe: impl Future<Output = Result<(), String>>) -> Result<(), String> {
        let is_fresh = |worked| worked > 0 && self.millis().saturating_sub(worked) < as_millis(FRESH);
        if is_fresh(self.worked.load(Ordering::Relaxed)) {
            return Ok(());
        }
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < SHARED
        {
            return answer.clone();
        }
        let late = |_| Err(format!("no answer within {DEADLINE:?}"));
        let answer = timeout(DEADLINE, probe).await.unwrap_or_else(late);
        *last = Some((Instant::now(), answer.clone()));
        answer
    }

    fn millis(&self) -> u64 {
        as_millis(self.began.elapsed())
    }
}

fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_probe_a_second_answers_all_and_real_work_needs_none() {
        let (probe, probes) = (Probe::new(), Cell::new(0));
        let ask = || {
            probe.ask(async {
                probes.set(probes.get() + 1);
                Err("the disk is full".to_owned())
            })
        };
        let answers = join_all((0..100).map(|_| ask())).await;
        assert!(answers.iter().all(|answer| answer == &Err("the disk is full".to_owned())));
        assert_eq!(probes.get(), 1);
        tokio::time::advance(SHARED).await;
        assert!(ask().await.is_err());
        assert_eq!(probes.get(), 2);
        probe.note_success();
        assert_eq!(ask().await, Ok(()));
        tokio::time::advance(FRESH).await;
        assert!(ask().await.is_err());
        assert_eq!(probes.get(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_hangs_is_an_answer_too() {
        let answer = Probe::new().ask(pending()).await;
        assert_eq!(answer, Err("no answer within 3s".to_owned()));
    }
}
