//! NATS: the connection, the deployment's names, and publishing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::connection;
use async_nats::jetstream;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ClientError, ConnectOptions, Event, HeaderMap, ServerAddr};
use despatch_contracts::EventId;
use despatch_contracts::runtime::Envelope;
use despatch_domain::Reason;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::acks::{Acks, Outgoing};
use crate::health::{Health, PartState};
use crate::permissions::inbox;
use crate::retry::Patience;

/// How long the server may take to answer a request about the stream or its consumers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Room for the headers whose length is bounded: ids, the type, the time, the trace, and all names.
const FIXED_HEADERS: usize = 1024;

/// Why a message cannot be published, however often it is tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Objection {
    /// Headers end with the line.
    #[error("{0}: the order id holds control characters")]
    OrderId(String),
    /// With its headers it is more than the broker takes.
    #[error("{subject} of {bytes} bytes is more than the {limit} that the broker takes")]
    TooLarge { subject: String, bytes: usize, limit: usize },
}

impl Objection {
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Objection::OrderId(_) => Reason::PayloadUndecodable,
            Objection::TooLarge { .. } => Reason::PayloadTooLarge,
        }
    }
}

/// The broker does not answer requests of ours, or not with what they need.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The URL cannot be read.
    #[error("NATS URL: {0}")]
    Url(String),
    /// The connection failed in a way that waiting does not mend.
    #[error("NATS: {0}")]
    Connect(#[from] async_nats::ConnectError),
    /// The client is closed.
    #[error("NATS: {0}")]
    Subscribe(#[from] async_nats::SubscribeError),
    /// The stream or a consumer cannot be created as it has to be.
    #[error("NATS: {what}: {why}")]
    Provision {
        /// The stream or consumer.
        what: String,
        /// What the server said, or how its configuration differs.
        why: String,
    },
}

/// Reads `nats://user:password@host:port,…`, or `nats://seed@host:port,…` with an NKey's; `tls://` where the server's
/// certificate is to be verified. The client library leaves the credentials in the URL unused.
pub fn options(url: &str) -> Result<(Vec<ServerAddr>, ConnectOptions), BrokerError> {
    let servers = url.split(',').map(|server| server.trim().parse::<ServerAddr>());
    let servers =
        servers.collect::<Result<Vec<_>, _>>().map_err(|error| BrokerError::Url(error.to_string()))?;
    let credentials = servers.iter().find_map(|server| Some((server.username()?, server.password())));
    let options = match credentials {
        Some((user, Some(password))) => {
            ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
        }
        // The seed of an NKey, which proves who one is without being sent.
        Some((seed, None)) => ConnectOptions::with_nkey(seed.to_owned()),
        None => ConnectOptions::new(),
    };
    Ok((servers, options))
}

/// A connection to the broker, shared by all workers of a process.
#[derive(Clone)]
pub(crate) struct Broker {
    client: Client,
    jetstream: jetstream::Context,
    names: Arc<Names>,
    connections: watch::Receiver<u64>,
    acks: Arc<Acks>,
    seen: Arc<Mutex<Seen>>,
}

/// RetryFilter headers a message goes out with.
pub(crate) type Headers = fn(&Envelope) -> HeaderMap;

/// One of the connections that there were, one after the other. A broker that lost something was away, and then it is a
/// new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    server: String,
    number: u64,
}

/// A message, and where on the stream it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) sequence: u64,
    pub(crate) id: EventId,
    pub(crate) generation: u32,
}

/// The message furthest on the stream that a worker was acked or was handed in its process, by connection. A server that
/// goes back ends the connection; what was seen of it before would tell, so what is seen after does not take its place,
/// however far the stream has grown by then.
pub(crate) type Seen = BTreeMap<u64, Mark>;

/// The deployment's names for subjects, the stream and consumers.
#[derive(Debug)]
pub(crate) struct Names {
    prefix: String,
    pub(crate) stream: String,
}

impl Names {
    pub(crate) fn new(namespace: &str) -> Self {
        if namespace.is_empty() {
            Names { prefix: String::new(), stream: "DESPATCH".to_owned() }
        } else {
            Names { prefix: format!("{namespace}."), stream: format!("DESPATCH_{namespace}") }
        }
    }

    /// A subject with the deployment's namespace.
    pub(crate) fn full(&self, subject: &str) -> String {
        format!("{}{subject}", self.prefix)
    }

    /// A subject without the deployment's namespace.
    pub(crate) fn bare<'a>(&self, subject: &'a str) -> &'a str {
        subject.strip_prefix(&self.prefix).unwrap_or(subject)
    }

    /// A handler's durable consumer: dots are not allowed in its name.
    pub(crate) fn consumer(handler: &str) -> String {
        handler.replace('.', "-")
    }
}

impl Broker {
    /// Begins to connect. A server that is down is waited for, at the start and ever after.
    /// `user` is whom the connection is for, who alone hears its answers.
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
        let client = options
            .name(format!("despatch {user}"))
            .custom_inbox_prefix(inbox(user))
            .retry_on_initial_connect()
            .subscription_capacity(64 * 1024)
            .reconnect_delay_callback(|attempts| Duration::from_millis((50 * attempts as u64).min(2000)))
            .event_callback(move |event| {
                let (health, count) = (reporting.clone(), count.clone());
                async move {
                    match event {
                        Event::Connected => {
                            health.ready("nats");
                            count.send_modify(|count| *count += 1);
                        }
                        Event::Disconnected | Event::Closed => health.not_ready("nats", "disconnected"),
                        Event::ServerError(error) => tracing::warn!(%error, "NATS server error"),
                        Event::ClientError(error) => cannot_connect(&health, &error),
                        Event::SlowConsumer(id) => tracing::warn!(id, "NATS subscription is slow"),
                        other => tracing::debug!(event = %other, "NATS"),
                    }
                }
            })
            .connect(servers)
            .await?;
        let jetstream = ContextBuilder::new().timeout(ANSWER_TIMEOUT).build(client.clone());
        let acks = Arc::new(Acks::listen(client.clone()).await?);
        let (names, seen) = (Arc::new(Names::new(namespace)), Arc::default());
        Ok(Broker { client, jetstream, names, connections, acks, seen })
    }

    /// The same connection, for one worker.
    pub(crate) fn of_a_worker(&self) -> Self {
        Broker { seen: Arc::default(), ..self.clone() }
    }

    /// Notes that a message was seen on the stream.
    pub(crate) fn saw(&self, mark: Mark) {
        let connection = *self.connections.borrow();
        let mut seen = self.marks();
        let furthest = seen.entry(connection).or_insert(mark);
        if furthest.sequence < mark.sequence {
            *furthest = mark;
        }
    }

    /// What was seen on the stream.
    pub(crate) fn seen(&self) -> Seen {
        self.marks().clone()
    }

    /// Forgets of what was seen, and is there, whatever stands no further than another message that is there: that one
    /// says as much.
    pub(crate) fn forget_up_to(&self, there: &Seen, mark: Mark) {
        self.marks()
            .retain(|connection, seen| there.get(connection) != Some(seen) || seen.sequence > mark.sequence);
    }

    /// Forgets what was seen: the stream is not what it was.
    pub(crate) fn forget(&self) {
        self.marks().clear();
    }

    fn marks(&self) -> MutexGuard<'_, Seen> {
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
    pub(crate) fn objection(&self, message: &Envelope) -> Option<Objection> {
        if message.order_id.contains(char::is_control) {
            return Some(Objection::OrderId(message.subject.clone()));
        }
        let headers =
            message.order_id.len() + message.source.len() + message.tracestate.len() + FIXED_HEADERS;
        let (bytes, limit) = (message.payload.len() + headers, self.client.max_payload());
        (bytes > limit).then(|| Objection::TooLarge { subject: message.subject.clone(), bytes, limit })
    }

    /// Publishes until the broker has stored all of it. Only `abandon` ends it early; what was not acknowledged then
    /// is still owed.
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
        let mut patience = Patience::new();
        loop {
            let outgoing = left.iter().map(|message| Outgoing {
                subject: self.names.full(&message.subject),
                headers: headers(message),
                payload: message.payload.clone(),
            });
            let outgoing = outgoing.collect();
            let stored = tokio::select! {
                stored = self.acks.publish(outgoing) => stored,
                () = abandon.cancelled() => return Published::Owed,
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
                self.saw(Mark { sequence, id, generation: message.generation });
            }
            let Some(error) = failure else { return Published::All };
            tracing::warn!(%error, left = left.len(), "publishing again");
            tokio::select! {
                () = patience.wait() => {}
                () = abandon.cancelled() => return Published::Owed,
            }
        }
    }
}

/// Notes that an attempt to connect has failed; nothing else ends in such an error. Its cause, such as a certificate, is not
/// told here. Logged once for each that is not the one before.
fn cannot_connect(health: &Health, error: &ClientError) {
    let why = format!("{error}; `despatch doctor` says why");
    if health.parts().get("nats") != Some(&PartState::NotReady(why.clone())) {
        tracing::warn!(why, "NATS is not reached");
    }
    health.not_ready("nats", why);
}

/// How publishing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Published {
    /// The broker has stored all of it.
    All,
    /// Some of it may not be stored.
    Owed,
}
