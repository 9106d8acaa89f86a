//! A consumer's lag, as KEDA sees it, and the age of its oldest message.
//!
//! KEDA reads the two counts at the server's monitoring port. They are those of the consumer's info, which this asks
//! for.

use std::time::SystemTime;

use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};

use crate::result::Result;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Lag {
    /// Messages that were not delivered yet.
    pub(crate) pending: u64,
    /// Messages that are in flight.
    pub(crate) ack_pending: u64,
    /// Age of the oldest message of both; 0 if there is none.
    pub(crate) oldest_seconds: f64,
}

impl Lag {
    /// Reads the lag of a consumer of messages on `subject`.
    pub(crate) async fn of(stream: &Stream, consumer: &str, subject: &str) -> Result<Self> {
        let info = stream.consumer_info(consumer).await?;
        let (pending, ack_pending) = (info.num_pending, u64::try_from(info.num_ack_pending)?);
        let mut lag = Lag { pending, ack_pending, oldest_seconds: 0.0 };
        if lag.messages() > 0 {
            // Everything up to here is acked.
            let floor = info.ack_floor.stream_sequence;
            let oldest = stream.raw_message_builder().sequence(floor + 1).next_by_subject(subject);
            match oldest.send().await {
                Ok(message) => {
                    let age = SystemTime::now().duration_since(message.time.into());
                    lag.oldest_seconds = age.unwrap_or_default().as_secs_f64();
                }
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(lag)
    }

    /// Returns KEDA's lag.
    pub(crate) fn messages(&self) -> u64 {
        self.pending + self.ack_pending
    }
}
