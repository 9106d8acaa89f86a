//! Recovery from a broker that lost what it had acknowledged: its disk, or what was not yet written there. PostgreSQL
//! is the truth. Every worker checks the stream, detects a loss, and publishes again from its journal.
//!
//! *Detection.* The worker knows messages and their positions. Its schema has the stream's last message at the latest
//! check. Its memory has, for each connection, the message furthest along that it got an ack for or received. If the
//! stream was created again, or a known position holds another message or none, then everything after that position is
//! lost.
//!
//! *Republication.* The worker publishes everything recorded since `settled_until`. Everything recorded before that
//! time was on the stream, and every handler that consumes it had settled it. That is known once every consumer has
//! passed the position at which the stream ended at a moment when all recorded messages were stored. Publishing twice
//! is harmless, so the rest goes out again unchanged.
//!
//! A worker that starts or reconnects cannot know what other processes published, and the broker lost, since the last
//! check. So it publishes that again too. The broker's dedupe drops what is still there.
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
use crate::failpoint;
use crate::journal::{Journal, StreamCheckpoint};
use crate::nats::{Broker, Connection, Headers, LastPositions, Names, Published, StreamPosition};

/// Checks while a batch ages until it is swept: every five seconds by default.
const LOOKS: u32 = 12;

/// Why a check was interrupted; the next one follows soon.
#[derive(Debug, thiserror::Error)]
enum Interrupted {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("NATS: {0}")]
    Broker(String),
}

/// Converts a failed request to the broker.
fn broker(error: impl std::fmt::Display) -> Interrupted {
    Interrupted::Broker(error.to_string())
}

/// A moment that is settled once every consumer has passed a position.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// Everything recorded before this moment…
    until: SystemTime,
    /// …is on the stream at or before this position.
    sequence: u64,
}

/// Checks the stream until the process drains. `handlers` are those of this worker.
pub(crate) async fn watch(ctx: Arc<WorkerContext>, handlers: Vec<&'static str>) {
    let mut tick = tokio::time::interval(ctx.settings.sweep_after / LOOKS);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut watcher = Watcher { ctx: &ctx, handlers, candidate: None, caught_up: None, lost: false };
    // Returns once there is a connection. A check that began earlier could not tell its connection, would not count,
    // and everything that it had published would be published once more.
    tokio::select! {
        _ = ctx.broker.client().flush() => {}
        () = ctx.drain.cancelled() => return,
    }
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = ctx.drain.cancelled() => return,
        }
        failpoint::pass("recovery");
        match watcher.check().await {
            Ok(()) => {}
            // The parts that need the broker log this.
            Err(Interrupted::Broker(why)) => {
                tracing::debug!(worker = ctx.worker, why, "stream check interrupted");
            }
            Err(Interrupted::Database(error)) if error.kind() == DbErrorKind::Unreachable => {}
            Err(error) => tracing::error!(worker = ctx.worker, %error, "stream check failed"),
        }
    }
}

struct Watcher<'a> {
    ctx: &'a WorkerContext,
    handlers: Vec<&'static str>,
    candidate: Option<Candidate>,
    /// The connection over which everything recorded before it has been stored again, if necessary.
    caught_up: Option<Connection>,
    /// Whether a loss was detected and not yet repaired. Its evidence may be gone by now.
    lost: bool,
}

impl Watcher<'_> {
    async fn check(&mut self) -> Result<(), Interrupted> {
        let (journal, db) = (&self.ctx.journal, &self.ctx.db);
        let connection = self.ctx.broker.connection();
        // The time is read before the stream, so that everything stored by that time is on the stream as read.
        let until = journal.stored_until(&db.client().await?).await?;
        let jetstream = self.ctx.broker.jetstream();
        let stream = jetstream.get_stream(&self.ctx.broker.names().stream).await.map_err(broker)?;
        let checkpoint = journal.checkpoint(&db.client().await?).await?;
        let (created_at, positions) = (created_at(&stream), self.ctx.broker.positions());

        if let Some(checkpoint) = checkpoint {
            if let Some(loss) = self.detect_loss(&stream, &checkpoint, &positions).await? {
                tracing::warn!(worker = self.ctx.worker, loss, "stream lost messages");
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
            // The positions read before do not include messages published just now. The next check notes them.
            return Ok(());
        }

        let settled_until = self.settled(until, &stream).await?;
        let last = match stream.cached_info().state.last_sequence {
            0 => None,
            sequence => self.message_at(&stream, sequence).await?,
        };
        // An unreadable last message proves nothing; the one before it still does.
        let mark = last.or(checkpoint.and_then(|checkpoint| checkpoint.mark));
        if self.ctx.broker.connection() != connection {
            // The reads may have met different streams.
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

    /// Describes what the stream has lost; returns `None` if it lost nothing.
    async fn detect_loss(
        &self,
        stream: &Stream,
        checkpoint: &StreamCheckpoint,
        positions: &LastPositions,
    ) -> Result<Option<String>, Interrupted> {
        let state = &stream.cached_info().state;
        if checkpoint.created != created_at(stream) {
            return Ok(Some("the stream was created again".to_owned()));
        }
        let aged = |mark: StreamPosition| {
            mark.sequence < state.first_sequence && checkpoint.age >= self.ctx.settings.stream_retention
        };
        let stored = checkpoint.mark.filter(|mark| !aged(*mark));
        // Positions in memory are no older than the latest complete check, so retention has not removed them.
        for mark in stored.into_iter().chain(positions.values().copied()) {
            if self.message_at(stream, mark.sequence).await? != Some(mark) {
                return Ok(Some(format!(
                    "expected {} at position {}, found another message or none",
                    mark.id, mark.sequence
                )));
            }
        }
        Ok(None)
    }

    /// Returns the message at a position; `None` if there is none, or none with a readable id.
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

    /// Publishes everything that the stream may lack, and lets the consumers receive it.
    async fn recover(
        &mut self,
        checkpoint: StreamCheckpoint,
        created_at: i64,
        connection: Connection,
    ) -> Result<(), Interrupted> {
        self.candidate = None;
        if checkpoint.created == created_at {
            // These consumers may be ahead of messages that were stored since. New consumers begin at the stream's
            // beginning.
            self.renew_consumers().await;
        }
        self.ctx.broker.forget_positions();
        let published =
            self.publish_again(checkpoint.settled_until, Envelope::headers_without_msg_id).await?;
        if published == Published::Partly || self.ctx.broker.connection() != connection {
            return Ok(());
        }
        // From now on the last republished message identifies the stream.
        let mark = self.ctx.broker.positions().into_values().max_by_key(|mark| mark.sequence);
        let checkpoint = StreamCheckpoint { created: created_at, mark, ..checkpoint };
        self.ctx.journal.save_checkpoint(&self.ctx.db.client().await?, &checkpoint).await?;
        (self.caught_up, self.lost) = (Some(connection), false);
        Ok(())
    }

    async fn renew_consumers(&self) {
        if !self.ctx.settings.provision {
            // Only the provisioner may delete consumers.
            tracing::error!(
                worker = self.ctx.worker,
                "consumers may skip messages: delete the stream, then run `despatch provision`"
            );
            return;
        }
        let (jetstream, stream) = (self.ctx.broker.jetstream(), &self.ctx.broker.names().stream);
        for handler in &self.handlers {
            let consumer = Names::consumer(handler);
            if let Err(error) = jetstream.delete_consumer_from_stream(&consumer, stream).await {
                tracing::warn!(handler, %error, "consumer may skip messages: it was not deleted");
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
            tracing::info!(worker = self.ctx.worker, count, "journal published again");
        }
        Ok(published)
    }

    /// Returns the time before which everything recorded is settled, if it has advanced.
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

    /// Returns the position up to which all consumers have settled the stream; `None` if a consumer is missing.
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

/// Publishes everything that was published since `since`, or all of it. Returns how many messages were published before
/// `abandon`.
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

/// Returns when the server created a stream, in nanoseconds since 1970.
fn created_at(stream: &Stream) -> i64 {
    i64::try_from(stream.cached_info().created.unix_timestamp_nanos()).unwrap_or_default()
}
