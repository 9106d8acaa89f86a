//! The messages that a handler holds, so that the broker can be told that work on them goes on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::jetstream::AckKind;
use async_nats::{Client, Subject};

/// Every message that a handler holds, so that the broker can be told that work goes on.
#[derive(Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<InFlightMessages>>);

#[derive(Default)]
struct InFlightMessages {
    /// By the consumer's own count of deliveries: how to answer, and since when.
    since: HashMap<u64, (Subject, Instant)>,
    /// How often everything was let go.
    round: u64,
}

/// What tells a held message from others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InFlightToken {
    /// Of how many severings ago it is; see [`InFlight::invalidate`].
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

    /// Lets go of the answers to everything held so far; what is in flight is worked on all the same. The server that it
    /// came from may not be there any more, nor its stream: ack subjects hold only numbers, and on a stream made anew
    /// the same numbers are other messages.
    pub(crate) fn invalidate(&self) {
        let mut holding = self.holding();
        holding.round += 1;
        holding.since.clear();
    }

    /// Asks the broker for more time for everything held at least this long.
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
