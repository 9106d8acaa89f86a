//! NATS: is it there, is it new enough, does it have what the provisioner makes, and room.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::account::Account;
use async_nats::jetstream::context::{
    AccountErrorKind, ConsumerInfoErrorKind, ContextBuilder, GetStreamError, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{ClusterInfo, Stream};
use async_nats::{Client, Event, jetstream};
use futures_util::future::join_all;
use tokio::sync::mpsc;

use crate::admin::doctor::check::{ANSWER_TIMEOUT, Check, Grade, bounded, sentence};
use crate::admin::doctor::processes;
use crate::admin::doctor::stream_probe::probe;
use crate::admin::provision::{
    Difference, consumer_config, consumer_differences, is_ahead, replicas_behind, stream_config,
    stream_differences,
};
use crate::error::chain;
use crate::nats::{BrokerError, Names, USUAL_PAYLOAD, connect_once, inbox, place};
use crate::settings::Settings;
use crate::worker::{HandlerSpec, Worker};

/// The oldest that knows everything the provisioner asks for.
const OLDEST: (u32, u32) = (2, 10);

/// Below this limit of messages, ordinary orders do not fit.
const SMALL_PAYLOAD: usize = 64 * 1024;

const PROVISION: &str =
    "Run `despatch provision`. A process with runtime.provision = true does the same within seconds.";

pub(crate) async fn examine(settings: &Settings, workers: &[Worker]) -> Vec<Check> {
    let mut checks = Vec::new();
    let (say_denied, mut denied) = mpsc::unbounded_channel();
    let client = match connect(&settings.nats_url, say_denied).await {
        Ok((client, check)) => {
            checks.push(check);
            client
        }
        Err(check) => return vec![*check],
    };
    let specs: Vec<&HandlerSpec> = workers.iter().flat_map(Worker::specs).collect();
    bounded("nats", &mut checks, async |checks| {
        let server = client.server_info();
        checks.push(version(&server.version));
        checks.push(payload(server.max_payload));
        let names = Names::new(&settings.namespace);
        checks.extend(processes::examine(&client, &names, workers).await);
        let jetstream = ContextBuilder::new().timeout(ANSWER_TIMEOUT).build(client.clone());
        let expected = "on";
        match jetstream.query_account().await {
            Ok(account) => {
                checks.push(Check::ok("nats JetStream", "on", expected));
                checks.push(storage(&account));
            }
            Err(error) => {
                let advice = match error.kind() {
                    AccountErrorKind::TimedOut => OVERLOADED,
                    AccountErrorKind::JetStream(_) | AccountErrorKind::JetStreamUnavailable | AccountErrorKind::Other => {
                        "Start nats-server with --jetstream and a --store_dir that outlives it, and let this account use it."
                    }
                };
                let check = Check::ok("nats JetStream", error.to_string(), expected);
                checks.push(check.but(Grade::Failed, advice));
                return;
            }
        }
        let (check, stream) = stream(&jetstream, &names, settings).await;
        checks.push(check);
        // Without the stream there are no consumers either, and making it makes them.
        let Some(stream) = stream else { return };
        checks.extend(stream.cached_info().cluster.as_ref().and_then(replicas));
        checks.push(probe(&jetstream, &stream, &names, &mut denied).await);
        checks.extend(join_all(specs.iter().map(|spec| consumer(&stream, &names, settings, spec))).await);
    })
    .await;
    checks
}

/// `denied` is told what the server does not allow.
async fn connect(url: &str, denied: mpsc::UnboundedSender<String>) -> Result<(Client, Check), Box<Check>> {
    let expected = format!("an answer within {ANSWER_TIMEOUT:?}");
    let failed = |subject: String, found: String, advice: String| {
        Box::new(Check::ok(subject, found, expected.clone()).but(Grade::Failed, advice))
    };
    if url.is_empty() {
        let advice = "Set nats_url (DESPATCH_NATS_URL), or start `despatch up`, which brings its own server.";
        return Err(failed("nats".into(), "no URL is configured".into(), advice.into()));
    }
    let subject = format!("nats {}", place(url).address);
    let connected = connect_once(url, |options| {
        options.name("despatch doctor").custom_inbox_prefix(inbox("operator")).event_callback(move |event| {
            if let Event::ServerError(error) = event {
                // Nobody listens any more once the probe is over.
                let _ = denied.send(error.to_string());
            }
            std::future::ready(())
        })
    });
    match connected.await {
        Ok(client) => Ok((client, Check::ok(subject, "it answers", expected.clone()))),
        Err(BrokerError::Connect(error)) => {
            let check = failed(subject, format!("it {}", error.what()), sentence(&error.hint()));
            let expected = if error.answered() { "it lets us in".to_owned() } else { expected.clone() };
            Err(Box::new(Check { expected, ..*check }))
        }
        Err(error) => Err(failed(subject, error.to_string(), "Correct nats_url (DESPATCH_NATS_URL).".into())),
    }
}

fn version(found: &str) -> Check {
    let mut numbers = found.split('.').map(|number| number.parse().unwrap_or(0));
    let release = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let check = Check::ok("nats version", found, format!("{}.{} or newer", OLDEST.0, OLDEST.1));
    if release >= OLDEST {
        return check;
    }
    check.but(
        Grade::Failed,
        "Upgrade nats-server: an older one silently ignores a consumer's list of subjects.",
    )
}

/// Compares the largest message that the server takes with what events may need.
fn payload(found: usize) -> Check {
    let kilobytes = |bytes: usize| format!("{} KiB", bytes / 1024);
    let expected = format!("{} or more", kilobytes(USUAL_PAYLOAD));
    let check = Check::ok("nats max_payload", kilobytes(found), expected);
    let advice = "Raise max_payload in the configuration of every NATS server. Until then the gateway refuses orders of more \
                  than a quarter of it (413), and larger events become dead letters or wait in the outbox.";
    match found {
        USUAL_PAYLOAD.. => check,
        SMALL_PAYLOAD.. => check.but(Grade::Warning, advice),
        _ => check.but(Grade::Failed, advice),
    }
}

/// Compares the size of the account's streams with its limit. The server does not tell clients its own limit.
fn storage(account: &Account) -> Check {
    let megabytes = |bytes: u64| format!("{} MB", bytes / 1_000_000);
    let subject = "nats storage";
    let limit = account.limits.max_storage.and_then(|limit| u64::try_from(limit).ok());
    let Some(limit) = limit.filter(|limit| *limit > 0) else {
        let found = format!("{}, and no limit to the account", megabytes(account.storage));
        return Check::ok(subject, found, "below its limit");
    };
    let found = format!("{} of {}", megabytes(account.storage), megabytes(limit));
    let check = Check::ok(subject, found, "less than 80 % of its limit");
    let grade = match account.storage.saturating_mul(100) / limit {
        0..80 => return check,
        80..95 => Grade::Warning,
        _ => Grade::Failed,
    };
    check.but(
        grade,
        "Raise the account's limit, or lower runtime.stream_retention_days: a full stream takes no event.",
    )
}

async fn stream(
    jetstream: &jetstream::Context,
    names: &Names,
    settings: &Settings,
) -> (Check, Option<Stream>) {
    let wanted = stream_config(names, settings);
    let subject = format!("stream {}", wanted.name);
    match jetstream.get_stream(&wanted.name).await {
        Ok(stream) => {
            let info = stream.cached_info();
            let found = format!("{} messages", info.state.messages);
            (compared(subject, found, &stream_differences(&wanted, &info.config)), Some(stream))
        }
        Err(error) => {
            let (found, advice) = unseen(&error);
            (Check::ok(subject, found, AS_PROVISIONED).but(Grade::Failed, advice), None)
        }
    }
}

/// Tells an absence, which only the server can state, from a stream that was not shown.
fn unseen(error: &GetStreamError) -> (String, &'static str) {
    match error.kind() {
        GetStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NOT_FOUND => {
            ("not there".to_owned(), PROVISION)
        }
        // While the cluster elects a leader, or cannot.
        GetStreamErrorKind::JetStream(said) if said.code() == 503 => {
            (format!("no answer: {said}"), OVERLOADED)
        }
        GetStreamErrorKind::JetStream(said) => (format!("the server refuses: {said}"), SERVER_LOG),
        GetStreamErrorKind::Request => (format!("no answer: {}", chain(error)), OVERLOADED),
        GetStreamErrorKind::EmptyName | GetStreamErrorKind::InvalidStreamName => {
            (error.to_string(), "Correct runtime.namespace (DESPATCH_RUNTIME_NAMESPACE).")
        }
    }
}

/// Looks at the servers that keep copies of the stream; `None` if it has one copy.
fn replicas(cluster: &ClusterInfo) -> Option<Check> {
    if cluster.replicas.is_empty() {
        return None;
    }
    let copies = cluster.replicas.len() + 1;
    let check = |found: String| Check::ok("stream replicas", found, format!("all {copies} up to date"));
    let Some(behind) = replicas_behind(cluster) else { return Some(check(format!("{copies} up to date"))) };
    let advice = "Start the server, or look at its log and its disk. Orders continue while more than half of the copies are \
                  up to date; the next server that fails may stop them.";
    Some(check(behind).but(Grade::Warning, advice))
}

async fn consumer(stream: &Stream, names: &Names, settings: &Settings, spec: &HandlerSpec) -> Check {
    let name = Names::consumer(spec.name);
    let subject = format!("consumer {name}");
    let info = match stream.consumer_info(&name).await {
        Ok(info) => info,
        Err(error) => {
            let (found, advice) = match error.kind() {
                ConsumerInfoErrorKind::NotFound | ConsumerInfoErrorKind::StreamNotFound => {
                    ("not there".to_owned(), PROVISION)
                }
                ConsumerInfoErrorKind::TimedOut | ConsumerInfoErrorKind::Request => {
                    (format!("no answer: {error}"), OVERLOADED)
                }
                _ => (format!("the server refuses: {error}"), SERVER_LOG),
            };
            return Check::ok(subject, found, AS_PROVISIONED).but(Grade::Failed, advice);
        }
    };
    if is_ahead(stream, &info).await {
        let (end, seen) = (stream.cached_info().state.last_sequence, info.delivered.stream_sequence);
        let found = format!("has seen message {seen} of a stream that ended at {end}");
        let advice = format!(
            "The stream was set back, and until it is as far again this consumes nothing. {PROVISION}"
        );
        return Check::ok(subject, found, "not ahead of its stream").but(Grade::Failed, advice);
    }
    let found = format!("{} to be handed out, {} in flight", info.num_pending, info.num_ack_pending);
    compared(subject, found, &consumer_differences(&consumer_config(names, settings, spec), &info.config))
}

/// It may be there all the same.
const OVERLOADED: &str =
    "It may be there all the same. Look at the NATS server's load and log, and run the doctor again.";

const SERVER_LOG: &str = "Look at the NATS server's log, and see that the user of nats_url may do this.";

const AS_PROVISIONED: &str = "as the provisioner makes it";

fn compared(subject: String, found: String, differences: &[Difference]) -> Check {
    if differences.is_empty() {
        return Check::ok(subject, found, AS_PROVISIONED);
    }
    let list = |say: fn(&Difference) -> String| differences.iter().map(say).collect::<Vec<_>>().join(", ");
    let found = list(|it| format!("{} {}", it.setting, it.found));
    let wanted = list(|it| format!("{} {}", it.setting, it.wanted));
    Check::ok(subject, found, wanted).but(Grade::Failed, PROVISION)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_nats::jetstream::stream::PeerInfo;

    use super::*;

    #[test]
    fn a_dead_replica_is_found() {
        let peer = |offline, seconds, lag| PeerInfo {
            name: "n3".to_owned(),
            current: false,
            active: Duration::from_secs(seconds),
            offline,
            lag: Some(lag),
        };
        let replicas =
            |peers: Vec<PeerInfo>| replicas(&ClusterInfo { replicas: peers, ..ClusterInfo::default() });
        assert_eq!(replicas(Vec::new()), None);
        // Under load a copy is a little behind at all times.
        let well = || peer(false, 1, 7);
        assert_eq!(replicas(vec![well(), well()]).unwrap().grade, Grade::Ok);
        for (peer, found) in [
            (peer(true, 90, 7), "n3 is offline"),
            (peer(false, 0, 7), "n3 is silent"),
            (peer(false, 12, 7), "n3 is silent for 12 s"),
            (peer(false, 1, 70_000), "n3 is 70000 messages behind"),
        ] {
            let check = replicas(vec![well(), peer]).unwrap();
            assert_eq!((check.grade, check.found.as_str()), (Grade::Warning, found));
        }
    }

    #[test]
    fn a_stream_without_a_leader_is_no_stream_that_is_not_there() {
        let said = |code: usize, err_code: u64| {
            let said = serde_json::json!({"code": code, "err_code": err_code, "description": "said"});
            GetStreamErrorKind::JetStream(serde_json::from_value(said).unwrap())
        };
        for (kind, found, advice) in [
            (said(404, 10_059), "not there", PROVISION),
            (said(503, 10_008), "no answer: ", OVERLOADED),
            (GetStreamErrorKind::Request, "no answer: ", OVERLOADED),
            (said(403, 10_000), "the server refuses: ", SERVER_LOG),
        ] {
            let seen = unseen(&GetStreamError::new(kind));
            assert!(seen.0.starts_with(found) && seen.1 == advice, "{seen:?}");
        }
    }

    #[test]
    fn a_server_that_takes_small_messages_only_is_found() {
        for (kib, grade) in [(8192, Grade::Ok), (1024, Grade::Ok), (512, Grade::Warning), (63, Grade::Failed)]
        {
            assert_eq!(payload(kib * 1024).grade, grade, "{kib}");
        }
    }

    #[test]
    fn versions_are_compared_by_number() {
        for (found, grade) in [
            ("2.9.25", Grade::Failed),
            ("2.10.0", Grade::Ok),
            ("2.12.1-RC.1", Grade::Ok),
            ("3.0.0", Grade::Ok),
            ("what?", Grade::Failed),
        ] {
            assert_eq!(version(found).grade, grade, "{found}");
        }
    }
}
