//! The journal: inbox and outbox in one. Its SQL is in `statements`.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use deadpool_postgres::GenericClient;
use despatch_contracts::EventId;
use despatch_contracts::runtime::{Envelope, Failures, FollowOns};
use prost::Message as _;
use tokio_postgres::{Portal, Row};
use uuid::Uuid;

use crate::broker::Mark;
use crate::database::DbError;
use crate::keys::hash;
use crate::statements::Statements;

mod settle;

pub(crate) use settle::{Fate, Settlement};

/// How many journal rows are read at a time.
const PORTION: i32 = 256;

/// One worker's journal, in the worker's schema.
pub(crate) struct Journal {
    schema: String,
    /// Sets this worker's contention keys apart from those of others in the same database.
    salt: i64,
    sql: Statements,
}

/// What the journal says of an event that arrives.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It has not been seen by this handler.
    New,
    /// It was seen, and this generation is the one that is waited for.
    Again(History),
    /// It is settled, or another generation is waited for.
    Stale,
}

/// What became of an event's earlier tries.
#[derive(Debug, Default, Clone)]
pub(crate) struct History {
    /// Tries that counted.
    pub(crate) attempts: u32,
    pub(crate) failures: Failures,
    /// For how long the event has been deferred, by the database's clock.
    pub(crate) deferred: Option<Duration>,
}

/// The journal row of an event that was handled at its first generation.
#[derive(Debug)]
pub(crate) struct Done<'a> {
    pub(crate) id: EventId,
    pub(crate) order_id: &'a str,
    /// Empty when nothing follows.
    pub(crate) outbox: Vec<u8>,
}

/// An open batch: events whose follow-ons may not all be on the stream yet.
#[derive(Debug)]
pub(crate) struct OpenBatch {
    pub(crate) id: i64,
    pub(crate) handler: String,
    pub(crate) events: Vec<Uuid>,
}

impl From<&Row> for OpenBatch {
    fn from(row: &Row) -> Self {
        OpenBatch { id: row.get("id"), handler: row.get("handler"), events: row.get("events") }
    }
}

/// What journal rows owe the stream.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    pub(crate) messages: Vec<Envelope>,
    /// Events of which it cannot be read. They stay owed, until somebody mends their rows.
    pub(crate) unreadable: Vec<Uuid>,
}

impl Owed {
    fn add(&mut self, event: Uuid, handler: &str, owed: Result<Vec<Envelope>, Unreadable>) {
        match owed {
            Ok(messages) => self.messages.extend(messages),
            Err(error) => {
                tracing::error!(handler, %event, %error, "what an event owes the stream cannot be read");
                self.unreadable.push(event);
            }
        }
    }
}

/// A journal row whose contents are not what was written.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("its outbox: {0}")]
    Outbox(prost::DecodeError),
    #[error("the waiting event: {0}")]
    Event(prost::DecodeError),
    #[error("the waiting event is not there")]
    NoEvent,
}

/// How far a worker trusts the stream; see the module `recover`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trusted {
    /// When its server made the stream, in nanoseconds since 1970.
    pub(crate) made: i64,
    /// A message that is there, unless something was lost.
    pub(crate) mark: Option<Mark>,
    /// For how long the mark has been known.
    pub(crate) age: Duration,
    /// What was recorded before this is on the stream.
    pub(crate) stored_until: SystemTime,
    /// What was recorded before this has been settled by everybody who hears it, as far as that is known.
    pub(crate) settled_until: Option<SystemTime>,
}

impl From<&Row> for Trusted {
    fn from(row: &Row) -> Self {
        let sequence: Option<i64> = row.get("sequence");
        let mark = sequence.and_then(|sequence| {
            Some(Mark {
                sequence: u64::try_from(sequence).ok()?,
                id: row.get::<_, Option<Uuid>>("event_id")?.into(),
                generation: u32::try_from(row.get::<_, Option<i32>>("generation")?).ok()?,
            })
        });
        Trusted {
            made: row.get("made"),
            mark,
            age: Duration::from_secs_f64(row.get::<_, f64>("age").max(0.0)),
            stored_until: row.get("stored_until"),
            settled_until: row.get("settled_until"),
        }
    }
}

/// Of what there is some whose time has come.
pub(crate) struct Due {
    pub(crate) retries: bool,
    pub(crate) timers: bool,
}

impl Journal {
    pub(crate) fn new(schema: &str) -> Self {
        Journal { schema: schema.to_owned(), salt: hash("worker", schema), sql: Statements::of(schema) }
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    pub(crate) fn sql(&self) -> &Statements {
        &self.sql
    }

    /// Asks about many events at once; answers in their order.
    pub(crate) async fn admit(
        &self,
        client: &impl GenericClient,
        handler: &str,
        events: &[(EventId, u32)],
    ) -> Result<Vec<Admission>, DbError> {
        let ids: Vec<Uuid> = events.iter().map(|(id, _)| id.uuid()).collect();
        let statement = client.prepare_cached(&self.sql.admit).await?;
        let rows = client.query(&statement, &[&handler, &ids]).await?;
        let known: std::collections::HashMap<Uuid, &Row> = rows.iter().map(|row| (row.get(0), row)).collect();
        Ok(events
            .iter()
            .map(|(id, generation)| admission(known.get(&id.uuid()).copied(), *generation))
            .collect())
    }

    /// Locks contention keys until the transaction ends. They come sorted, so that two batches cannot wait for each other.
    pub(crate) async fn lock(&self, client: &impl GenericClient, keys: &[i64]) -> Result<(), DbError> {
        let keys: Vec<i64> = keys.iter().map(|key| key ^ self.salt).collect();
        let statement = client.prepare_cached(self.sql.locks).await?;
        client.query(&statement, &[&keys]).await?;
        Ok(())
    }

    /// Prepares what the pipelined part of a transaction must not stop to prepare: a statement that goes out late
    /// would go out of order.
    pub(crate) async fn warm(&self, client: &impl GenericClient) -> Result<(), DbError> {
        client.prepare_cached(self.sql.locks).await?;
        client.prepare_cached(&self.sql.done).await?;
        client.prepare_cached(&self.sql.open).await?;
        Ok(())
    }

    /// Records first generations that were handled. Fails with a duplicate when another replica was faster.
    pub(crate) async fn done(
        &self,
        client: &impl GenericClient,
        handler: &str,
        done: &[Done<'_>],
    ) -> Result<(), DbError> {
        let ids: Vec<Uuid> = done.iter().map(|row| row.id.uuid()).collect();
        let orders: Vec<&str> = done.iter().map(|row| row.order_id).collect();
        let outboxes: Vec<Option<&[u8]>> = done.iter().map(|row| some(&row.outbox)).collect();
        let statement = client.prepare_cached(&self.sql.done).await?;
        client.execute(&statement, &[&handler, &ids, &orders, &outboxes]).await?;
        Ok(())
    }

    /// Opens a batch over events that owe the stream something.
    pub(crate) async fn open(
        &self,
        client: &impl GenericClient,
        handler: &str,
        events: &[Uuid],
    ) -> Result<i64, DbError> {
        let statement = client.prepare_cached(&self.sql.open).await?;
        Ok(client.query_one(&statement, &[&handler, &events]).await?.get(0))
    }

    /// Closes batches whose every follow-on is on the stream.
    pub(crate) async fn close(&self, client: &impl GenericClient, batches: &[i64]) -> Result<(), DbError> {
        let statement = client.prepare_cached(&self.sql.close).await?;
        client.execute(&statement, &[&batches]).await?;
        Ok(())
    }

    /// The open batches that name one of these events.
    pub(crate) async fn open_of(
        &self,
        client: &impl GenericClient,
        handler: &str,
        events: &[Uuid],
    ) -> Result<Vec<OpenBatch>, DbError> {
        let statement = client.prepare_cached(&self.sql.open_of).await?;
        Ok(client.query(&statement, &[&handler, &events]).await?.iter().map(OpenBatch::from).collect())
    }

    /// Leaves a batch open over those of its events that still owe the stream something.
    pub(crate) async fn narrow(
        &self,
        client: &impl GenericClient,
        batch: i64,
        events: &[Uuid],
    ) -> Result<(), DbError> {
        let statement = client.prepare_cached(&self.sql.narrow).await?;
        client.execute(&statement, &[&batch, &events]).await?;
        Ok(())
    }

    /// Up to 16 open batches older than `age` that nobody else is finishing, of those that were opened after the batch
    /// `passed`; locked until the transaction ends.
    pub(crate) async fn overdue(
        &self,
        client: &impl GenericClient,
        age: Duration,
        passed: i64,
    ) -> Result<Vec<OpenBatch>, DbError> {
        let statement = client.prepare_cached(&self.sql.overdue).await?;
        let rows = client.query(&statement, &[&age.as_secs_f64(), &passed]).await?;
        Ok(rows.iter().map(OpenBatch::from).collect())
    }

    /// Everything that a batch's events owe the stream: their follow-ons, and the event itself where a retry has come
    /// due.
    pub(crate) async fn owed(&self, client: &impl GenericClient, batch: &OpenBatch) -> Result<Owed, DbError> {
        let statement = client.prepare_cached(&self.sql.owed).await?;
        let rows = client.query(&statement, &[&batch.handler, &batch.events]).await?;
        let mut owed = Owed::default();
        for row in &rows {
            owed.add(row.get("id"), &batch.handler, owed_by(&batch.handler, row));
        }
        Ok(owed)
    }

    /// The time before which everything recorded is on the stream: no batch that was opened before is open, and no
    /// transaction that began before may still open one.
    pub(crate) async fn stored_until(&self, client: &impl GenericClient) -> Result<SystemTime, DbError> {
        let statement = client.prepare_cached(&self.sql.recovery.stored_until).await?;
        Ok(client.query_one(&statement, &[]).await?.get(0))
    }

    /// How far the stream is trusted; `None` before it was ever looked at.
    pub(crate) async fn trusted(&self, client: &impl GenericClient) -> Result<Option<Trusted>, DbError> {
        let statement = client.prepare_cached(&self.sql.recovery.trusted).await?;
        Ok(client.query_opt(&statement, &[]).await?.as_ref().map(Trusted::from))
    }

    /// Notes how far the stream is trusted. Times only ever advance.
    pub(crate) async fn trust(&self, client: &impl GenericClient, trusted: &Trusted) -> Result<(), DbError> {
        let Trusted { made, mark, stored_until, settled_until, age: _ } = trusted;
        let sequence = mark.map(|mark| i64::try_from(mark.sequence).unwrap_or(i64::MAX));
        let generation = mark.map(|mark| i32::try_from(mark.generation).unwrap_or(i32::MAX));
        let id = mark.map(|mark| mark.id.uuid());
        let statement = client.prepare_cached(&self.sql.recovery.trust).await?;
        client.execute(&statement, &[made, &sequence, &id, &generation, stored_until, settled_until]).await?;
        Ok(())
    }

    /// Notes which consumers there are; answers whether one is missing that was there within `age`.
    pub(crate) async fn absent(
        &self,
        client: &impl GenericClient,
        consumers: &[String],
        age: Duration,
    ) -> Result<bool, DbError> {
        let statement = client.prepare_cached(&self.sql.recovery.absent).await?;
        Ok(client.query_one(&statement, &[&consumers, &age.as_secs_f64()]).await?.get("absent"))
    }

    /// Hands out, in portions, what the stream was given since `since`, or ever: the follow-ons of what was recorded, and
    /// the events whose retry has been fired.
    pub(crate) async fn given_since<'a>(
        &self,
        tx: &'a deadpool_postgres::Transaction<'_>,
        since: Option<SystemTime>,
    ) -> Result<Given<'a>, DbError> {
        let statement = tx.prepare_cached(&self.sql.recovery.given_since).await?;
        Ok(Given { portal: tx.bind(&statement, &[&since]).await?, tx })
    }

    /// Takes up to 256 waiting events whose time has come and opens a batch for each handler among them.
    pub(crate) async fn fire_retries(
        &self,
        client: &impl GenericClient,
    ) -> Result<BTreeMap<i64, Owed>, DbError> {
        let statement = client.prepare_cached(&self.sql.fire_retries).await?;
        let mut fired: BTreeMap<i64, Owed> = BTreeMap::new();
        for row in &client.query(&statement, &[]).await? {
            let (batch, handler) = (row.get("batch"), row.get("handler"));
            let owed = retry(handler, row).map(|envelope| vec![envelope]);
            fired.entry(batch).or_default().add(row.get("id"), handler, owed);
        }
        Ok(fired)
    }

    /// Whether anything's time has come. Most often nothing's has, and then this is all that a tick costs.
    pub(crate) async fn due(&self, client: &impl GenericClient) -> Result<Due, DbError> {
        let statement = client.prepare_cached(&self.sql.due).await?;
        let row = client.query_one(&statement, &[]).await?;
        Ok(Due { retries: row.get("retries"), timers: row.get("timers") })
    }

    /// Takes up to 256 timers whose time has come. The caller journals their events in the same transaction. Timers of
    /// types that this build does not know are left to one that does.
    pub(crate) async fn fire_timers(
        &self,
        client: &impl GenericClient,
        known: &[&str],
    ) -> Result<Vec<Row>, DbError> {
        let statement = client.prepare_cached(&self.sql.fire_timers).await?;
        Ok(client.query(&statement, &[&known]).await?)
    }

    /// Commits that a redelivered event is begun; answers how often it now has been.
    pub(crate) async fn start(
        &self,
        client: &impl GenericClient,
        handler: &str,
        id: EventId,
        generation: u32,
    ) -> Result<u32, DbError> {
        let generation = i32::try_from(generation).unwrap_or(i32::MAX);
        let statement = client.prepare_cached(&self.sql.start).await?;
        let starts: i32 = client.query_one(&statement, &[&id.uuid(), &handler, &generation]).await?.get(0);
        Ok(u32::try_from(starts).unwrap_or_default())
    }

    /// Removes start markers: there is an outcome.
    pub(crate) async fn end_starts(
        &self,
        client: &impl GenericClient,
        handler: &str,
        ids: &[Uuid],
    ) -> Result<(), DbError> {
        let statement = client.prepare_cached(&self.sql.end_starts).await?;
        client.execute(&statement, &[&handler, &ids]).await?;
        Ok(())
    }
}

/// What the stream was given, being read; see [`Journal::given_since`].
pub(crate) struct Given<'a> {
    tx: &'a deadpool_postgres::Transaction<'a>,
    portal: Portal,
}

impl Given<'_> {
    /// The next portion; `None` when there is no more. What cannot be read is passed over: if it was never published, it
    /// is in an open batch still.
    pub(crate) async fn next(&self) -> Result<Option<Vec<Envelope>>, DbError> {
        let rows = self.tx.query_portal(&self.portal, PORTION).await?;
        let mut given = Owed::default();
        for row in &rows {
            let handler = row.get("handler");
            given.add(row.get("id"), handler, owed_by(handler, row));
        }
        Ok((!rows.is_empty()).then_some(given.messages))
    }
}

/// What a journal row owes the stream.
fn owed_by(handler: &str, row: &Row) -> Result<Vec<Envelope>, Unreadable> {
    let outbox: &[u8] = row.get::<_, Option<&[u8]>>("outbox").unwrap_or_default();
    let mut owed = FollowOns::decode(outbox).map_err(Unreadable::Outbox)?.messages;
    if row.get("fired") {
        owed.push(retry(handler, row)?);
    }
    Ok(owed)
}

fn some(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

fn admission(row: Option<&Row>, generation: u32) -> Admission {
    let Some(row) = row else {
        return if generation == 0 { Admission::New } else { Admission::Stale };
    };
    let recorded: i32 = row.get("generation");
    let open = row.get::<_, &str>("state") != "done";
    if !open || i64::from(generation) != i64::from(recorded) + 1 {
        return Admission::Stale;
    }
    let failures = row.get::<_, Option<&[u8]>>("failures").unwrap_or_default();
    let attempts: i32 = row.get("attempts");
    Admission::Again(History {
        attempts: u32::try_from(attempts).unwrap_or_default(),
        failures: Failures::decode(failures).unwrap_or_default(),
        deferred: row.get::<_, Option<f64>>("deferred").map(|age| Duration::from_secs_f64(age.max(0.0))),
    })
}

/// The next generation of a waiting event, as it goes to its handler alone.
fn retry(handler: &str, row: &Row) -> Result<Envelope, Unreadable> {
    let recorded: i32 = row.get("generation");
    let event = row.get::<_, Option<&[u8]>>("event").ok_or(Unreadable::NoEvent)?;
    let event = Envelope::decode(Bytes::copy_from_slice(event)).map_err(Unreadable::Event)?;
    Ok(event.replay(handler, u32::try_from(recorded).unwrap_or_default() + 1))
}
