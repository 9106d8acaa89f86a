//! The broker may lose what it acknowledged: its disk, or what it had not yet written there. Postgres is the truth, so
//! every worker watches the stream, notices when it is not what it was, and publishes again from its journal.
//!
//! *Noticing.* The worker remembers messages and where they stood: in its schema the stream's last one at the latest
//! look, and in memory the furthest that it was acked or handed since, of each connection. A stream that was made anew, or
//! holds something else there, or nothing, has lost what followed.
//!
//! *What is published again.* What was recorded since `settled_until`: everything before was not only on the stream,
//! every handler that consumes it had settled it. That is known once every consumer has come past where the stream ended at
//! a moment by which all that was recorded had been stored. Twice is harmless, so the rest goes out again as it is.
//! A worker that starts, or has a new connection, cannot know what was published, by whatever process, and lost again
//! since its last look; it publishes that again too, and what is still there the broker drops as duplicates.
//!
//! The protocol's model (`tests/protocol`) has a switch for each of these rules.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use despatch_contracts::runtime::Envelope;
use futures_util::TryStreamExt;
use tokio_util::sync::CancellationToken;

use crate::context::WorkerContext;
use crate::db::{Database, DbError, DbErrorKind};
use crate::journal::{Journal, StreamCheckpoint};
use crate::nats::{Broker, Connection, Headers, LastPositions, Names, Published, StreamPosition};

/// How many looks there are while a batch ages to be swept: every five seconds by default.
const LOOKS: u32 = 12;

/// Why a look came to nothing; the next one is not far.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("NATS: {0}")]
    Broker(String),
}

/// A failed request to the broker.
fn broker(error: impl std::fmt::Display) -> Interrupted {
    Interrupted::Broker(error.to_string())
}

/// A point in time that is settled once every consumer has come past a message.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// What was recorded before this…
    until: SystemTime,
    /// …stands on the stream no further than here.
    sequence: u64,
}

/// Watches the stream until the process drains. `handlers` are those of this worker.
pub(crate) async fn watch(ctx: Arc<WorkerContext>, handlers: Vec<&'static str>) {
    let mut tick = tokio::time::interval(ctx.settings.sweep_after / LOOKS);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut watcher = Watcher { ctx: &ctx, handlers, candidate: None, caught_up: None, lost: false };
    // Answers once there is a connection. A look that began before could not say over which one it was made: it would come
    // to nothing, and all that it had published would go out once more.
    tokio::select! {
        _ = ctx.broker.client().flush() => {}
        () = ctx.drain.cancelled() => return,
    }
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = ctx.drain.cancelled() => return,
        }
        match watcher.check().await {
            Ok(()) => {}
            // Said by the parts that need them.
            Err(Interrupted::Broker(why)) => {
                tracing::debug!(worker = ctx.worker, why, "the stream is not seen");
            }
            Err(Interrupted::Database(error)) if error.kind() == DbErrorKind::Unreachable => {}
            Err(error) => tracing::error!(worker = ctx.worker, %error, "the stream is not watched"),
        }
    }
}

struct Watcher<'a> {
    ctx: &'a WorkerContext,
    handlers: Vec<&'static str>,
    candidate: Option<Candidate>,
    /// Over which connection everything that was recorded before has been stored again, if it had to be.
    caught_up: Option<Connection>,
    /// A loss has been noticed, and not made up for. What told of it may be forgotten by now.
    lost: bool,
}

impl Watcher<'_> {
    async fn check(&mut self) -> Result<(), Interrupted> {
        let (journal, db) = (&self.ctx.journal, &self.ctx.db);
        let connection = self.ctx.broker.connection();
        // First the time, then the stream: what was stored by then stands on what is seen now.
        let until = journal.stored_until(&db.client().await?).await?;
        let jetstream = self.ctx.broker.jetstream();
        let stream = jetstream.get_stream(&self.ctx.broker.names().stream).await.map_err(broker)?;
        let checkpoint = journal.checkpoint(&db.client().await?).await?;
        let (created_at, positions) = (created_at(&stream), self.ctx.broker.positions());

        if let Some(checkpoint) = checkpoint {
            if let Some(loss) = self.detect_loss(&stream, &checkpoint, &positions).await? {
                tracing::warn!(worker = self.ctx.worker, loss, "the stream has lost messages");
                self.lost = true;
            }
            if self.lost {
                return self.recover(checkpoint, created_at, connection).await;
            }
        }
        if self.caught_up.as_ref() != Some(&connection) {
            self.candidate = None;
            let since = checkpoint.map(|checkpoint| checkpoint.stored_until);
            let published = self.publish_again(since, Envelope::headers).await?;
            if published == Published::All && self.ctx.broker.connection() == connection {
                self.caught_up = Some(connection);
            }
            // What went out just now stands beyond what was seen before. The next look notes it.
            return Ok(());
        }

        let settled_until = self.settled(until, &stream).await?;
        let last = match stream.cached_info().state.last_sequence {
            0 => None,
            sequence => self.message_at(&stream, sequence).await?,
        };
        // A last message that cannot be read says nothing; the one before it still does.
        let mark = last.or(checkpoint.and_then(|checkpoint| checkpoint.mark));
        if self.ctx.broker.connection() != connection {
            // Perhaps not all of this was said of the same stream.
            return Ok(());
        }
        let checkpoint = StreamCheckpoint {
            created: created_at,
            mark,
            age: Duration::ZERO,
            stored_until: until,
            settled_until,
        };
        journal.save_checkpoint(&db.client().await?, &checkpoint).await?;
        if let Some(mark) = checkpoint.mark {
            self.ctx.broker.prune(&positions, mark);
        }
        Ok(())
    }

    /// What the stream has lost, in words.
    async fn detect_loss(
        &self,
        stream: &Stream,
        checkpoint: &StreamCheckpoint,
        positions: &LastPositions,
    ) -> Result<Option<String>, Interrupted> {
        let state = &stream.cached_info().state;
        if checkpoint.created != created_at(stream) {
            return Ok(Some("it was created again".to_owned()));
        }
        let aged = |mark: StreamPosition| {
            mark.sequence < state.first_sequence && checkpoint.age >= self.ctx.settings.stream_retention
        };
        let stored = checkpoint.mark.filter(|mark| !aged(*mark));
        // What was seen is no older than the latest look that came to something, so age has not taken it.
        for mark in stored.into_iter().chain(positions.values().copied()) {
            if self.message_at(stream, mark.sequence).await? != Some(mark) {
                return Ok(Some(format!("message {} is not {}", mark.sequence, mark.id)));
            }
        }
        Ok(None)
    }

    /// The message that stands somewhere; `None` when there is none that says which it is.
    async fn message_at(
        &self,
        stream: &Stream,
        sequence: u64,
    ) -> Result<Option<StreamPosition>, Interrupted> {
        match stream.get_raw_message(sequence).await {
            Ok(found) => {
                let read = Envelope::read(&found.subject, &found.headers, found.payload.clone());
                let mark = read.and_then(|envelope| {
                    Ok(StreamPosition { sequence, id: envelope.id()?, generation: envelope.generation })
                });
                Ok(mark.ok())
            }
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(broker(error)),
        }
    }

    /// Puts everything on the stream that it may lack, and has it received.
    async fn recover(
        &mut self,
        checkpoint: StreamCheckpoint,
        created_at: i64,
        connection: Connection,
    ) -> Result<(), Interrupted> {
        self.candidate = None;
        if checkpoint.created == created_at {
            // These consumers may be past messages that were stored since. New ones begin at the beginning.
            self.renew_consumers().await;
        }
        self.ctx.broker.forget_positions();
        let published =
            self.publish_again(checkpoint.settled_until, Envelope::headers_without_msg_id).await?;
        if published == Published::Partly || self.ctx.broker.connection() != connection {
            return Ok(());
        }
        // From here on the stream is known by the last of what was stored again.
        let mark = self.ctx.broker.positions().into_values().max_by_key(|mark| mark.sequence);
        let checkpoint = StreamCheckpoint { created: created_at, mark, ..checkpoint };
        self.ctx.journal.save_checkpoint(&self.ctx.db.client().await?, &checkpoint).await?;
        (self.caught_up, self.lost) = (Some(connection), false);
        Ok(())
    }

    async fn renew_consumers(&self) {
        if !self.ctx.settings.provision {
            // It is not this worker's to do, and it may not.
            tracing::error!(
                worker = self.ctx.worker,
                "consumers may pass messages over; run `despatch provision`"
            );
            return;
        }
        let (jetstream, stream) = (self.ctx.broker.jetstream(), &self.ctx.broker.names().stream);
        for handler in &self.handlers {
            let consumer = Names::consumer(handler);
            if let Err(error) = jetstream.delete_consumer_from_stream(&consumer, stream).await {
                tracing::warn!(handler, %error, "the consumer may have passed messages over");
            }
        }
        self.ctx.consumer_missing.notify_one();
    }

    async fn publish_again(
        &self,
        since: Option<SystemTime>,
        headers: Headers,
    ) -> Result<Published, Interrupted> {
        let WorkerContext { db, journal, broker, abandon, .. } = self.ctx;
        let (published, count) = publish_recorded((db, journal), since, (broker, headers, abandon)).await?;
        if count > 0 {
            tracing::info!(worker = self.ctx.worker, count, "published again from the journal");
        }
        Ok(published)
    }

    /// The time before which everything recorded is settled, if more of that is known now than before.
    async fn settled(
        &mut self,
        until: SystemTime,
        stream: &Stream,
    ) -> Result<Option<SystemTime>, Interrupted> {
        let last = stream.cached_info().state.last_sequence;
        let candidate = *self.candidate.get_or_insert(Candidate { until, sequence: last });
        let Some(ack_floor) = self.ack_floor(stream, last).await? else { return Ok(None) };
        if ack_floor < candidate.sequence {
            return Ok(None);
        }
        self.candidate = None;
        Ok(Some(candidate.until))
    }

    /// How far everybody who consumes the stream has settled it; `None` when somebody's consumer is not there.
    async fn ack_floor(&self, stream: &Stream, last: u64) -> Result<Option<u64>, Interrupted> {
        let mut consumers = stream.consumers();
        let (mut names, mut ack_floor) = (Vec::new(), last);
        while let Some(consumer) = consumers.try_next().await.map_err(broker)? {
            if consumer.config.durable_name.is_none() {
                continue;
            }
            if consumer.num_pending > 0 || consumer.num_ack_pending > 0 {
                ack_floor = ack_floor.min(consumer.ack_floor.stream_sequence);
            }
            names.push(consumer.name);
        }
        let retention = self.ctx.settings.stream_retention;
        let client = self.ctx.db.client().await?;
        let has_missing_consumer = self.ctx.journal.has_missing_consumer(&client, &names, retention).await?;
        Ok((!has_missing_consumer).then_some(ack_floor))
    }
}

/// Publishes what the stream was published since `since`, or ever; answers how many messages that was, up to where somebody let
/// go.
pub(crate) async fn publish_recorded(
    (db, journal): (&Database, &Journal),
    since: Option<SystemTime>,
    (broker, headers, abandon): (&Broker, Headers, &CancellationToken),
) -> Result<(Published, u64), DbError> {
    let mut client = db.client().await?;
    let tx = client.transaction().await?;
    let published_rows = journal.published_since(&tx, since).await?;
    let mut count = 0;
    while let Some(envelopes) = published_rows.next().await? {
        if broker.publish_with(headers, &envelopes, abandon).await == Published::Partly {
            return Ok((Published::Partly, count));
        }
        count += envelopes.len() as u64;
    }
    Ok((Published::All, count))
}

/// When a stream's server made it, in nanoseconds since 1970.
fn created_at(stream: &Stream) -> i64 {
    i64::try_from(stream.cached_info().created.unix_timestamp_nanos()).unwrap_or_default()
}
