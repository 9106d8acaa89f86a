//! The provisioner: creates the stream and the consumers from the registry, reads back what the server made, and
//! corrects what was changed or deleted.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{self, ClusterInfo, Stream};
use despatch_contracts::{replay_subject, subscription_subject};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::health::Health;
use crate::nats::{Broker, BrokerError, Names};
use crate::settings::Settings;
use crate::worker::{HandlerSpec, StartAt};

/// Interval of the checks, unless a missing consumer triggers one.
const CHECK: Duration = Duration::from_secs(10);

/// Age up to which a stream may have replaced a lost one.
const NEW_STREAM: Duration = Duration::from_secs(600);

/// How long the broker's dedupe knows a message id. The dedupe only saves work.
const DUPLICATES: Duration = Duration::from_secs(120);

/// Most messages without an ack that one handler may have, over all of its processes.
const MAX_ACK_PENDING: i64 = 20_000;

/// Provisions the broker until the process drains.
pub(crate) async fn keep(
    broker: Broker,
    settings: Arc<Settings>,
    specs: Vec<HandlerSpec>,
    health: Health,
    clocks: Vec<Arc<Clock>>,
    missing: Arc<Notify>,
    drain: CancellationToken,
) {
    loop {
        // A new stream's numbers go by the time, and this machine's clock may be behind the one that made an earlier stream.
        match clocks.iter().find_map(|clock| clock.known()) {
            Some(now) => match provision(&broker, &settings, &specs, now).await {
                Ok(None) => health.ready("provisioner"),
                Ok(Some(behind)) => health.degraded("provisioner", format!("a copy of the stream: {behind}")),
                Err(error) => health.not_ready("provisioner", error.to_string()),
            },
            None => health.not_ready("provisioner", "waits for the database's time"),
        }
        let soon = if health.is_ready() { CHECK } else { Duration::from_millis(500) };
        tokio::select! {
            () = tokio::time::sleep(soon) => {}
            () = missing.notified() => {}
            () = drain.cancelled() => return,
        }
    }
}

/// Creates or corrects the stream and every handler's consumer. `now` is the deployment's time. Returns which copies of
/// the stream are not up to date.
pub(crate) async fn provision(
    broker: &Broker,
    settings: &Settings,
    specs: &[HandlerSpec],
    now: SystemTime,
) -> Result<Option<String>, BrokerError> {
    let wanted = stream_config(broker.names(), settings);
    let failed = |why: String| BrokerError::Provision { what: format!("stream {}", wanted.name), why };
    let jetstream = broker.jetstream();
    let stream = match jetstream.get_stream(&wanted.name).await {
        Ok(found) if stream_differences(&wanted, &found.cached_info().config).is_empty() => found,
        Ok(mut found) => {
            let stream::Config { first_sequence, metadata, .. } = found.cached_info().config.clone();
            let wanted = stream::Config { first_sequence, metadata, ..wanted.clone() };
            jetstream.update_stream(&wanted).await.map_err(|error| failed(error.to_string()))?;
            found.info().await.map_err(|error| failed(error.to_string()))?;
            found
        }
        Err(_) => {
            let created = stream::Config { first_sequence: Some(unused_sequence(now)), ..wanted.clone() };
            match jetstream.create_stream(created).await {
                Ok(made) => made,
                // Another provisioner may have been faster, with another first sequence.
                Err(error) => {
                    jetstream.get_stream(&wanted.name).await.map_err(|_| failed(error.to_string()))?
                }
            }
        }
    };
    let made = &stream.cached_info().config;
    if !stream_differences(&wanted, made).is_empty() {
        return Err(failed(format!("expected {wanted:?}, found {made:?}")));
    }
    for spec in specs {
        consumer(broker, &stream, settings, spec).await?;
    }
    Ok(stream.cached_info().cluster.as_ref().and_then(replicas_behind))
}

async fn consumer(
    broker: &Broker,
    stream: &Stream,
    settings: &Settings,
    spec: &HandlerSpec,
) -> Result<(), BrokerError> {
    let mut wanted = consumer_config(broker.names(), settings, spec);
    let name = Names::consumer(spec.name);
    let failed = |why: String| BrokerError::Provision { what: format!("consumer {name}"), why };
    match stream.consumer_info(&name).await {
        Ok(found) if is_ahead(stream, &found).await => {
            tracing::warn!(
                consumer = name,
                "consumer recreated: it was ahead of its stream, which had been rolled back"
            );
            stream.delete_consumer(&name).await.map_err(|error| failed(error.to_string()))?;
        }
        Ok(found) => {
            if spec.start_at == StartAt::Creation {
                // Its beginning, for the consumer that replaces it if it is deleted.
                if let DeliverPolicy::ByStartSequence { start_sequence } = found.config.deliver_policy {
                    note_start(broker, stream, &name, start_sequence).await.map_err(failed)?;
                }
            }
            if consumer_differences(&wanted, &found.config).is_empty() {
                return Ok(());
            }
            tracing::info!(consumer = name, "consumer corrected: it was configured differently");
            wanted.deliver_policy = found.config.deliver_policy;
        }
        Err(_) => {
            wanted.deliver_policy = beginning(broker, stream, spec, &name).await.map_err(failed)?;
        }
    }
    let made = stream.create_consumer(wanted.clone()).await.map_err(|error| failed(error.to_string()))?;
    let made = &made.cached_info().config;
    if !consumer_differences(&wanted, made).is_empty() {
        // Servers before 2.10 ignore unknown settings, such as a list of subjects.
        return Err(failed(format!("expected {wanted:?}, found {made:?}; is the server older than 2.10?")));
    }
    for former in spec.former_names {
        // The new consumer delivers what the former one had not acked.
        if stream.delete_consumer(&Names::consumer(former)).await.is_ok() {
            tracing::info!(consumer = name, former, "consumer replaced: its handler was renamed");
        }
    }
    Ok(())
}

/// Returns where a missing consumer begins.
async fn beginning(
    broker: &Broker,
    stream: &Stream,
    spec: &HandlerSpec,
    name: &str,
) -> Result<DeliverPolicy, String> {
    for former in spec.former_names {
        if let Ok(found) = stream.consumer_info(&Names::consumer(former)).await {
            let start_sequence = found.ack_floor.stream_sequence + 1;
            return Ok(DeliverPolicy::ByStartSequence { start_sequence });
        }
    }
    if spec.start_at == StartAt::Beginning {
        return Ok(DeliverPolicy::All);
    }
    let info = stream.get_info().await.map_err(|error| error.to_string())?;
    if let Some(start) = info.config.metadata.get(&start_key(name)).and_then(|start| start.parse().ok()) {
        return Ok(DeliverPolicy::ByStartSequence { start_sequence: start });
    }
    let age = age(broker, &info.config.name).await?;
    // A new stream may have replaced a lost one, and hold messages that were published again from the journals. The
    // handler was responsible for these, so it begins at the first of them.
    let start_sequence = if age < NEW_STREAM { 1 } else { info.state.last_sequence + 1 };
    note_start(broker, stream, name, start_sequence).await?;
    Ok(DeliverPolicy::ByStartSequence { start_sequence })
}

/// When a stream was created and when the server said so, both by the server's clock.
#[derive(Deserialize)]
struct Dates {
    created: String,
    ts: String,
}

/// Returns a stream's age. Only the server's clock is asked, because others may differ.
async fn age(broker: &Broker, stream: &str) -> Result<Duration, String> {
    let info = broker.jetstream().request::<_, _, Dates>(format!("STREAM.INFO.{stream}"), &());
    let Dates { created, ts } = info.await.map_err(|error| error.to_string())?;
    let read = |time: &str| time.parse::<Timestamp>().map_err(|error| format!("{time}: {error}"));
    Ok(Duration::try_from(read(&ts)?.duration_since(read(&created)?)).unwrap_or_default())
}

/// Keeps a consumer's first beginning in the stream's metadata, unless it is there already.
async fn note_start(broker: &Broker, stream: &Stream, name: &str, start: u64) -> Result<(), String> {
    let key = start_key(name);
    if stream.cached_info().config.metadata.contains_key(&key) {
        return Ok(());
    }
    let mut config = stream.get_info().await.map_err(|error| error.to_string())?.config;
    config.metadata.entry(key).or_insert_with(|| start.to_string());
    broker.jetstream().update_stream(&config).await.map(drop).map_err(|error| error.to_string())
}

fn start_key(consumer: &str) -> String {
    format!("despatch-start-{consumer}")
}

/// Returns whether a consumer has seen a message that is not on its stream yet. It would skip everything stored until
/// then.
pub(crate) async fn is_ahead(stream: &Stream, consumer: &consumer::Info) -> bool {
    let seen = consumer.delivered.stream_sequence;
    // The cached state usually suffices. If not, the stream's state is read again, after the consumer's.
    seen > stream.cached_info().state.last_sequence
        && stream.get_info().await.is_ok_and(|info| seen > info.state.last_sequence)
}

/// Returns the first sequence of a new stream. Acks name messages by their number alone, and acks for an earlier stream
/// may still be on their way, so no number may repeat. Microseconds since 1970 exceed the last sequence of every stream
/// that stored less than a million messages per second of its life.
fn unused_sequence(now: SystemTime) -> u64 {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(1)
}

/// How long a copy of the stream may be silent, and how far behind: more than that is no load, but a fault.
const SILENT: Duration = Duration::from_secs(10);
const LAGGING: u64 = 10_000;

/// Returns which copies of a stream are not up to date; `None` if all are.
pub(crate) fn replicas_behind(cluster: &ClusterInfo) -> Option<String> {
    let behind = cluster.replicas.iter().filter_map(|peer| match peer.lag.unwrap_or_default() {
        _ if peer.offline => Some(format!("{} is offline", peer.name)),
        // The leader has had no answer of it since it leads.
        _ if !peer.current && peer.active.is_zero() => Some(format!("{} is silent", peer.name)),
        _ if peer.active > SILENT => Some(format!("{} is silent for {} s", peer.name, peer.active.as_secs())),
        lag if lag > LAGGING => Some(format!("{} is {lag} messages behind", peer.name)),
        _ => None,
    });
    let behind: Vec<String> = behind.collect();
    (!behind.is_empty()).then(|| behind.join(", "))
}

/// Returns the stream's required configuration.
pub(crate) fn stream_config(names: &Names, settings: &Settings) -> stream::Config {
    stream::Config {
        name: names.stream.clone(),
        subjects: ["evt.>", "dead.>", "replay.>", "settled.>"].map(|subject| names.full(subject)).to_vec(),
        retention: stream::RetentionPolicy::Limits,
        storage: stream::StorageType::File,
        max_age: settings.stream_retention,
        duplicate_window: DUPLICATES.min(settings.stream_retention),
        num_replicas: settings.stream_replicas,
        ..stream::Config::default()
    }
}

/// A setting that differs from the required one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) setting: &'static str,
    pub(crate) found: String,
    pub(crate) wanted: String,
}

fn differ<T: PartialEq + Debug>(setting: &'static str, wanted: &T, found: &T) -> Option<Difference> {
    let difference = || Difference { setting, found: format!("{found:?}"), wanted: format!("{wanted:?}") };
    (wanted != found).then(difference)
}

/// Returns how a stream differs from its required configuration, in all that matters.
pub(crate) fn stream_differences(wanted: &stream::Config, found: &stream::Config) -> Vec<Difference> {
    let differences = [
        differ("subjects", &wanted.subjects, &found.subjects),
        differ("retention", &wanted.retention, &found.retention),
        differ("storage", &wanted.storage, &found.storage),
        differ("max_age", &wanted.max_age, &found.max_age),
        differ("duplicate_window", &wanted.duplicate_window, &found.duplicate_window),
        differ("num_replicas", &wanted.num_replicas, &found.num_replicas),
    ];
    differences.into_iter().flatten().collect()
}

/// Returns the required configuration of a handler's consumer.
pub(crate) fn consumer_config(names: &Names, settings: &Settings, spec: &HandlerSpec) -> pull::Config {
    let mut subjects: Vec<String> =
        spec.consumes.iter().map(|event_type| names.full(&subscription_subject(event_type))).collect();
    subjects.extend(spec.names().iter().map(|name| names.full(&replay_subject(name))));
    pull::Config {
        durable_name: Some(Names::consumer(spec.name)),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: settings.ack_wait,
        max_deliver: -1,
        max_ack_pending: MAX_ACK_PENDING,
        filter_subjects: subjects,
        ..pull::Config::default()
    }
}

/// Returns how a consumer differs from its required configuration, in all that matters.
pub(crate) fn consumer_differences(wanted: &pull::Config, found: &consumer::Config) -> Vec<Difference> {
    // Some servers return a list of one subject as a single subject.
    let mut filters = found.filter_subjects.clone();
    if filters.is_empty() && !found.filter_subject.is_empty() {
        filters.push(found.filter_subject.clone());
    }
    let differences = [
        differ("ack_policy", &wanted.ack_policy, &found.ack_policy),
        differ("ack_wait", &wanted.ack_wait, &found.ack_wait),
        differ("max_deliver", &wanted.max_deliver, &found.max_deliver),
        differ("max_ack_pending", &wanted.max_ack_pending, &found.max_ack_pending),
        differ("filter_subjects", &wanted.filter_subjects, &filters),
    ];
    differences.into_iter().flatten().collect()
}
