//! NATS: the connection, the deployment's names, and publishing.

use crate::nats::connect::options;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::connection;
use async_nats::jetstream;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ClientError, Event, HeaderMap};
use despatch_contracts::runtime::Envelope;
use despatch_domain::Reason;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::health::{Health, PartState};
use crate::nats::connect::{BrokerError, reach, refused};
use crate::nats::names::{Names, inbox};
use crate::nats::position::{LastPositions, StreamPosition};
use crate::nats::publisher::{Outgoing, Publisher};

/// How long the server may take to answer a request about the stream or its consumers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Room for the headers whose length is bounded: ids, the type, the time, the trace, and all names.
const FIXED_HEADERS: usize = 1024;

/// Why a message cannot be published, however often it is tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unpublishable {
    /// Headers end with the line.
    #[error("{0}: the subject holds control characters")]
    Subject(String),
    /// With its headers it is more than the broker takes.
    #[error("{nats_subject} of {bytes} bytes is more than the {limit} that the broker takes")]
    TooLarge { nats_subject: String, bytes: usize, limit: usize },
}

impl Unpublishable {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Unpublishable::Subject(_) => Reason::PayloadUndecodable,
            Unpublishable::TooLarge { .. } => Reason::PayloadTooLarge,
        }
    }
}

/// A connection to the broker, shared by all workers of a process.
#[derive(Clone)]
pub(crate) struct Broker {
    client: Client,
    jetstream: jetstream::Context,
    names: Arc<Names>,
    connections: watch::Receiver<u64>,
    acks: Arc<Publisher>,
    seen: Arc<Mutex<LastPositions>>,
}

/// Which headers a message goes out with.
pub(crate) type Headers = fn(&Envelope) -> HeaderMap;

/// One of the connections that there were, one after the other. A broker that lost something was away, and then it is a
/// new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    server: String,
    number: u64,
}

impl Broker {
    /// Begins to connect. A server that is down is waited for, at the start and ever after.
    /// `user` is whom the connection is for, who alone consumes its answers.
    pub(crate) async fn connect(
        url: &str,
        namespace: &str,
        user: &str,
        health: &Health,
    ) -> Result<Self, BrokerError> {
        let reporting = health.clone();
        reporting.not_ready("nats", "connecting");
        let (count, connections) = watch::channel(0);
        let (servers, options) = options(url)?;
        let servers_url = url.to_owned();
        let client = options
            .name(format!("despatch {user}"))
            .custom_inbox_prefix(inbox(user))
            .retry_on_initial_connect()
            .subscription_capacity(64 * 1024)
            .reconnect_delay_callback(|attempts| Duration::from_millis((50 * attempts as u64).min(2000)))
            .event_callback(move |event| {
                let (health, count, url) = (reporting.clone(), count.clone(), servers_url.clone());
                async move {
                    match event {
                        Event::Connected => {
                            health.ready("nats");
                            count.send_modify(|count| *count += 1);
                        }
                        Event::Disconnected | Event::Closed => health.not_ready("nats", "disconnected"),
                        Event::ServerError(error) => tracing::warn!(%error, "NATS server error"),
                        Event::ClientError(error) => cannot_connect(&health, &url, &error).await,
                        Event::SlowConsumer(id) => tracing::warn!(id, "NATS subscription is slow"),
                        other => tracing::debug!(event = %other, "NATS"),
                    }
                }
            })
            .connect(servers)
            .await
            .map_err(|error| refused(url, &error))?;
        let jetstream = ContextBuilder::new().timeout(ANSWER_TIMEOUT).build(client.clone());
        let acks = Arc::new(Publisher::listen(client.clone()).await?);
        let (names, seen) = (Arc::new(Names::new(namespace)), Arc::default());
        Ok(Broker { client, jetstream, names, connections, acks, seen })
    }

    /// The same connection, for one worker.
    pub(crate) fn of_a_worker(&self) -> Self {
        Broker { seen: Arc::default(), ..self.clone() }
    }

    /// Notes that a message was seen on the stream.
    pub(crate) fn observe(&self, position: StreamPosition) {
        let connection = *self.connections.borrow();
        let mut seen = self.last_positions();
        let furthest = seen.entry(connection).or_insert(position);
        if furthest.sequence < position.sequence {
            *furthest = position;
        }
    }

    /// What was seen on the stream.
    pub(crate) fn positions(&self) -> LastPositions {
        self.last_positions().clone()
    }

    /// Forgets of what was seen, and is there, whatever stands no further than another message that is there: that one
    /// says as much.
    pub(crate) fn prune(&self, there: &LastPositions, position: StreamPosition) {
        self.last_positions().retain(|connection, seen| {
            there.get(connection) != Some(seen) || seen.sequence > position.sequence
        });
    }

    /// Forgets what was seen: the stream is not what it was.
    pub(crate) fn forget_positions(&self) {
        self.last_positions().clear();
    }

    fn last_positions(&self) -> MutexGuard<'_, LastPositions> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn jetstream(&self) -> &jetstream::Context {
        &self.jetstream
    }

    /// Changes with every new connection: what was asked of the old one is forgotten.
    pub(crate) fn connections(&self) -> watch::Receiver<u64> {
        self.connections.clone()
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// The latest connection. While it stays the same, so did the server.
    pub(crate) fn connection(&self) -> Connection {
        let info = self.client.server_info();
        Connection { server: info.server_id, number: info.client_id }
    }

    /// Whether there is a connection at this moment.
    pub(crate) fn is_connected(&self) -> bool {
        self.client.connection_state() == connection::State::Connected
    }

    /// Why the broker would never take a message.
    pub(crate) fn unpublishable(&self, message: &Envelope) -> Option<Unpublishable> {
        if message.subject.contains(char::is_control) {
            return Some(Unpublishable::Subject(message.nats_subject.clone()));
        }
        let headers = message.subject.len() + message.source.len() + message.tracestate.len() + FIXED_HEADERS;
        let (bytes, limit) = (message.payload.len() + headers, self.client.max_payload());
        (bytes > limit).then(|| Unpublishable::TooLarge {
            nats_subject: message.nats_subject.clone(),
            bytes,
            limit,
        })
    }

    /// Publishes until the broker has stored all of it. Only `abandon` ends it early; what was not acknowledged then
    /// is still unpublished.
    pub(crate) async fn publish(&self, messages: &[Envelope], abandon: &CancellationToken) -> Published {
        self.publish_with(Envelope::headers, messages, abandon).await
    }

    /// The same with other headers: those of a copy are for messages that the broker may think it has.
    pub(crate) async fn publish_with(
        &self,
        headers: Headers,
        messages: &[Envelope],
        abandon: &CancellationToken,
    ) -> Published {
        let mut left: Vec<&Envelope> = messages.iter().collect();
        let mut backoff = Backoff::new();
        loop {
            let outgoing = left.iter().map(|message| Outgoing {
                subject: self.names.full(&message.nats_subject),
                headers: headers(message),
                payload: message.payload.clone(),
            });
            let outgoing = outgoing.collect();
            let stored = tokio::select! {
                stored = self.acks.publish(outgoing) => stored,
                () = abandon.cancelled() => return Published::Partly,
            };
            let mut failure = None;
            let mut furthest = None;
            left = left
                .into_iter()
                .zip(stored)
                .filter_map(|(message, stored)| match stored {
                    Ok(sequence) => {
                        if furthest.is_none_or(|(before, _)| before < sequence) {
                            furthest = Some((sequence, message));
                        }
                        None
                    }
                    Err(error) => {
                        failure = Some(error);
                        Some(message)
                    }
                })
                .collect();
            if let Some((sequence, message)) = furthest
                && let Ok(id) = message.id()
            {
                self.observe(StreamPosition { sequence, id, generation: message.generation });
            }
            let Some(error) = failure else { return Published::All };
            tracing::warn!(%error, left = left.len(), "publishing again");
            tokio::select! {
                () = backoff.wait() => {}
                () = abandon.cancelled() => return Published::Partly,
            }
        }
    }
}

/// Notes that an attempt to connect has failed; nothing else ends in such an error. The client tells only its kind, so the
/// cause is found by an attempt of our own where the kind is another than before.
async fn cannot_connect(health: &Health, url: &str, error: &ClientError) {
    let kind = error.to_string();
    let known = match health.parts().get("nats") {
        Some(PartState::NotReady(why)) => why.ends_with(&format!("({kind})")),
        _ => false,
    };
    if known {
        return;
    }
    let why = match reach(url).await {
        // It is back.
        Ok(()) => return,
        Err(BrokerError::Connect(error)) => format!("{error}; {} ({kind})", error.hint()),
        Err(error) => format!("{error} ({kind})"),
    };
    tracing::warn!(why, "NATS is not reached");
    health.not_ready("nats", why);
}

/// How publishing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Published {
    /// The broker has stored all of it.
    All,
    /// Some of it may not be stored.
    Partly,
}
