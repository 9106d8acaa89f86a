//! The connection to NATS, the deployment's names, and publishing.

use crate::nats::connect::options;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::connection;
use async_nats::jetstream;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ClientError, Event, HeaderMap};
use bytes::Bytes;
use despatch_contracts::runtime::Envelope;
use despatch_contracts::{Emitted, EventId, Trace, replay_subject};
use despatch_domain::Reason;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::backoff::Backoff;
use crate::health::{Health, PartState};
use crate::nats::connect::{BrokerError, reach, refused};
use crate::nats::names::{Names, inbox};
use crate::nats::position::{LastPositions, StreamPosition};
use crate::nats::publisher::{Outgoing, PublishError, Publisher};
use crate::nats::spread::Spread;
use crate::probe::Probe;
use crate::supervise::supervised;

/// How long the server may take to answer a request about the stream or its consumers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The size in bytes of the largest message that a broker takes unless it is configured otherwise. Events of every accepted
/// order fit into it.
pub(crate) const USUAL_PAYLOAD: usize = 1024 * 1024;

/// Room for headers of bounded length: ids, the type, the time, the trace, all names.
const FIXED_HEADERS: usize = 1024;

/// Seconds for which the processes of a worker share a stored probe: less than the broker's dedupe knows it.
const PROBES: u64 = 10;

/// A message that can never be published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unpublishable {
    /// A header ends at the end of its line, so it must not hold control characters.
    #[error("{0}: the subject holds control characters")]
    Subject(String),
    /// The message with its headers is larger than the broker's limit.
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
    /// Whether the stream stores messages.
    stores: Arc<Probe>,
    seen: Arc<Mutex<LastPositions>>,
    /// Ends the task that returns to the home.
    _home: Arc<DropGuard>,
}

/// The function that makes a message's headers.
pub(crate) type Headers = fn(&Envelope) -> HeaderMap;

/// The identity of one connection. A broker that lost something was unreachable in between, so the connection after it
/// is a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    server: String,
    number: u64,
}

impl Broker {
    /// Begins to connect. Waits for a server that is down, at the start and later, without a limit. `user` owns the
    /// connection; only this user receives its replies.
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
        let spread = Arc::<Spread>::default();
        let chooser = spread.clone();
        let client = options
            .name(format!("despatch {user}"))
            .custom_inbox_prefix(inbox(user))
            .retry_on_initial_connect()
            .subscription_capacity(64 * 1024)
            .reconnect_delay_callback(|attempts| Duration::from_millis((50 * attempts as u64).min(2000)))
            .reconnect_to_server_callback(move |servers, _| {
                let chosen = chooser.choose(&servers);
                async move { chosen }
            })
            .event_callback(move |event| {
                let (health, count, url) = (reporting.clone(), count.clone(), servers_url.clone());
                async move {
                    match event {
                        Event::Connected => {
                            health.ready("nats");
                            count.send_modify(|count| *count += 1);
                        }
                        Event::Disconnected | Event::Closed => health.not_ready("nats", "disconnected"),
                        Event::ServerError(error) => tracing::warn!(%error, "nats server error"),
                        Event::ClientError(error) => cannot_connect(&health, &url, &error).await,
                        Event::SlowConsumer(id) => tracing::warn!(id, "nats subscription slow"),
                        other => tracing::debug!(event = %other, "nats event"),
                    }
                }
            })
            .connect(servers)
            .await
            .map_err(|error| refused(url, &error))?;
        let jetstream = ContextBuilder::new().timeout(ANSWER_TIMEOUT).build(client.clone());
        let acks = Arc::new(Publisher::listen(client.clone()).await?);
        let stores = Arc::new(Probe::new());
        let (names, seen) = (Arc::new(Names::new(namespace)), Arc::default());
        let ended = CancellationToken::new();
        let (connected, servers) = (client.clone(), url.to_owned());
        let keep_home = move || spread.clone().keep_home(connected.clone(), servers.clone());
        tokio::spawn(ended.clone().run_until_cancelled_owned(supervised("home", keep_home)));
        let home = Arc::new(ended.drop_guard());
        Ok(Broker { client, jetstream, names, connections, acks, stores, seen, _home: home })
    }

    /// Returns the same connection for one worker, with positions of its own.
    pub(crate) fn of_a_worker(&self) -> Self {
        Broker { seen: Arc::default(), ..self.clone() }
    }

    /// Notes the position of a message on the stream.
    pub(crate) fn observe(&self, position: StreamPosition) {
        let connection = *self.connections.borrow();
        let mut seen = self.last_positions();
        let furthest = seen.entry(connection).or_insert(position);
        if furthest.sequence < position.sequence {
            *furthest = position;
        }
    }

    /// Returns the last positions on the stream.
    pub(crate) fn positions(&self) -> LastPositions {
        self.last_positions().clone()
    }

    /// Forgets verified positions that are not further along than `position`, which is verified too: that one says as
    /// much.
    pub(crate) fn prune(&self, there: &LastPositions, position: StreamPosition) {
        self.last_positions().retain(|connection, seen| {
            there.get(connection) != Some(seen) || seen.sequence > position.sequence
        });
    }

    /// Forgets all positions: the stream is a different one.
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

    /// Returns a counter that rises with every new connection. Requests to an earlier connection are lost.
    pub(crate) fn connections(&self) -> watch::Receiver<u64> {
        self.connections.clone()
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Returns the latest connection. While it is the same, the server is the same.
    pub(crate) fn connection(&self) -> Connection {
        let info = self.client.server_info();
        Connection { server: info.server_id, number: info.client_id }
    }

    /// Returns whether there is a connection at this moment.
    pub(crate) fn is_connected(&self) -> bool {
        self.client.connection_state() == connection::State::Connected
    }

    /// Returns why the broker would never accept a message; `None` if it would.
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

    /// Returns whether the stream stores messages, or why not. If none was stored within the last seconds, one is published
    /// that no consumer receives. The processes of a worker share one for each minute: copies are acked and not stored.
    pub(crate) async fn stores(&self, worker: &str) -> Result<(), String> {
        let probe = async {
            if !self.is_connected() {
                return Err("not connected".to_owned());
            }
            let message = probe(worker);
            let outgoing = Outgoing {
                subject: self.names.full(&message.nats_subject),
                headers: message.headers(),
                payload: Bytes::new(),
            };
            match self.acks.publish(vec![outgoing]).await.pop() {
                Some(Err(error)) => Err(error.to_string()),
                Some(Ok(sequence)) => {
                    if let Ok(id) = message.id() {
                        self.observe(StreamPosition { sequence, id, generation: message.generation });
                    }
                    Ok(())
                }
                None => Err("no ack".to_owned()),
            }
        };
        self.stores.ask(probe).await
    }

    /// Publishes until the broker has stored all messages. Only `abandon` ends it early; messages without an ack are
    /// then still unpublished.
    pub(crate) async fn publish(&self, messages: &[Envelope], abandon: &CancellationToken) -> Published {
        self.publish_with(Envelope::headers, messages, abandon).await
    }

    /// Publishes with other headers. [`Envelope::headers_without_msg_id`] passes messages by the broker's dedupe.
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
            if furthest.is_some() {
                self.stores.note_success();
            }
            if let Some((sequence, message)) = furthest
                && let Ok(id) = message.id()
            {
                self.observe(StreamPosition { sequence, id, generation: message.generation });
            }
            let Some(error) = failure else { return Published::All };
            // The broker's limit has fallen since they were recorded. They are left to the sweeper, and nothing waits for
            // them.
            if left.iter().all(|message| self.unpublishable(message).is_some()) {
                let limit = self.client.max_payload();
                tracing::error!(%error, left = left.len(), limit, "publish given up: larger than the broker takes");
                return Published::Partly;
            }
            tracing::warn!(%error, left = left.len(), "publish retried");
            // The server had its time already.
            if matches!(error, PublishError::Timeout) {
                continue;
            }
            tokio::select! {
                () = backoff.wait() => {}
                () = abandon.cancelled() => return Published::Partly,
            }
        }
    }
}

/// Returns a worker's probe for this minute. It is an envelope, so that the stream's last message stays readable.
fn probe(worker: &str) -> Envelope {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let minute = UNIX_EPOCH + Duration::from_secs(since.as_secs() / PROBES * PROBES);
    let id = EventId::first_at(minute).report(worker, "probe", 0);
    let event = Emitted { event_type: "probe", subject: String::new(), payload: Bytes::new() };
    Envelope { nats_subject: probe_subject(worker), ..Envelope::first(id, worker, event, &Trace::root()) }
}

/// Returns the subject of a worker's probes: the replay subject of a handler that does not exist.
pub(crate) fn probe_subject(worker: &str) -> String {
    replay_subject(&format!("{worker}.probe"))
}

/// Notes a failed attempt to connect; no other failure is such an error. The client tells only its kind. An attempt of our
/// own finds the cause when the kind is not the one before.
async fn cannot_connect(health: &Health, url: &str, error: &ClientError) {
    let kind = error.to_string();
    let known = match health.parts().get("nats") {
        Some(PartState::NotReady(why)) => why.ends_with(&format!("({kind})")),
        _ => false,
    };
    if known {
        return;
    }
    let url = url.to_owned();
    // A task of its own, because the client wants callbacks that can be shared.
    let why = match tokio::spawn(async move { reach(&url).await }).await {
        // It is back.
        Ok(Ok(())) => return,
        Ok(Err(BrokerError::Connect(error))) => format!("{error}; {} ({kind})", error.hint()),
        Ok(Err(error)) => format!("{error} ({kind})"),
        Err(error) => format!("{error} ({kind})"),
    };
    tracing::warn!(why, "nats connection failed");
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
