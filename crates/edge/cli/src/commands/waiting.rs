//! Waiting for what the workers do, within a limit.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::result::Result;

/// The time between two looks at the database.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Asks again and again until there is an answer, at most for `limit`; `None` at its end.
pub(super) async fn within<T>(
    limit: Duration,
    mut answer: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<Option<T>> {
    let end = Instant::now() + limit;
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if let Some(answer) = answer().await? {
            return Ok(Some(answer));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_waited_for_and_no_longer_than_the_limit() {
        let mut looks = 0;
        let third = within(Duration::from_secs(1), async || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(third.await.unwrap(), Some(3));
        let begun = Instant::now();
        let limit = Duration::from_millis(250);
        assert_eq!(within(limit, async || Ok(None::<()>)).await.unwrap(), None);
        assert!(begun.elapsed() >= limit);
        let failed = within(Duration::from_secs(1), async || Err::<Option<()>, _>("gone".into()));
        assert_eq!(failed.await.unwrap_err().to_string(), "gone");
    }
}
