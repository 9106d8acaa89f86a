//! The progress of a consumer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::load::run_env::RunEnv;
use crate::result::{Error, Result};

/// Interval at which the broker is asked.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// Orders that have completed.
pub(crate) type Completed = Arc<AtomicUsize>;

/// Counts what a consumer has acked. With the flow's last consumer, these are orders that are recorded everywhere. It
/// counts while the returned future is polled.
pub(crate) async fn watch(
    env: &RunEnv,
    consumer: &str,
) -> Result<(Completed, impl Future<Output = Result> + use<>)> {
    let stream = env.jetstream.get_stream(env.stream()).await?;
    let acked = {
        let consumer = consumer.to_owned();
        async move || {
            let info = stream.consumer_info(&consumer).await?;
            let delivered = usize::try_from(info.delivered.consumer_sequence)?;
            Ok::<_, Error>(delivered.saturating_sub(info.num_ack_pending))
        }
    };
    let completed = Completed::default();
    completed.store(acked().await?, Ordering::Relaxed);
    let counting = completed.clone();
    let watching = async move {
        loop {
            tokio::time::sleep(POLL_INTERVAL).await;
            counting.store(acked().await?, Ordering::Relaxed);
        }
    };
    Ok((completed, watching))
}
