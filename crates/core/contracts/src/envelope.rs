//! The envelope: an event with its identity, as headers on the wire (CloudEvents, binary mode) and as a row in the
//! journal.

use std::time::SystemTime;

use async_nats::header::NATS_MESSAGE_ID;
use async_nats::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use prost::Message as _;
use prost_types::Timestamp;

use crate::runtime::{DeadLetter, Envelope, Replay, Settled};
use crate::{Emitted, Event as _, EventId, Trace};

const SPEC_VERSION: HeaderName = HeaderName::from_static("ce-specversion");
const ID: HeaderName = HeaderName::from_static("ce-id");
const TYPE: HeaderName = HeaderName::from_static("ce-type");
const SOURCE: HeaderName = HeaderName::from_static("ce-source");
const SUBJECT: HeaderName = HeaderName::from_static("ce-subject");
const TIME: HeaderName = HeaderName::from_static("ce-time");
/// The extension attribute with the generation; absent for generation 0.
const GENERATION: HeaderName = HeaderName::from_static("ce-generation");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// A message whose headers are not those of an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("header {header}: expected {expected}, found {found:?}")]
pub struct Malformed {
    /// The header's name.
    pub header: &'static str,
    /// The expected value.
    pub expected: &'static str,
    /// The value found; empty if the header is missing.
    pub found: String,
}

/// Returns the current time by this machine's clock, for information only. Never compare it between processes.
pub fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

impl Envelope {
    /// Addresses an event for its first publication.
    pub fn first(id: EventId, source: &str, emitted: Emitted, trace: &Trace) -> Self {
        let Emitted { event_type, subject, payload } = emitted;
        Envelope {
            nats_subject: event_subject(event_type),
            event_id: id.to_string(),
            generation: 0,
            r#type: ce_type(event_type),
            source: source.to_owned(),
            subject,
            time: Some(now()),
            traceparent: trace.to_string(),
            tracestate: trace.state.clone(),
            payload,
        }
    }

    /// Addresses a follow-on of a handler, or the event of a timer. A [`Replay`] becomes the event that it holds, and a
    /// report gets the subject of its report.
    pub fn of(id: EventId, source: &str, emitted: Emitted, trace: &Trace) -> Self {
        let payload = &*emitted.payload;
        match emitted.event_type {
            Replay::TYPE => {
                if let Ok(Replay { handler, generation, event: Some(event) }) = Replay::decode(payload) {
                    return event.replay(&handler, generation);
                }
            }
            DeadLetter::TYPE => {
                if let Ok(letter) = DeadLetter::decode(payload) {
                    return Envelope::dead(id, &letter, trace);
                }
            }
            Settled::TYPE => {
                if let Ok(settled) = Settled::decode(payload) {
                    return Envelope::settled(id, &settled, trace);
                }
            }
            _ => {}
        }
        Envelope::first(id, source, emitted, trace)
    }

    /// Addresses a dead letter: `dead.<worker>.<reason>`.
    pub fn dead(id: EventId, letter: &DeadLetter, trace: &Trace) -> Self {
        let nats_subject = format!("dead.{}.{}", letter.worker, letter.reason);
        Envelope { nats_subject, ..Envelope::first(id, &letter.handler, letter.into(), trace) }
    }

    /// Addresses the outcome of a retry or replay: `settled.<handler>`.
    pub fn settled(id: EventId, settled: &Settled, trace: &Trace) -> Self {
        let nats_subject = format!("settled.{}", settled.handler);
        Envelope { nats_subject, ..Envelope::first(id, &settled.handler, settled.into(), trace) }
    }

    /// Addresses the same event to one handler alone: `replay.<handler>`.
    #[must_use]
    pub fn replay(self, handler: &str, generation: u32) -> Self {
        Envelope { nats_subject: replay_subject(handler), generation, ..self }
    }

    /// Returns the event's id.
    pub fn id(&self) -> Result<EventId, Malformed> {
        EventId::parse(&self.event_id).ok_or_else(|| Malformed {
            header: "ce-id",
            expected: "a UUID",
            found: self.event_id.clone(),
        })
    }

    /// Returns the event's [`Event::TYPE`](crate::Event::TYPE): the CloudEvents type without `despatch.` and the
    /// version.
    pub fn event_type(&self) -> &str {
        let name = self.r#type.strip_prefix("despatch.").unwrap_or(&self.r#type);
        name.strip_suffix(".v1").unwrap_or(name)
    }

    /// Returns the event's place in its trace; a new trace if the headers name none.
    pub fn trace(&self) -> Trace {
        Trace::parse(&self.traceparent, &self.tracestate).unwrap_or_else(Trace::root)
    }

    /// Returns the id for the broker's dedupe: `<id>#<generation>`, with `@<handler>` if only one handler is to receive
    /// the message. Several handlers may try the same generation again, each on its own.
    pub fn message_id(&self) -> String {
        let Envelope { event_id, generation, nats_subject, .. } = self;
        match nats_subject.strip_prefix(REPLAY) {
            Some(handler) => format!("{event_id}#{generation}@{handler}"),
            None => format!("{event_id}#{generation}"),
        }
    }

    /// Returns the headers. Line breaks, which no header can hold, become spaces.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = self.headers_without_msg_id();
        headers.insert(NATS_MESSAGE_ID, line(&self.message_id()));
        headers
    }

    /// Returns the headers without the id for the broker's dedupe, so that the message is stored even if the broker has
    /// it.
    pub fn headers_without_msg_id(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(SPEC_VERSION, "1.0");
        headers.insert(ID, line(&self.event_id));
        headers.insert(TYPE, line(&self.r#type));
        headers.insert(SOURCE, line(&self.source));
        headers.insert(SUBJECT, line(&self.subject));
        headers.insert(TRACE_PARENT, line(&self.traceparent));
        if let Some(time) = &self.time {
            headers.insert(TIME, time.to_string());
        }
        if self.generation > 0 {
            headers.insert(GENERATION, self.generation.to_string());
        }
        if !self.tracestate.is_empty() {
            headers.insert(TRACE_STATE, line(&self.tracestate));
        }
        headers
    }

    /// Parses a message. `nats_subject` is without the deployment's namespace.
    pub fn read(nats_subject: &str, headers: &HeaderMap, payload: Bytes) -> Result<Self, Malformed> {
        let event_id = text(headers, ID);
        let generation = headers.get(GENERATION).map_or("0", |generation| generation.as_str());
        let generation = generation.parse().map_err(|_| Malformed {
            header: "ce-generation",
            expected: "a whole number from 0",
            found: generation.to_owned(),
        })?;
        let envelope = Envelope {
            nats_subject: nats_subject.to_owned(),
            event_id: event_id.to_owned(),
            generation,
            r#type: text(headers, TYPE).to_owned(),
            source: text(headers, SOURCE).to_owned(),
            subject: text(headers, SUBJECT).to_owned(),
            time: text(headers, TIME).parse().ok(),
            traceparent: text(headers, TRACE_PARENT).to_owned(),
            tracestate: text(headers, TRACE_STATE).to_owned(),
            payload,
        };
        envelope.id()?;
        Ok(envelope)
    }
}

/// Returns the subject to publish events of this type on, without the deployment's namespace.
pub fn event_subject(event_type: &str) -> String {
    format!("evt.{event_type}")
}

/// Returns the subject to subscribe to for events of this type, without the deployment's namespace. For dead letters
/// and outcomes of replays it covers every handler.
pub fn subscription_subject(event_type: &str) -> String {
    match event_type {
        DeadLetter::TYPE => "dead.>".to_owned(),
        Settled::TYPE => "settled.>".to_owned(),
        _ => event_subject(event_type),
    }
}

/// The prefix of the subjects of retries and replays.
const REPLAY: &str = "replay.";

/// Returns the subject on which one handler alone consumes retries and replays.
pub fn replay_subject(handler: &str) -> String {
    format!("{REPLAY}{handler}")
}

fn ce_type(event_type: &str) -> String {
    format!("despatch.{event_type}.v1")
}

/// Returns a header's value. The broker's client panics on a line break, and a replayed event may hold one.
fn line(text: &str) -> HeaderValue {
    if text.contains(['\r', '\n']) { text.replace(['\r', '\n'], " ").into() } else { text.into() }
}

fn text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).map_or("", |value| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::OrderCompleted;

    fn envelope() -> Envelope {
        let event = OrderCompleted { order_id: "o-1".into() };
        Envelope::first(EventId::new(), "orders.track", Emitted::from(&event), &Trace::root())
    }

    #[test]
    fn what_is_sent_is_what_is_read() {
        let sent = envelope();
        let read = Envelope::read(&sent.nats_subject, &sent.headers(), sent.payload.clone());
        assert_eq!(read.as_ref(), Ok(&sent));
        assert_eq!(sent.event_type(), OrderCompleted::TYPE);
        assert_eq!(sent.nats_subject, "evt.order.completed");
    }

    #[test]
    fn a_replay_keeps_the_id_and_takes_its_own_message_id() {
        let first = envelope();
        let replay = first.clone().replay("orders.track", 3);
        assert_eq!(replay.event_id, first.event_id);
        assert_ne!(replay.message_id(), first.message_id());
        assert_eq!(replay.nats_subject, "replay.orders.track");
        // The broker knows messages by their id on whatever subject they come.
        assert_ne!(replay.message_id(), first.replay("orders.cancel", 3).message_id());
    }

    #[test]
    fn line_breaks_end_no_header() {
        let event = Envelope { subject: "o-1\r\nce-id: other".into(), ..envelope() };
        let replay = Replay { handler: "orders.track".into(), generation: 1, event: Some(event.clone()) };
        let sent = Envelope::of(EventId::new(), "", Emitted::from(&replay), &Trace::root());
        let read = Envelope::read(&sent.nats_subject, &sent.headers(), sent.payload.clone()).unwrap();
        assert_eq!((read.event_id, &*read.subject), (event.event_id, "o-1  ce-id: other"));
    }

    #[test]
    fn headers_that_do_not_name_the_event_are_refused() {
        for (name, value) in [("ce-id", "nonsense"), ("ce-generation", "-1"), ("ce-generation", "")] {
            let sent = envelope();
            let mut headers = sent.headers();
            headers.insert(name, value);
            assert!(
                Envelope::read(&sent.nats_subject, &headers, sent.payload.clone()).is_err(),
                "{name}: {value}"
            );
        }
    }
}
