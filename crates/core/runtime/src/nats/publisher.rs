//! Publishes to the stream and receives the acks: one inbox for all of them, one deadline for each batch.
//!
//! The client library's own publishing keeps a timer, a channel and a reply subject for each message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::{Client, HeaderMap, Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::failpoint;
use crate::supervise::supervised;

/// How long the broker may go without an ack for a batch before the batch's remaining messages count as not stored.
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// How long it may go without any ack. Then nobody leads the stream, or its leader hangs, and the messages are on their way
/// to nowhere.
const SILENCE: Duration = Duration::from_secs(2);

/// Most messages without an ack, over all batches. It is less than the number that the server queues for a stream
/// before it refuses more.
const MAX_UNACKED: usize = 4096;

/// A message to publish.
pub(crate) struct Outgoing {
    /// The subject with the deployment's namespace.
    pub(crate) subject: String,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Bytes,
}

/// Why a message may not be stored.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum PublishError {
    /// Neither stored nor refused in time.
    #[error("no ack in time")]
    Timeout,
    /// No stream takes its subject.
    #[error("no stream takes the subject")]
    NoStream,
    /// The server refuses the message.
    #[error("refused: {0}")]
    Refused(String),
    /// The reply is not an ack.
    #[error("the ack cannot be read: {0}")]
    Unreadable(String),
    /// The message was not sent.
    #[error("not sent: {0}")]
    NotSent(String),
}

/// A message's place in the stream, or why it may not be stored.
pub(crate) type Stored = Result<u64, PublishError>;

/// Publishes messages and receives their acks.
pub(crate) struct Publisher {
    client: Client,
    /// The prefix of all reply subjects; a batch's number and a message's position follow.
    inbox: String,
    pending: Arc<Mutex<PendingBatches>>,
    room: Semaphore,
    _listening: DropGuard,
}

struct PendingBatches {
    next: u64,
    /// When the last ack came.
    last_ack: Instant,
    batches: HashMap<u64, Arc<Batch>>,
}

impl PendingBatches {
    fn new() -> Self {
        PendingBatches { next: 0, last_ack: Instant::now(), batches: HashMap::new() }
    }
}

/// Messages that are acked together.
struct Batch {
    answers: Mutex<Answers>,
    acked: Notify,
}

struct Answers {
    left: usize,
    stored: Vec<Option<Stored>>,
}

impl Publisher {
    /// Subscribes to acks, at once or as soon as there is a connection.
    pub(crate) async fn listen(client: Client) -> Result<Self, async_nats::SubscribeError> {
        let inbox = client.new_inbox();
        let subscriber = client.subscribe(format!("{inbox}.*.*")).await?;
        let pending = Arc::new(Mutex::new(PendingBatches::new()));
        let listening = CancellationToken::new();
        let (inbox_of_acks, batches) = (Arc::new(AsyncMutex::new(subscriber)), pending.clone());
        let receive = move || receive_acks(inbox_of_acks.clone(), batches.clone());
        tokio::spawn(listening.clone().run_until_cancelled_owned(supervised("acks", receive)));
        Ok(Publisher {
            client,
            inbox,
            pending,
            room: Semaphore::new(MAX_UNACKED),
            _listening: listening.drop_guard(),
        })
    }

    /// Publishes messages and waits until each has an ack, or no ack came for [`ACK_TIMEOUT`], or none for any message
    /// for [`SILENCE`]. Answers in their order.
    /// If dropped early, it is unknown which messages were stored.
    pub(crate) async fn publish(&self, mut messages: Vec<Outgoing>) -> Vec<Stored> {
        let mut stored = Vec::with_capacity(messages.len());
        while !messages.is_empty() {
            let later = messages.split_off(messages.len().min(MAX_UNACKED / 4));
            stored.extend(self.publish_some(messages).await);
            messages = later;
        }
        stored
    }

    async fn publish_some(&self, messages: Vec<Outgoing>) -> Vec<Stored> {
        let count = u32::try_from(messages.len()).unwrap_or(u32::MAX);
        // The semaphore is never closed; if it were, the number of messages would be unlimited.
        let _room = self.room.acquire_many(count).await.ok();
        let batch = Arc::new(Batch::of(messages.len()));
        let pending_batch = PendingBatch::new(&self.pending, batch.clone());
        for (place, Outgoing { subject, headers, payload }) in messages.into_iter().enumerate() {
            let reply = format!("{}.{}.{place}", self.inbox, pending_batch.number);
            let sent = self.client.publish_with_reply_and_headers(subject, reply, headers, payload).await;
            if let Err(error) = sent {
                batch.answer(place, Err(PublishError::NotSent(error.to_string())));
            }
        }
        batch.answered(&self.pending).await
    }
}

/// A batch's place among the pending ones, until this is dropped.
struct PendingBatch<'a> {
    pending: &'a Mutex<PendingBatches>,
    number: u64,
}

impl<'a> PendingBatch<'a> {
    fn new(pending: &'a Mutex<PendingBatches>, batch: Arc<Batch>) -> Self {
        let mut locked = lock(pending);
        locked.next += 1;
        let number = locked.next;
        locked.batches.insert(number, batch);
        PendingBatch { pending, number }
    }
}

impl Drop for PendingBatch<'_> {
    fn drop(&mut self) {
        lock(self.pending).batches.remove(&self.number);
    }
}

impl Batch {
    fn of(count: usize) -> Self {
        let stored = (0..count).map(|_| None).collect();
        Batch { answers: Mutex::new(Answers { left: count, stored }), acked: Notify::new() }
    }

    fn answer(&self, place: usize, stored: Stored) {
        let mut answers = lock(&self.answers);
        let Some(answer @ None) = answers.stored.get_mut(place) else { return };
        *answer = Some(stored);
        answers.left -= 1;
        if answers.left == 0 {
            self.acked.notify_one();
        }
    }

    /// Waits for the last ack, as long as acks arrive.
    async fn answered(&self, pending: &Mutex<PendingBatches>) -> Vec<Stored> {
        let mut left = lock(&self.answers).left;
        let mut progress = Instant::now();
        while left > 0 {
            let in_time = tokio::time::timeout(SILENCE, self.acked.notified()).await.is_ok();
            let left_now = lock(&self.answers).left;
            if left_now != left {
                (left, progress) = (left_now, Instant::now());
            } else if !in_time
                && (lock(pending).last_ack.elapsed() >= SILENCE || progress.elapsed() >= ACK_TIMEOUT)
            {
                break;
            }
        }
        let stored = std::mem::take(&mut lock(&self.answers).stored);
        stored.into_iter().map(|answer| answer.unwrap_or(Err(PublishError::Timeout))).collect()
    }
}

/// Gives each ack to its batch.
async fn receive_acks(inbox: Arc<AsyncMutex<Subscriber>>, pending: Arc<Mutex<PendingBatches>>) {
    let mut inbox = inbox.lock().await;
    while let Some(message) = inbox.next().await {
        failpoint::pass("acks");
        let mut tokens = message.subject.rsplit('.');
        let (place, number) = (tokens.next().and_then(parse), tokens.next().and_then(parse));
        let (Some(place), Some(number)) = (place, number) else { continue };
        let mut locked = lock(&pending);
        locked.last_ack = Instant::now();
        let batch = locked.batches.get(&number).cloned();
        drop(locked);
        // An ack of an abandoned batch is ignored.
        if let (Some(batch), Ok(place)) = (batch, usize::try_from(place)) {
            batch.answer(place, read(&message));
        }
    }
}

fn parse(token: &str) -> Option<u64> {
    token.parse().ok()
}

/// Reads the server's reply to a message.
fn read(message: &Message) -> Stored {
    #[derive(Deserialize)]
    struct Ack {
        seq: Option<u64>,
        error: Option<AckError>,
    }
    #[derive(Deserialize)]
    struct AckError {
        #[serde(default)]
        description: String,
    }
    if message.status == Some(StatusCode::NO_RESPONDERS) {
        return Err(PublishError::NoStream);
    }
    match serde_json::from_slice(&message.payload) {
        Ok(Ack { error: Some(refusal), .. }) => Err(PublishError::Refused(refusal.description)),
        Ok(Ack { seq: Some(sequence), .. }) => Ok(sequence),
        Ok(Ack { .. }) => Err(PublishError::Unreadable("expected a sequence, found none".to_owned())),
        Err(error) => Err(PublishError::Unreadable(error.to_string())),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(payload: &'static str, status: Option<StatusCode>) -> Message {
        Message {
            subject: "_INBOX.a.1.0".into(),
            reply: None,
            payload: Bytes::from_static(payload.as_bytes()),
            headers: None,
            status,
            description: None,
            length: payload.len(),
        }
    }

    #[test]
    fn acks_and_refusals_are_read() {
        let sequence = read(&message(r#"{"stream":"DESPATCH","seq":17,"duplicate":true}"#, None));
        assert!(matches!(sequence, Ok(17)), "{sequence:?}");
        let refused = r#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"DESPATCH","seq":0}"#;
        let refused = read(&message(refused, None));
        assert!(
            matches!(&refused, Err(PublishError::Refused(why)) if why == "maximum bytes exceeded"),
            "{refused:?}"
        );
        assert!(matches!(read(&message("", Some(StatusCode::NO_RESPONDERS))), Err(PublishError::NoStream)));
        for odd in ["", "{}", "+ACK", r#"{"seq":-1}"#] {
            assert!(matches!(read(&message(odd, None)), Err(PublishError::Unreadable(_))), "{odd}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_acknowledged_is_not_stored() {
        let batch = Batch::of(3);
        batch.answer(1, Ok(5));
        batch.answer(1, Ok(6));
        batch.answer(7, Ok(7));
        let stored = batch.answered(&Mutex::new(PendingBatches::new())).await;
        assert!(
            matches!(stored[..], [Err(PublishError::Timeout), Ok(5), Err(PublishError::Timeout)]),
            "{stored:?}"
        );
    }
}
