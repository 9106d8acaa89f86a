//! A message as the broker delivered it. The only file that can ack.

use crate::nats::in_flight::InFlightToken;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::jetstream::AckKind;
use async_nats::{Client, Message, Subject};
use bytes::Bytes;
use despatch_contracts::runtime::Envelope;
use despatch_contracts::{EventId, Malformed};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::nats::broker::Broker;
use crate::nats::in_flight::InFlight;
use crate::nats::names::Names;
use crate::nats::position::StreamPosition;

/// A message that this process holds. Meanwhile the broker gets progress acks for it.
pub(crate) struct Delivery {
    client: Client,
    reply: Subject,
    held: InFlight,
    token: InFlightToken,
    /// The envelope, or the reason why it cannot be read. An unreadable message has an id too, so that it can be
    /// journaled.
    pub(crate) envelope: Envelope,
    pub(crate) malformed: Option<Malformed>,
    pub(crate) id: EventId,
    /// Whether the message was delivered before.
    pub(crate) redelivered: bool,
    published: SystemTime,
}

impl Delivery {
    /// Accepts a message; `None` if it has no ack subject and so did not come from a consumer.
    pub(crate) fn take(message: Message, broker: &Broker, held: &InFlight) -> Option<Self> {
        let reply = message.reply?;
        let origin = AckMetadata::of(&reply)?;
        let subject = broker.names().bare(&message.subject);
        let headers = message.headers.unwrap_or_default();
        let read = Envelope::read(subject, &headers, message.payload.clone()).and_then(storable);
        let (id, envelope, malformed) = match read {
            Ok((id, envelope)) => (id, envelope, None),
            Err(malformed) => {
                let id = origin.id(broker.names());
                (id, unreadable(id, subject, message.payload), Some(malformed))
            }
        };
        if malformed.is_none() {
            broker.observe(StreamPosition {
                sequence: origin.stream_sequence,
                id,
                generation: envelope.generation,
            });
        }
        let redelivered = origin.delivered > 1;
        let published = origin.published();
        let token = held.add(&reply, origin.consumer_sequence);
        Some(Delivery {
            client: broker.client().clone(),
            reply,
            held: held.clone(),
            token,
            envelope,
            malformed,
            id,
            redelivered,
            published,
        })
    }

    /// Returns the time from when the broker stored the message until `now`, the deployment's time, as far as the clocks
    /// of the two servers agree.
    pub(crate) fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.published).unwrap_or_default()
    }

    /// Acks the message: it is settled.
    pub(crate) async fn ack(self) {
        self.answer(AckKind::Ack).await;
    }

    /// Gives the message back, to be delivered again after `delay`.
    pub(crate) async fn give_back(self, delay: Duration) {
        self.answer(AckKind::Nak(Some(delay))).await;
    }

    async fn answer(&self, kind: AckKind) {
        if !self.held.still(self.token) {
            return;
        }
        // A lost answer means a redelivery, which the journal settles.
        if let Err(error) = self.client.publish(self.reply.clone(), kind.into()).await {
            tracing::debug!(%error, event = %self.id, "ack not sent");
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.held.remove(self.token);
    }
}

/// A message's place in its stream, from its JetStream ack subject.
struct AckMetadata<'a> {
    delivered: u64,
    stream_sequence: u64,
    /// A number for each delivery.
    consumer_sequence: u64,
    published_nanos: u64,
    stream: &'a str,
}

impl<'a> AckMetadata<'a> {
    /// Parses `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`. Newer servers add
    /// two tokens (domain and account) before the stream and one at the end.
    fn of(reply: &'a str) -> Option<Self> {
        let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let at = if tokens.len() >= 9 { 2 } else { 0 };
        Some(AckMetadata {
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

    /// Returns an id for a message that has none; the same for each delivery of it.
    fn id(&self, names: &Names) -> EventId {
        let digest = Sha256::digest(format!("{}/{}/{}", names.stream, self.stream, self.stream_sequence));
        let mut tail = [0; 16];
        tail[6..].copy_from_slice(&digest[..10]);
        let time = EventId::first_at(self.published()).uuid().as_u128();
        EventId::from(Uuid::from_u128(time | u128::from_be_bytes(tail)))
    }
}

/// Checks that the journal can hold an envelope, and returns it with its id.
fn storable(envelope: Envelope) -> Result<(EventId, Envelope), Malformed> {
    if envelope.subject.contains(char::is_control) {
        let found = envelope.subject.escape_debug().to_string();
        return Err(Malformed { header: "ce-subject", expected: "an id without control characters", found });
    }
    Ok((envelope.id()?, envelope))
}

fn unreadable(id: EventId, subject: &str, payload: Bytes) -> Envelope {
    Envelope {
        nats_subject: subject.to_owned(),
        event_id: id.to_string(),
        r#type: subject.strip_prefix("evt.").unwrap_or(subject).to_owned(),
        payload,
        ..Envelope::default()
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
            let origin = AckMetadata::of(reply).expect(reply);
            assert_eq!((origin.stream, origin.delivered), ("DESPATCH", 3));
            assert_eq!((origin.stream_sequence, origin.consumer_sequence), (41, 7));
            assert_eq!(origin.published_nanos, 1_700_000_000_000_000_000);
        }
        assert!(AckMetadata::of("_INBOX.1.2").is_none());
    }
}
