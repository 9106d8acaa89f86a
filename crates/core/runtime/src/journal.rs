//! The journal: inbox and outbox in one. All of the runtime's SQL on the hot path is here.

use std::time::Duration;

use bytes::Bytes;
use deadpool_postgres::GenericClient;
use despatch_contracts::EventId;
use despatch_contracts::runtime::{Envelope, Failures, Outbox};
use prost::Message as _;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::database::DbError;
use crate::keys::hash;

/// One worker's journal, in the worker's schema.
pub(crate) struct Journal {
    schema: String,
    /// Sets this worker's contention keys apart from those of others in the same database.
    salt: i64,
    sql: Statements,
}

/// The statements, with the schema's name in them. Each is prepared once per connection.
pub(crate) struct Statements {
    admit: String,
    open_of: String,
    done: String,
    settle_first: String,
    settle_again: String,
    open: String,
    owed: String,
    close: String,
    overdue: String,
    fire_retries: String,
    fire_timers: String,
    start: String,
    end_starts: String,
    locks: &'static str,
    pub(crate) schedule: String,
    pub(crate) unschedule: String,
    pub(crate) ask: String,
    pub(crate) close_ask: String,
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

/// What becomes of an event that was not handled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    /// Tried again after this long.
    Waiting { after: Duration, deferred: bool },
    /// Left to a person.
    Dead { reason: &'static str },
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

    /// Records an outcome of any other kind, one event at a time: failures of first generations, and every outcome of
    /// later ones. `false` when another replica was faster.
    pub(crate) async fn settle(
        &self,
        client: &impl GenericClient,
        handler: &str,
        row: &Settlement<'_>,
    ) -> Result<bool, DbError> {
        let (state, due, deferred, reason) = match row.fate {
            None => ("done", None, false, None),
            Some(Fate::Waiting { after, deferred }) => ("waiting", Some(after.as_secs_f64()), deferred, None),
            Some(Fate::Dead { reason }) => ("dead", None, false, Some(reason)),
        };
        let generation = i32::try_from(row.generation).unwrap_or(i32::MAX);
        let sql = if row.generation == 0 { &self.sql.settle_first } else { &self.sql.settle_again };
        let statement = client.prepare_cached(sql).await?;
        let attempts = i32::try_from(row.attempts).unwrap_or(i32::MAX);
        let touched = client
            .execute(
                &statement,
                &[
                    &handler,
                    &row.id.uuid(),
                    &generation,
                    &state,
                    &row.order_id,
                    &some(&row.outbox),
                    &some(row.event),
                    &some(row.failures),
                    &attempts,
                    &deferred,
                    &due,
                    &reason,
                ],
            )
            .await?;
        Ok(touched == 1)
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

    /// Up to 16 open batches older than `age` that nobody else is finishing; locked until the transaction ends.
    pub(crate) async fn overdue(
        &self,
        client: &impl GenericClient,
        age: Duration,
    ) -> Result<Vec<OpenBatch>, DbError> {
        let statement = client.prepare_cached(&self.sql.overdue).await?;
        Ok(client.query(&statement, &[&age.as_secs_f64()]).await?.iter().map(OpenBatch::from).collect())
    }

    /// Everything that a batch's events owe the stream: their follow-ons, and the event itself where a retry has come
    /// due.
    pub(crate) async fn owed(
        &self,
        client: &impl GenericClient,
        batch: &OpenBatch,
    ) -> Result<Vec<Envelope>, DbError> {
        let statement = client.prepare_cached(&self.sql.owed).await?;
        let rows = client.query(&statement, &[&batch.handler, &batch.events]).await?;
        let mut owed = Vec::new();
        for row in &rows {
            if let Some(outbox) = row.get::<_, Option<&[u8]>>("outbox") {
                owed.extend(Outbox::decode(outbox).unwrap_or_default().messages);
            }
            if row.get("fired") {
                owed.extend(retry(&batch.handler, row));
            }
        }
        Ok(owed)
    }

    /// Takes up to 256 waiting events whose time has come and opens a batch for each handler among them.
    pub(crate) async fn fire_retries(
        &self,
        client: &impl GenericClient,
    ) -> Result<Vec<(i64, Vec<Envelope>)>, DbError> {
        let statement = client.prepare_cached(&self.sql.fire_retries).await?;
        let mut fired: Vec<(i64, Vec<Envelope>)> = Vec::new();
        for row in &client.query(&statement, &[]).await? {
            let batch: i64 = row.get("batch");
            let envelope = retry(row.get("handler"), row);
            match fired.iter_mut().find(|(id, _)| *id == batch) {
                Some((_, envelopes)) => envelopes.extend(envelope),
                None => fired.push((batch, envelope.into_iter().collect())),
            }
        }
        Ok(fired)
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

/// One outcome, by reference; see [`Journal::settle`].
#[derive(Debug)]
pub(crate) struct Settlement<'a> {
    pub(crate) id: EventId,
    pub(crate) generation: u32,
    pub(crate) order_id: &'a str,
    pub(crate) outbox: Vec<u8>,
    pub(crate) event: &'a [u8],
    pub(crate) failures: &'a [u8],
    pub(crate) attempts: u32,
    /// `None` when the event was handled.
    pub(crate) fate: Option<Fate>,
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
fn retry(handler: &str, row: &Row) -> Option<Envelope> {
    let recorded: i32 = row.get("generation");
    let event: Option<&[u8]> = row.get("event");
    match Envelope::decode(Bytes::copy_from_slice(event?)) {
        Ok(envelope) => Some(envelope.replay(handler, u32::try_from(recorded).unwrap_or_default() + 1)),
        Err(error) => {
            tracing::error!(handler, %error, "a waiting event in the journal cannot be read");
            None
        }
    }
}

impl Statements {
    fn of(s: &str) -> Self {
        Statements {
            locks: "select pg_advisory_xact_lock(key) from unnest($1::bigint[]) key",
            admit: format!(
                "select id, generation, state, attempts, failures,
                        extract(epoch from now() - deferred_since)::float8 as deferred
                   from {s}.journal where handler = $1 and id = any($2)"
            ),
            open_of: format!("select id, handler, events from {s}.open_batch where handler = $1 and events && $2"),
            done: format!(
                "insert into {s}.journal (handler, id, generation, state, order_id, outbox)
                 select $1, id, 0, 'done', order_id, outbox
                   from unnest($2::uuid[], $3::text[], $4::bytea[]) as row(id, order_id, outbox)"
            ),
            settle_first: format!(
                "insert into {s}.journal (handler, id, generation, state, order_id, outbox, event, failures,
                                          attempts, deferred_since, due, reason)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, case when $10 then now() end,
                         now() + $11::float8 * interval '1 second', $12)"
            ),
            // What an earlier generation still owes the stream stays owed: outboxes, end to end, are one outbox.
            settle_again: format!(
                "update {s}.journal
                    set generation = $3, state = $4, order_id = $5,
                        outbox = case when exists (
                                     select from {s}.open_batch where handler = $1 and events @> array[$2::uuid])
                                 then nullif(coalesce(outbox, '') || coalesce($6::bytea, ''), '') else $6 end,
                        event = $7, failures = $8,
                        attempts = $9, deferred_since = case when $10 then coalesce(deferred_since, now()) end,
                        due = now() + $11::float8 * interval '1 second', reason = $12, recorded_at = now()
                  where handler = $1 and id = $2 and generation = $3 - 1 and state <> 'done'"
            ),
            open: format!("insert into {s}.open_batch (handler, events) values ($1, $2) returning id"),
            close: format!("delete from {s}.open_batch where id = any($1)"),
            overdue: format!(
                "select id, handler, events from {s}.open_batch
                  where opened_at < now() - $1::float8 * interval '1 second'
                  order by id limit 16 for update skip locked"
            ),
            owed: format!(
                "select outbox, event, generation, state = 'waiting' and due is null as fired
                   from {s}.journal where handler = $1 and id = any($2)"
            ),
            fire_retries: format!(
                "with due as (
                     select id, handler from {s}.journal where due <= now()
                      order by due limit 256 for update skip locked),
                 fired as (
                     update {s}.journal j set due = null from due
                      where j.id = due.id and j.handler = due.handler
                      returning j.id, j.handler, j.generation, j.event),
                 opened as (
                     insert into {s}.open_batch (handler, events)
                     select handler, array_agg(id) from fired group by handler
                     returning id, handler)
                 select opened.id as batch, fired.handler, fired.generation, fired.event
                   from fired join opened using (handler)"
            ),
            fire_timers: format!(
                "delete from {s}.timer where key in (
                     select key from {s}.timer where due <= now() and event_type = any($1)
                      order by due limit 256 for update skip locked)
                 returning event_type, order_id, payload, traceparent"
            ),
            start: format!(
                "insert into {s}.start (id, handler, generation, starts) values ($1, $2, $3, 1)
                 on conflict (id, handler, generation) do update set starts = start.starts + 1
                 returning starts"
            ),
            end_starts: format!("delete from {s}.start where handler = $1 and id = any($2)"),
            schedule: format!(
                "insert into {s}.timer (key, due, event_type, order_id, payload, traceparent)
                 values ($1, now() + $2::float8 * interval '1 second', $3, $4, $5, $6)
                 on conflict (key) do update
                    set due = excluded.due, event_type = excluded.event_type, order_id = excluded.order_id,
                        payload = excluded.payload, traceparent = excluded.traceparent"
            ),
            unschedule: format!("delete from {s}.timer where key = $1"),
            ask: format!(
                "with asked as (
                     select distinct * from unnest($1::text[], $2::text[], $3::int[])
                         as row(order_id, operation, parcel)),
                 latest as (
                     select distinct on (order_id, operation, parcel)
                            order_id, operation, parcel, n, asked_at, closed_at
                       from {s}.effect join asked using (order_id, operation, parcel)
                      order by order_id, operation, parcel, n desc),
                 fresh as (
                     insert into {s}.effect (order_id, operation, parcel, n)
                     select order_id, operation, parcel, coalesce(n + 1, 0)
                       from asked left join latest using (order_id, operation, parcel)
                      where n is null or closed_at is not null
                      -- In one order everywhere, so that two replicas cannot wait for each other.
                      order by order_id, operation, parcel
                     on conflict do nothing
                     returning order_id, operation, parcel, n)
                 select order_id, operation, parcel, n, true as first, 0::float8 as age from fresh
                 union all
                 select order_id, operation, parcel, n, false, extract(epoch from now() - asked_at)::float8
                   from latest where closed_at is null"
            ),
            close_ask: format!(
                "update {s}.effect set closed_at = now()
                  where order_id = $1 and operation = $2 and parcel = $3 and n = $4 and closed_at is null"
            ),
        }
    }
}
