//! The stream against the journals: what was recorded is on the stream, what is on the stream was recorded, and every
//! handler has an outcome for everything that it consumes.

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

/// How long the broker may take to hand over a portion of what it has.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How many messages to ask for at a time.
const PORTION: usize = 10_000;

/// A message as it is stored.
pub(crate) struct Stored {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: bytes::Bytes,
}

/// Everything on the stream, oldest first.
pub(crate) async fn read(jetstream: &jetstream::Context) -> Result<Vec<Stored>> {
    let stream = jetstream.get_stream(STREAM).await?;
    // Without acks there is no limit to how many are handed over.
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

/// What the journals hold.
#[derive(Default)]
struct Journals {
    /// Generation and state, by handler and event.
    rows: HashMap<(String, Uuid), (u32, String)>,
    /// What handlers recorded as their follow-ons, by message id, and the handler.
    recorded: HashMap<String, (String, Envelope)>,
}

/// Everything in which the stream and the journals differ. A stream that is not `whole` has lost messages, and need not
/// hold what all handlers had settled by then.
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
        // Retries and replays are published from the row of the event that they repeat, and what an earlier generation
        // reported the later one overwrites.
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

    /// What is wrong with a handler's row about a message that it consumes.
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

/// What each handler consumes, according to the broker.
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
