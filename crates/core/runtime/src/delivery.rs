//! A message as the broker handed it over. The only place that can ack.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_nats::jetstream::AckKind;
use async_nats::{Client, Message, Subject};
use bytes::Bytes;
use despatch_contracts::runtime::Envelope;
use despatch_contracts::{EventId, Malformed};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::broker::{Broker, Mark, Names};

/// A message that this process holds. While it does, the broker is told so.
pub(crate) struct Delivery {
    client: Client,
    reply: Subject,
    held: Held,
    ticket: Ticket,
    /// What arrived, or why it cannot be read. An unreadable one has an id too, so that it can be journaled.
    pub(crate) envelope: Envelope,
    pub(crate) malformed: Option<Malformed>,
    pub(crate) id: EventId,
    /// Whether it was handed to somebody before.
    pub(crate) redelivered: bool,
    published: SystemTime,
}

impl Delivery {
    /// Takes a message in. `None` when it carries no ack subject, and so did not come from a consumer.
    pub(crate) fn take(message: Message, broker: &Broker, held: &Held) -> Option<Self> {
        let reply = message.reply?;
        let origin = Origin::of(&reply)?;
        let subject = broker.names().bare(&message.subject);
        let headers = message.headers.unwrap_or_default();
        let read = Envelope::read(subject, &headers, message.payload.clone()).and_then(keepable);
        let (id, envelope, malformed) = match read {
            Ok((id, envelope)) => (id, envelope, None),
            Err(malformed) => {
                let id = origin.id(broker.names());
                (id, unreadable(id, subject, message.payload), Some(malformed))
            }
        };
        if malformed.is_none() {
            broker.saw(Mark { sequence: origin.stream_sequence, id, generation: envelope.generation });
        }
        let redelivered = origin.delivered > 1;
        let published = origin.published();
        let ticket = held.add(&reply, origin.consumer_sequence);
        Some(Delivery {
            client: broker.client().clone(),
            reply,
            held: held.clone(),
            ticket,
            envelope,
            malformed,
            id,
            redelivered,
            published,
        })
    }

    /// For how long the broker has had it, as far as the two clocks agree.
    pub(crate) fn age(&self) -> Duration {
        self.published.elapsed().unwrap_or_default()
    }

    /// Tells the broker that the message is settled.
    pub(crate) async fn ack(self) {
        self.answer(AckKind::Ack).await;
    }

    /// Gives the message back, to be delivered again after `delay`.
    pub(crate) async fn give_back(self, delay: Duration) {
        self.answer(AckKind::Nak(Some(delay))).await;
    }

    async fn answer(&self, kind: AckKind) {
        if !self.held.still(self.ticket) {
            return;
        }
        // An answer that does not arrive means a redelivery, which the journal settles.
        if let Err(error) = self.client.publish(self.reply.clone(), kind.into()).await {
            tracing::debug!(%error, event = %self.id, "an ack could not be sent");
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.held.remove(self.ticket);
    }
}

/// Where a message stands in its stream, from the ack subject that JetStream gives it.
struct Origin<'a> {
    delivered: u64,
    stream_sequence: u64,
    /// One for each delivery.
    consumer_sequence: u64,
    published_nanos: u64,
    stream: &'a str,
}

impl<'a> Origin<'a> {
    /// `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, with two more tokens
    /// (domain and account) before the stream on newer servers and one after.
    fn of(reply: &'a str) -> Option<Self> {
        let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let at = if tokens.len() >= 9 { 2 } else { 0 };
        Some(Origin {
            stream: tokens.get(at)?,
            delivered: tokens.get(at + 2)?.parse().ok()?,
            stream_sequence: tokens.get(at + 3)?.parse().ok()?,
            consumer_sequence: tokens.get(at + 4)?.parse().ok()?,
            published_nanos: tokens.get(at + 5)?.parse().ok()?,
        })
    }

    fn published(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_nanos(self.published_nanos)
    }

    /// An id for a message that brings none: the same whenever it is delivered.
    fn id(&self, names: &Names) -> EventId {
        let digest = Sha256::digest(format!("{}/{}/{}", names.stream, self.stream, self.stream_sequence));
        let mut tail = [0; 16];
        tail[6..].copy_from_slice(&digest[..10]);
        let time = EventId::first_at(self.published()).uuid().as_u128();
        EventId::from(Uuid::from_u128(time | u128::from_be_bytes(tail)))
    }
}

/// An envelope with its id, provided that the journal can hold what it says.
fn keepable(envelope: Envelope) -> Result<(EventId, Envelope), Malformed> {
    if envelope.order_id.contains(char::is_control) {
        let found = envelope.order_id.escape_debug().to_string();
        return Err(Malformed { header: "ce-subject", expected: "an id without control characters", found });
    }
    Ok((envelope.id()?, envelope))
}

fn unreadable(id: EventId, subject: &str, payload: Bytes) -> Envelope {
    Envelope {
        subject: subject.to_owned(),
        event_id: id.to_string(),
        r#type: subject.strip_prefix("evt.").unwrap_or(subject).to_owned(),
        payload,
        ..Envelope::default()
    }
}

/// Every message that a handler holds, so that the broker can be told that work goes on.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Mutex<Holding>>);

#[derive(Default)]
struct Holding {
    /// By the consumer's own count of deliveries: how to answer, and since when.
    since: HashMap<u64, (Subject, Instant)>,
    /// How often everything was let go.
    round: u64,
}

/// What tells a held message from others.
#[derive(Debug, Clone, Copy)]
struct Ticket {
    /// Of how many severings ago it is; see [`Held::sever`].
    round: u64,
    consumer_sequence: u64,
}

impl Held {
    fn holding(&self) -> MutexGuard<'_, Holding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, reply: &Subject, consumer_sequence: u64) -> Ticket {
        let mut holding = self.holding();
        holding.since.insert(consumer_sequence, (reply.clone(), Instant::now()));
        Ticket { round: holding.round, consumer_sequence }
    }

    fn remove(&self, ticket: Ticket) {
        let mut holding = self.holding();
        if holding.round == ticket.round {
            holding.since.remove(&ticket.consumer_sequence);
        }
    }

    fn still(&self, ticket: Ticket) -> bool {
        self.holding().round == ticket.round
    }

    /// Lets go of the answers to everything held so far; what is in hand is worked on all the same. The server that it
    /// came from may not be there any more, nor its stream: ack subjects hold only numbers, and on a stream made anew
    /// the same numbers are other messages.
    pub(crate) fn sever(&self) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_ack_subject_are_read() {
        for reply in [
            "$JS.ACK.DESPATCH.orders-track.3.41.7.1700000000000000000.5",
            "$JS.ACK._.hash.DESPATCH.orders-track.3.41.7.1700000000000000000.5.token",
        ] {
            let origin = Origin::of(reply).expect(reply);
            assert_eq!((origin.stream, origin.delivered), ("DESPATCH", 3));
            assert_eq!((origin.stream_sequence, origin.consumer_sequence), (41, 7));
            assert_eq!(origin.published_nanos, 1_700_000_000_000_000_000);
        }
        assert!(Origin::of("_INBOX.1.2").is_none());
    }
}
