//! Pulls messages: one pending request at a time, for as many messages as there is room for.
//!
//! The client library's own streams read ahead into a buffer whose messages get no progress acks. Here every message
//! that has left the server is in flight from its arrival.

use std::time::{Duration, Instant};

use async_nats::{Message, Request, StatusCode, Subscriber};
use futures_util::StreamExt;

use crate::nats::broker::Broker;

/// How long the server keeps a request that it cannot fill. It is short, because a drain waits for its end: a request
/// cannot be cancelled without losing track of messages on their way.
const EXPIRES: Duration = Duration::from_secs(1);

/// Time after that at which a request counts as lost, as it is after a reconnection.
const GRACE: Duration = Duration::from_secs(1);

/// A handler's subscription to its consumer.
pub(crate) struct PullSubscription {
    broker: Broker,
    api: String,
    inbox: Subscriber,
    inbox_subject: String,
    /// Messages still due from the pending request, and the time when it counts as lost.
    pending_request: Option<(usize, Instant)>,
}

/// The result of waiting for a message.
#[derive(Debug)]
pub(crate) enum PullEvent {
    /// A message.
    Message(Box<Message>),
    /// No message; the pending request may have ended.
    Nothing,
    /// The consumer is missing, or the server does not answer for it.
    Missing(String),
}

impl PullSubscription {
    pub(crate) async fn new(broker: &Broker, consumer: &str) -> Result<Self, async_nats::SubscribeError> {
        let inbox_subject = broker.client().new_inbox();
        let inbox = broker.client().subscribe(inbox_subject.clone()).await?;
        let api = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{consumer}", broker.names().stream);
        Ok(PullSubscription { broker: broker.clone(), api, inbox, inbox_subject, pending_request: None })
    }

    /// Returns whether a request is pending at the server.
    pub(crate) fn is_asking(&self) -> bool {
        self.pending_request.is_some()
    }

    /// Forgets the pending request, which a new connection does not know.
    pub(crate) fn forget(&mut self) {
        self.pending_request = None;
    }

    /// Requests up to `room` messages.
    pub(crate) async fn ask(&mut self, room: usize) -> Result<(), async_nats::PublishError> {
        let body = format!(r#"{{"batch":{room},"expires":{}}}"#, EXPIRES.as_nanos());
        let (subject, reply) = (self.api.clone(), self.inbox_subject.clone());
        self.broker.client().publish_with_reply(subject, reply, body.into()).await?;
        self.pending_request = Some((room, Instant::now() + EXPIRES + GRACE));
        Ok(())
    }

    /// Returns the next message, or how the request ended. Cancel-safe: no message is taken before it is returned.
    pub(crate) async fn next(&mut self) -> PullEvent {
        let deadline =
            self.pending_request.map_or_else(|| Instant::now() + EXPIRES, |(_, deadline)| deadline);
        match tokio::time::timeout_at(deadline.into(), self.inbox.next()).await {
            Err(_) => {
                self.pending_request = None;
                PullEvent::Nothing
            }
            Ok(None) => PullEvent::Missing("the connection was closed".to_owned()),
            Ok(Some(message)) => self.read(message),
        }
    }

    fn read(&mut self, message: Message) -> PullEvent {
        match message.status {
            None | Some(StatusCode::OK) => {
                self.pending_request = match self.pending_request {
                    Some((due, deadline)) if due > 1 => Some((due - 1, deadline)),
                    _ => None,
                };
                PullEvent::Message(Box::new(message))
            }
            Some(StatusCode::IDLE_HEARTBEAT) => PullEvent::Nothing,
            Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => {
                self.pending_request = None;
                PullEvent::Nothing
            }
            Some(status) => {
                self.pending_request = None;
                let description = message.description.unwrap_or_default();
                PullEvent::Missing(format!("{status} {description}"))
            }
        }
    }
}

/// Returns the consumer's pending messages from the server. This tells an empty consumer from a missing one.
pub(crate) async fn pending(broker: &Broker, consumer: &str) -> Option<Pending> {
    #[derive(serde::Deserialize)]
    struct Info {
        num_pending: u64,
        num_ack_pending: u64,
    }
    let subject = format!("$JS.API.CONSUMER.INFO.{}.{consumer}", broker.names().stream);
    let request = Request::new().timeout(Some(Duration::from_secs(2)));
    let answer = broker.client().send_request(subject, request).await.ok()?;
    let info: Info = serde_json::from_slice(&answer.payload).ok()?;
    Some(Pending { undelivered: info.num_pending, unacked: info.num_ack_pending })
}

/// A consumer's pending messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Messages that were not delivered yet.
    pub undelivered: u64,
    /// Messages that were delivered and have no ack.
    pub unacked: u64,
}
