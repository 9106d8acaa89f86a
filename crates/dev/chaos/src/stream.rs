//! The stream against the journals: what was recorded is on the stream, what is on the stream was recorded, and every
//! handler has an outcome for everything that it hears.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use despatch::Outcome;
use despatch::audit::Discrepancy;
use despatch::registry;
use despatch_contracts::runtime::{Envelope, Outbox};
use despatch_runtime::Database;
use futures_util::StreamExt;
use prost::Message as _;
use uuid::Uuid;

use crate::site::STREAM;

/// How long the broker may take to hand over what it has.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message as it is stored.
pub(crate) struct Stored {
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: bytes::Bytes,
}

/// Everything on the stream, oldest first.
pub(crate) async fn read(jetstream: &jetstream::Context) -> Outcome<Vec<Stored>> {
    let stream = jetstream.get_stream(STREAM).await?;
    // Without acks there is no limit to how many are handed over.
    let config = pull::Config { ack_policy: AckPolicy::None, ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await?;
    let expected = usize::try_from(consumer.cached_info().num_pending)?;
    let mut stored = Vec::with_capacity(expected);
    if expected > 0 {
        let mut messages = consumer.batch().max_messages(expected).expires(PATIENCE).messages().await?;
        while let Some(message) = messages.next().await {
            let (message, _) = message?.split();
            stored.push(Stored {
                subject: message.subject.to_string(),
                headers: message.headers.unwrap_or_default(),
                payload: message.payload,
            });
        }
    }
    stream.delete_consumer(&consumer.cached_info().name).await?;
    if stored.len() == expected {
        Ok(stored)
    } else {
        Err(format!("the broker handed over {} of {expected} messages", stored.len()).into())
    }
}

/// One handler's row about one event.
struct Row {
    generation: u32,
    state: String,
}

/// Everything in which the stream and the journals differ.
pub(crate) async fn compare(
    jetstream: &jetstream::Context,
    database: &Database,
) -> Outcome<Vec<Discrepancy>> {
    let mut found = Vec::new();
    let mut differ = |about: String, wrong: String| found.push(Discrepancy { about, wrong });

    let mut on_stream = BTreeMap::<String, Envelope>::new();
    for Stored { subject, headers, payload } in read(jetstream).await? {
        match Envelope::read(&subject, &headers, payload) {
            Ok(envelope) => drop(on_stream.insert(envelope.message_id(), envelope)),
            Err(malformed) => differ(format!("a message on {subject}"), malformed.to_string()),
        }
    }

    let client = database.client().await?;
    let mut rows = HashMap::<(String, Uuid), Row>::new();
    let mut owed = HashSet::new();
    for worker in registry::NAMES {
        let sql = format!("select id, handler, generation, state, order_id, outbox from {worker}.journal");
        for row in &client.query(&sql, &[]).await? {
            let (id, handler): (Uuid, String) = (row.get("id"), row.get("handler"));
            let generation = u32::try_from(row.get::<_, i32>("generation"))?;
            let outbox = row.get::<_, Option<&[u8]>>("outbox").unwrap_or_default();
            for message in Outbox::decode(outbox)?.messages {
                let message_id = message.message_id();
                if !on_stream.contains_key(&message_id) {
                    differ(
                        format!("order {}", message.order_id),
                        format!(
                            "{handler} recorded {} {message_id}, which is not on the stream",
                            message.subject
                        ),
                    );
                }
                owed.insert(message_id);
            }
            rows.insert((handler, id), Row { generation, state: row.get("state") });
        }
    }
    drop(client);

    let consumers = consumers(jetstream).await?;
    for (message_id, envelope) in &on_stream {
        let about = format!("order {}", envelope.order_id);
        // Retries and replays are published from the row of the event that they repeat, and what an earlier generation
        // reported the later one overwrites.
        if envelope.subject.starts_with("evt.") && !owed.contains(message_id) {
            differ(
                about.clone(),
                format!("{} {message_id} is on the stream, and no journal has it", envelope.subject),
            );
        }
        let id = envelope.id()?.uuid();
        for (handler, _) in consumers.iter().filter(|(_, subjects)| hears(subjects, &envelope.subject)) {
            match rows.get(&(handler.clone(), id)) {
                Some(row) if row.generation >= envelope.generation && row.state != "waiting" => {}
                Some(row) => differ(
                    about.clone(),
                    format!(
                        "{handler} has {} {message_id} {} at generation {}",
                        envelope.subject, row.state, row.generation
                    ),
                ),
                None => differ(
                    about.clone(),
                    format!("{handler} never recorded {} {message_id}", envelope.subject),
                ),
            }
        }
    }
    Ok(found)
}

/// What each handler hears, by the broker's own account.
async fn consumers(jetstream: &jetstream::Context) -> Outcome<BTreeMap<String, BTreeSet<String>>> {
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
        // The first dash stands for the dot between the worker and its handler.
        consumers.insert(name.replacen('-', ".", 1), subjects);
    }
    Ok(consumers)
}

fn hears(subjects: &BTreeSet<String>, subject: &str) -> bool {
    subjects.iter().any(|heard| match heard.strip_suffix('>') {
        Some(prefix) => subject.starts_with(prefix),
        None => heard == subject,
    })
}
