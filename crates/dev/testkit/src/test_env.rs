//! A test's own environment on the servers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::{self, consumer::pull};
use despatch_contracts::runtime::{DeadLetter, Envelope};
use despatch_contracts::{Emitted, Event, EventId, Subject, Trace, event_subject};
use despatch_runtime::{Operator, Process, Settings, Worker};
use futures_util::StreamExt;
use prost::Message as _;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::servers::Servers;

/// How long anything that a test waits for may take before the test fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// A database, a subject namespace, and the workers that a test runs in them.
pub struct TestEnv {
    settings: Settings,
    jetstream: jetstream::Context,
    processes: Mutex<Vec<Arc<Process>>>,
}

impl TestEnv {
    /// Creates a new environment on this binary's servers.
    pub async fn new() -> Self {
        let servers = Servers::shared();
        let name = format!("test_{}", Uuid::new_v4().simple());
        let admin = connect(&servers.database_url).await;
        admin.batch_execute(&format!("create database {name}")).await.expect("a database for the test");
        let (server, _) = servers.database_url.rsplit_once('/').expect("the URL names a database");
        let mut settings = Settings::new(&servers.nats_url, format!("{server}/{name}"));
        settings.namespace = name;
        settings.ack_wait = Duration::from_secs(3);
        settings.sweep_after = Duration::from_secs(2);
        settings.clock_tick = Duration::from_millis(25);
        settings.connections = 4;
        let client = nats(&servers.nats_url).await;
        TestEnv { settings, jetstream: jetstream::new(client), processes: Mutex::default() }
    }

    /// Returns the settings of the environment's processes, for a test that starts one itself, or in another process.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Joins an existing environment from another process.
    pub async fn join(settings: Settings) -> Self {
        let client = nats(&settings.nats_url).await;
        TestEnv { settings, jetstream: jetstream::new(client), processes: Mutex::default() }
    }

    /// Runs a worker as a process of its own, until the environment is dropped. Returns once it consumes.
    pub async fn run(&self, worker: Worker) -> Arc<Process> {
        self.run_all(vec![worker]).await
    }

    /// Runs several workers as one process.
    pub async fn run_all(&self, workers: Vec<Worker>) -> Arc<Process> {
        let process = Process::start(self.settings.clone(), workers).await.expect("URLs are valid");
        let ready = tokio::time::timeout(DEADLINE, process.health().until_ready()).await;
        assert!(ready.is_ok(), "not ready: {:?}", process.health().parts());
        let process = Arc::new(process);
        self.processes.lock().await.push(process.clone());
        process
    }

    /// Publishes an event twice, as a broker may deliver it, and returns its id. A worker must be running.
    pub async fn deliver<E: Event>(&self, event: &E) -> EventId {
        let id = EventId::new();
        let envelope = Envelope::first(id, "env", Emitted::from(event), &Trace::root());
        self.publish(&envelope).await;
        self.publish_again(&envelope).await;
        id
    }

    /// Publishes a message unchanged.
    pub async fn publish(&self, envelope: &Envelope) {
        self.publish_raw(&envelope.nats_subject, envelope.headers(), envelope.payload.clone()).await;
    }

    /// Publishes a message once more, past the broker's dedupe.
    pub async fn publish_again(&self, envelope: &Envelope) {
        self.publish_raw(&envelope.nats_subject, envelope.headers_without_msg_id(), envelope.payload.clone())
            .await;
    }

    /// Publishes arbitrary bytes.
    pub async fn publish_raw(&self, subject: &str, headers: HeaderMap, payload: bytes::Bytes) {
        let subject = format!("{}.{subject}", self.settings.namespace);
        let ack =
            self.jetstream.publish_with_headers(subject, headers, payload).await.expect("NATS takes it");
        ack.await.expect("NATS stores it");
    }

    /// Returns an operator, who can ask workers.
    pub async fn operator(&self) -> Operator {
        let Settings { nats_url, namespace, .. } = &self.settings;
        Operator::connect(nats_url, namespace).await.expect("NATS is there")
    }

    /// Moves the database's time forward by this much, for every later statement. Everything due by then becomes due.
    pub async fn advance(&self, by: Duration) {
        let moved = despatch_stack::advance_time(by);
        self.db().await.batch_execute(&moved).await.expect("the owner of the clock");
    }

    /// Waits for an event about a subject of this id.
    pub async fn expect<E: Event>(&self, id: &str) -> E {
        let envelope = self.find(&event_subject(E::TYPE), id).await;
        E::decode(envelope.payload).expect("the payload is what its type says")
    }

    /// Waits for a dead letter about a subject of this id.
    pub async fn expect_dead(&self, id: &str) -> DeadLetter {
        DeadLetter::decode(self.find("dead.>", id).await.payload).expect("a dead letter")
    }

    async fn find(&self, subject: &str, id: &str) -> Envelope {
        let started = Instant::now();
        let mut seen = Vec::new();
        while started.elapsed() < DEADLINE {
            seen = self.messages(subject).await;
            if let Some(index) = seen.iter().position(|envelope| Subject::parse(&envelope.subject).id() == id)
            {
                return seen.swap_remove(index);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let all: Vec<String> =
            self.messages(">").await.iter().map(|e| format!("{} {}", e.nats_subject, e.subject)).collect();
        panic!("no {subject} about {id} among {} such; the stream holds {all:#?}", seen.len());
    }

    /// Returns the number of distinct events of a type about a subject of this id.
    pub async fn count<E: Event>(&self, id: &str) -> usize {
        let messages = self.messages(&event_subject(E::TYPE)).await;
        let ids: BTreeSet<String> = messages
            .into_iter()
            .filter(|e| Subject::parse(&e.subject).id() == id)
            .map(|e| e.event_id)
            .collect();
        ids.len()
    }

    /// Returns everything on the stream that matches a subject, oldest first.
    pub async fn messages(&self, subject: &str) -> Vec<Envelope> {
        let stream = self.stream().await;
        let prefix = format!("{}.", self.settings.namespace);
        let config = pull::Config { filter_subject: format!("{prefix}{subject}"), ..pull::Config::default() };
        let consumer = stream.create_consumer(config).await.expect("a consumer to read with");
        let expected = usize::try_from(consumer.cached_info().num_pending).expect("fits");
        let mut found = Vec::with_capacity(expected);
        if expected > 0 {
            let mut messages = consumer
                .batch()
                .max_messages(expected)
                .expires(DEADLINE)
                .messages()
                .await
                .expect("messages to read");
            while let Some(message) = messages.next().await {
                let message = message.expect("a message");
                message.ack().await.expect("NATS answers");
                let bare = message.subject.strip_prefix(&prefix).unwrap_or(&message.subject);
                let headers = message.headers.clone().unwrap_or_default();
                if let Ok(envelope) = Envelope::read(bare, &headers, message.payload.clone()) {
                    found.push(envelope);
                }
            }
        }
        let name = consumer.cached_info().name.clone();
        stream.delete_consumer(&name).await.expect("NATS answers");
        found
    }

    /// Waits until nothing is pending, in flight, waiting or unpublished. Timers that are not due may remain.
    pub async fn quiet(&self) {
        let started = Instant::now();
        let mut before = None;
        loop {
            let unsettled = self.unsettled().await;
            let sequence = self.stream().await.cached_info().state.last_sequence;
            // The parts are read one after the other, so only two equal readings prove it.
            if unsettled.is_empty() && before == Some(sequence) {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "not quiet at message {sequence}: {unsettled:?}");
            before = unsettled.is_empty().then_some(sequence);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns the deployment's stream.
    pub async fn stream(&self) -> jetstream::stream::Stream {
        let stream = format!("DESPATCH_{}", self.settings.namespace);
        self.jetstream.get_stream(stream).await.expect("the stream is provisioned")
    }

    /// Returns the remaining work, in words.
    async fn unsettled(&self) -> Vec<String> {
        let mut unsettled = Vec::new();
        let stream = self.stream().await;
        let mut consumers = stream.consumers();
        while let Some(consumer) = consumers.next().await {
            let consumer = consumer.expect("NATS answers");
            let (pending, held) = (consumer.num_pending, consumer.num_ack_pending);
            // The others read the stream for a test.
            if consumer.config.durable_name.is_some() && (pending > 0 || held > 0) {
                unsettled.push(format!("{}: {pending} pending, {held} held", consumer.name));
            }
        }
        let db = self.db().await;
        let schemas = db
            .query("select nspname::text from pg_namespace where to_regclass(nspname || '.outbox_batch') is not null", &[])
            .await
            .expect("the catalogue");
        for schema in schemas.iter().map(|row| row.get::<_, String>(0)) {
            let sql = format!(
                "select (select count(*) from {schema}.outbox_batch),
                        (select count(*) from {schema}.journal where state = 'waiting')"
            );
            let row = db.query_one(&sql, &[]).await.expect("the runtime's tables");
            let (open, waiting): (i64, i64) = (row.get(0), row.get(1));
            if open > 0 || waiting > 0 {
                unsettled.push(format!("{schema}: {open} batches open, {waiting} events waiting"));
            }
        }
        unsettled
    }

    /// Connects to the environment's database.
    pub async fn db(&self) -> tokio_postgres::Client {
        connect(&self.settings.database_url).await
    }
}

/// Waits until a condition holds, and checks it repeatedly. Fails the test after the deadline.
pub async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("Postgres answers");
    tokio::spawn(connection);
    client
}

async fn nats(url: &str) -> async_nats::Client {
    let (servers, options) = despatch_runtime::nats_options(url).expect("the URL is valid");
    options.connect(servers).await.expect("NATS answers")
}
