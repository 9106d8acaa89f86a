//! Compares the stream with the journals. Recorded messages are on the stream, messages on the stream were recorded,
//! and every handler has an outcome for everything that it consumes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::{HeaderMap, jetstream};
use despatch::Registry;
use despatch_contracts::runtime::{Envelope, FollowOns};
use despatch_runtime::Database;
use despatch_scenario::Discrepancy;
use futures_util::StreamExt;
use prost::Message as _;
use uuid::Uuid;

use crate::deployment::STREAM;
use crate::result::Result;

/// How long the broker may take to deliver a portion.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Messages in a portion.
const PORTION: usize = 10_000;

/// A stored message.
pub(crate) struct Stored {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: bytes::Bytes,
}

/// Reads everything on the stream, oldest first.
pub(crate) async fn read(jetstream: &jetstream::Context) -> Result<Vec<Stored>> {
    let stream = jetstream.get_stream(STREAM).await?;
    // Without acks, the number of deliveries is not limited.
    let config = pull::Config {
        ack_policy: AckPolicy::None,
        inactive_threshold: 10 * READ_TIMEOUT,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await?;
    let expected = usize::try_from(consumer.cached_info().num_pending)?;
    let mut stored = Vec::with_capacity(expected);
    while stored.len() < expected {
        let portion = (expected - stored.len()).min(PORTION);
        let before = stored.len();
        let mut messages = consumer.batch().max_messages(portion).expires(READ_TIMEOUT).messages().await?;
        while let Some(message) = messages.next().await {
            let (message, _) = message?.split();
            stored.push(Stored {
                subject: message.subject.to_string(),
                headers: message.headers.unwrap_or_default(),
                payload: message.payload,
            });
        }
        if stored.len() == before {
            break;
        }
    }
    stream.delete_consumer(&consumer.cached_info().name).await?;
    if stored.len() == expected {
        Ok(stored)
    } else {
        Err(format!("the broker handed over {} of {expected} messages", stored.len()).into())
    }
}

/// The contents of the journals.
#[derive(Default)]
struct Journals {
    /// Generation and state, by handler and event.
    rows: HashMap<(String, Uuid), (u32, String)>,
    /// The handlers' recorded follow-ons, by message id, with the handler.
    recorded: HashMap<String, (String, Envelope)>,
}

/// Returns all differences between the stream and the journals. A stream that is not `whole` has lost messages, and may
/// lack what all handlers had settled by then.
pub(crate) async fn compare(
    jetstream: &jetstream::Context,
    database: &Database,
    whole: bool,
) -> Result<Vec<Discrepancy>> {
    let mut found = Vec::new();
    let mut differ = |about: String, wrong: String| found.push(Discrepancy { about, wrong });
    let mut on_stream = HashMap::<String, Envelope>::new();
    for Stored { subject, headers, payload } in read(jetstream).await? {
        match Envelope::read(&subject, &headers, payload) {
            Ok(envelope) => drop(on_stream.insert(envelope.message_id(), envelope)),
            Err(malformed) => differ(format!("a message on {subject}"), malformed.to_string()),
        }
    }
    let journals = Journals::read(database).await?;
    if whole {
        for (message_id, (handler, envelope)) in &journals.recorded {
            if !on_stream.contains_key(message_id) {
                differ(
                    order(envelope),
                    format!("{handler} recorded {}, which is not on the stream", name(envelope)),
                );
            }
        }
    }
    for (message_id, envelope) in &on_stream {
        // Retries and replays are published from the row of their event, and a later generation's report overwrites an
        // earlier one's.
        if envelope.nats_subject.starts_with("evt.") && !journals.recorded.contains_key(message_id) {
            differ(order(envelope), format!("{} is on the stream, and no journal has it", name(envelope)));
        }
    }
    let consumers = consumers(jetstream).await?;
    let mut everything = on_stream;
    everything.extend(journals.recorded.iter().map(|(id, (_, envelope))| (id.clone(), envelope.clone())));
    for envelope in everything.values() {
        for (handler, _) in
            consumers.iter().filter(|(_, subjects)| consumes(subjects, &envelope.nats_subject))
        {
            if let Some(wrong) = journals.lacks(handler, envelope)? {
                differ(order(envelope), wrong);
            }
        }
    }
    Ok(found)
}

impl Journals {
    async fn read(database: &Database) -> Result<Self> {
        let client = database.client().await?;
        let mut journals = Journals::default();
        for worker in Registry::default().names() {
            let sql = format!("select id, handler, generation, state, outbox from {worker}.journal");
            for row in &client.query(&sql, &[]).await? {
                let (id, handler): (Uuid, String) = (row.get("id"), row.get("handler"));
                let outbox = row.get::<_, Option<&[u8]>>("outbox").unwrap_or_default();
                for message in FollowOns::decode(outbox)?.messages {
                    journals.recorded.insert(message.message_id(), (handler.clone(), message));
                }
                let generation = u32::try_from(row.get::<_, i32>("generation"))?;
                journals.rows.insert((handler, id), (generation, row.get("state")));
            }
        }
        Ok(journals)
    }

    /// Returns the defect of a handler's row about a message that it consumes.
    fn lacks(&self, handler: &str, envelope: &Envelope) -> Result<Option<String>> {
        let row = self.rows.get(&(handler.to_owned(), envelope.id()?.uuid()));
        Ok(match row {
            None => Some(format!("{handler} never recorded {}", name(envelope))),
            Some((generation, state)) if *generation < envelope.generation || state == "waiting" => {
                Some(format!("{handler} left {} {state} at generation {generation}", name(envelope)))
            }
            Some(_) => None,
        })
    }
}

fn order(envelope: &Envelope) -> String {
    envelope.subject.clone()
}

fn name(envelope: &Envelope) -> String {
    format!("{} {}", envelope.nats_subject, envelope.message_id())
}

/// Returns the subjects that each handler consumes, according to the broker.
async fn consumers(jetstream: &jetstream::Context) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let stream = jetstream.get_stream(STREAM).await?;
    let mut consumers = BTreeMap::new();
    let mut listed = stream.consumers();
    while let Some(consumer) = listed.next().await {
        let config = consumer?.config;
        let Some(name) = config.durable_name else { continue };
        let mut subjects: BTreeSet<String> = config.filter_subjects.into_iter().collect();
        if !config.filter_subject.is_empty() {
            subjects.insert(config.filter_subject);
        }
        // The first dash is the dot between the worker and its handler.
        consumers.insert(name.replacen('-', ".", 1), subjects);
    }
    Ok(consumers)
}

fn consumes(subjects: &BTreeSet<String>, subject: &str) -> bool {
    subjects.iter().any(|filter| match filter.strip_suffix('>') {
        Some(prefix) => subject.starts_with(prefix),
        None => filter == subject,
    })
}
