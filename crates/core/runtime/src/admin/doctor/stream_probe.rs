//! Whether the stream really takes messages: one is published, read back and deleted.
//!
//! A publish that the stream refuses on purpose would not do: a stream whose disk is full refuses as well as ever, and takes
//! nothing. So a message has to be stored. It is on the replay subject of a handler that does not exist, which no consumer
//! receives. If the doctor dies in between, the message stays until the stream's retention has passed, and nobody handles it.

use std::error::Error as _;

use async_nats::ConnectOptions;
use async_nats::jetstream::context::{ContextBuilder, GetStreamErrorKind, PublishError, PublishErrorKind};
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{Context, ErrorCode};
use despatch_contracts::replay_subject;
use tokio::sync::mpsc;

use crate::admin::doctor::check::{ANSWER_TIMEOUT, Check, Grade};
use crate::error::chain;
use crate::nats::{Names, connect_once, inbox};

/// The handler that does not exist.
const NOBODY: &str = "doctor.probe";

/// `denied` is what the server has said against what this connection does.
pub(crate) async fn probe(
    jetstream: &Context,
    stream: &Stream,
    names: &Names,
    denied: &mut mpsc::UnboundedReceiver<String>,
) -> Check {
    let expected = format!("a message is stored and read back within {ANSWER_TIMEOUT:?}");
    let check = |found: String| Check::ok("stream probe", found, expected.clone());
    let payload = uuid::Uuid::new_v4().to_string();
    let subject = names.full(&replay_subject(NOBODY));
    let published = async { jetstream.publish(subject.clone(), payload.clone().into()).await?.await };
    // A publish that is not allowed is not answered.
    let refusal = async {
        loop {
            match denied.recv().await {
                Some(why) if why.contains(&subject) => return why,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    };
    let stored = tokio::select! {
        stored = published => stored,
        why = refusal => {
            let advice = "Run the doctor as the user `operator` (nats_url, nats_nkey_file) to have this examined.";
            return check(format!("not examined: {why}")).but(Grade::Warning, advice);
        }
    };
    let sequence = match stored {
        Ok(ack) => ack.sequence,
        Err(error) => return refused(check, &error),
    };
    let read = stream.get_raw_message(sequence).await;
    let deleted = stream.delete_message(sequence).await;
    match (read, deleted) {
        (Ok(message), _) if message.payload != payload => {
            let advice =
                "The stream was reset at this moment, or another one took its place. Run the doctor again.";
            check("another message is read back".to_owned()).but(Grade::Failed, advice)
        }
        (Err(error), _) => {
            let advice = "Look at the NATS server's log and its disk: what it acknowledges may be lost.";
            check(format!("a stored message cannot be read back: {error}")).but(Grade::Failed, advice)
        }
        (Ok(_), Err(error)) => {
            let advice = "Nothing is wrong with orders; the message leaves with the stream's retention.";
            check(format!("stored and read back, but not deleted: {error}")).but(Grade::Warning, advice)
        }
        (Ok(_), Ok(_)) => check("a message was stored, read back and deleted".to_owned()),
    }
}

/// Fails unless the deployment's stream stores a message now, which is deleted again. A stream that does not exist stores
/// none, which is no fault of the server.
pub async fn stream_stores(url: &str, namespace: &str) -> Result<(), String> {
    let adapt =
        |options: ConnectOptions| options.name("despatch watch").custom_inbox_prefix(inbox("operator"));
    let client = connect_once(url, adapt).await.map_err(|error| error.to_string())?;
    let jetstream = ContextBuilder::new().timeout(ANSWER_TIMEOUT).build(client);
    let names = Names::new(namespace);
    let stream = match jetstream.get_stream(&names.stream).await {
        Ok(stream) => stream,
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                return Ok(());
            }
            _ => return Err(chain(&error)),
        },
    };
    let subject = names.full(&replay_subject(NOBODY));
    let stored = async { jetstream.publish(subject, "probe".into()).await?.await };
    let stored = stored.await.map_err(|error| chain(&error))?;
    stream.delete_message(stored.sequence).await.map(|_| ()).map_err(|error| chain(&error))
}

fn refused(check: impl Fn(String) -> Check, error: &PublishError) -> Check {
    let why = error.source().map_or_else(|| error.kind().to_string(), ToString::to_string);
    match error.kind() {
        PublishErrorKind::TimedOut => check("the stream takes nothing: no ack in time".to_owned()).but(
            Grade::Failed,
            "Look at the NATS server's log: it may have had a full disk, or be overloaded. Make room and restart the \
             server. Recorded events wait in the journals and are published when it answers.",
        ),
        _ => check(format!("the stream takes nothing: {why}")).but(
            Grade::Failed,
            "Make room: on the server's disk, or in the account's limits. If there is room, restart the server.",
        ),
    }
}
