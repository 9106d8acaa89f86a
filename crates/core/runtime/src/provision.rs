//! The provisioner: creates the stream and the consumers from the registry, reads back what the server made of them,
//! and puts right what was changed or deleted.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream;
use despatch_contracts::{heard_on, replay_subject};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::broker::{Broker, BrokerError, Names};
use crate::health::Health;
use crate::job::Spec;
use crate::settings::Settings;

/// How often everything is checked when nobody complains.
const CHECK: Duration = Duration::from_secs(10);

/// How long the broker's dedupe remembers a message id. It only saves work.
const DUPLICATES: Duration = Duration::from_secs(120);

/// How many unacknowledged messages one handler may have over all its processes.
const MAX_ACK_PENDING: i64 = 20_000;

/// Keeps the broker in shape until the process drains.
pub(crate) async fn keep(
    broker: Broker,
    settings: Arc<Settings>,
    specs: Vec<Spec>,
    health: Health,
    missing: Arc<Notify>,
    drain: CancellationToken,
) {
    loop {
        match provision(&broker, &settings, &specs).await {
            Ok(()) => health.working("provisioner"),
            Err(error) => health.waiting("provisioner", error.to_string()),
        }
        let soon = if health.is_ready() { CHECK } else { Duration::from_millis(500) };
        tokio::select! {
            () = tokio::time::sleep(soon) => {}
            () = missing.notified() => {}
            () = drain.cancelled() => return,
        }
    }
}

/// Creates or corrects the stream and every handler's consumer.
pub(crate) async fn provision(
    broker: &Broker,
    settings: &Settings,
    specs: &[Spec],
) -> Result<(), BrokerError> {
    let wanted = stream_config(broker.names(), settings);
    let failed = |why: String| BrokerError::Provision { what: format!("stream {}", wanted.name), why };
    let jetstream = broker.jetstream();
    let made = match jetstream.get_stream(&wanted.name).await {
        Ok(found) if same_stream(&wanted, &found.cached_info().config) => found.cached_info().config.clone(),
        Ok(_) => jetstream.update_stream(&wanted).await.map_err(|error| failed(error.to_string()))?.config,
        Err(_) => {
            let made = jetstream.create_stream(&wanted).await.map_err(|error| failed(error.to_string()))?;
            made.cached_info().config.clone()
        }
    };
    if !same_stream(&wanted, &made) {
        return Err(failed(format!("the server made {made:?} of {wanted:?}")));
    }
    for spec in specs {
        consumer(broker, settings, spec).await?;
    }
    Ok(())
}

async fn consumer(broker: &Broker, settings: &Settings, spec: &Spec) -> Result<(), BrokerError> {
    let wanted = consumer_config(broker.names(), settings, spec);
    let name = Names::consumer(spec.name);
    let failed = |why: String| BrokerError::Provision { what: format!("consumer {name}"), why };
    let jetstream = broker.jetstream();
    let stream = &broker.names().stream;
    let found: Result<async_nats::jetstream::consumer::PullConsumer, _> =
        jetstream.get_consumer_from_stream(&name, stream).await;
    if let Ok(found) = found {
        if same_consumer(&wanted, &found.cached_info().config) {
            return Ok(());
        }
        tracing::info!(consumer = name, "configured differently; corrected");
    }
    let made = jetstream
        .create_consumer_on_stream(wanted.clone(), stream)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let made = &made.cached_info().config;
    if same_consumer(&wanted, made) {
        Ok(())
    } else {
        // Servers before 2.10 ignore what they do not know, a list of subjects for one.
        Err(failed(format!("the server made {made:?} of {wanted:?}; is it older than 2.10?")))
    }
}

fn stream_config(names: &Names, settings: &Settings) -> stream::Config {
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

fn same_stream(wanted: &stream::Config, found: &stream::Config) -> bool {
    wanted.subjects == found.subjects
        && wanted.retention == found.retention
        && wanted.storage == found.storage
        && wanted.max_age == found.max_age
        && wanted.duplicate_window == found.duplicate_window
        && wanted.num_replicas == found.num_replicas
}

fn consumer_config(names: &Names, settings: &Settings, spec: &Spec) -> pull::Config {
    let mut subjects: Vec<String> =
        spec.hears.iter().map(|event_type| names.full(&heard_on(event_type))).collect();
    subjects.push(names.full(&replay_subject(spec.name)));
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

fn same_consumer(wanted: &pull::Config, found: &async_nats::jetstream::consumer::Config) -> bool {
    // A list of one comes back as a single subject from some servers.
    let mut filters = found.filter_subjects.clone();
    if filters.is_empty() && !found.filter_subject.is_empty() {
        filters.push(found.filter_subject.clone());
    }
    wanted.ack_policy == found.ack_policy
        && wanted.ack_wait == found.ack_wait
        && wanted.max_deliver == found.max_deliver
        && wanted.max_ack_pending == found.max_ack_pending
        && wanted.filter_subjects == filters
}
