//! The messages that a handler holds, so that the broker can be told that work on them continues.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::AckKind;
use async_nats::{Client, Subject};

/// The messages that a handler holds, so that the broker can be told that work on them continues.
#[derive(Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<InFlightMessages>>);

#[derive(Default)]
struct InFlightMessages {
    /// The reply subject and the time of receipt, by the consumer's number of the delivery.
    since: HashMap<u64, (Subject, Instant)>,
    /// Number of invalidations so far.
    round: u64,
}

/// The identity of a message in flight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InFlightToken {
    /// The number of invalidations when the message was received; see [`InFlight::invalidate`].
    round: u64,
    consumer_sequence: u64,
}

impl InFlight {
    fn holding(&self) -> MutexGuard<'_, InFlightMessages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, reply: &Subject, consumer_sequence: u64) -> InFlightToken {
        let mut holding = self.holding();
        holding.since.insert(consumer_sequence, (reply.clone(), Instant::now()));
        InFlightToken { round: holding.round, consumer_sequence }
    }

    pub(crate) fn remove(&self, token: InFlightToken) {
        let mut holding = self.holding();
        if holding.round == token.round {
            holding.since.remove(&token.consumer_sequence);
        }
    }

    pub(crate) fn still(&self, token: InFlightToken) -> bool {
        self.holding().round == token.round
    }

    /// Drops the reply subjects of all messages in flight; work on the messages continues. Their server or their stream
    /// may be gone. Ack subjects hold only numbers, and on a stream that was created again the same numbers are other
    /// messages.
    pub(crate) fn invalidate(&self) {
        let mut holding = self.holding();
        holding.round += 1;
        holding.since.clear();
    }

    /// Sends progress acks for all messages in flight for at least `age`.
    pub(crate) async fn progress(&self, client: &Client, age: Duration) {
        let waiting: Vec<Subject> = {
            let holding = self.holding();
            let held = holding.since.values();
            held.filter(|(_, since)| since.elapsed() >= age).map(|(reply, _)| reply.clone()).collect()
        };
        for reply in waiting {
            if client.publish(reply, AckKind::Progress.into()).await.is_err() {
                return;
            }
        }
    }
}
