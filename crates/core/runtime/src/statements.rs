//! The SQL of the hot path, for one worker's schema.

/// The statements, with the schema's name in them. Each is prepared once per connection.
pub(crate) struct Statements {
    pub(crate) admit: String,
    pub(crate) open_of: String,
    pub(crate) done: String,
    pub(crate) settle_first: String,
    pub(crate) settle_again: String,
    pub(crate) open: String,
    pub(crate) owed: String,
    pub(crate) close: String,
    pub(crate) narrow: String,
    pub(crate) overdue: String,
    pub(crate) due: String,
    pub(crate) fire_retries: String,
    pub(crate) fire_timers: String,
    pub(crate) start: String,
    pub(crate) end_starts: String,
    pub(crate) locks: &'static str,
    pub(crate) schedule: String,
    pub(crate) unschedule: String,
    pub(crate) ask: String,
    pub(crate) asked: String,
    pub(crate) close_ask: String,
    pub(crate) recovery: Recovery,
}

/// Those that watch the stream; see the module `recover`.
pub(crate) struct Recovery {
    pub(crate) stored_until: String,
    pub(crate) given_since: String,
    pub(crate) trusted: String,
    pub(crate) trust: String,
    pub(crate) absent: String,
}

impl Statements {
    /// The statements for one worker's schema.
    pub(crate) fn of(s: &str) -> Self {
        Statements {
            locks: "select pg_advisory_xact_lock(key) from unnest($1::bigint[]) key",
            admit: format!(
                "select id, generation, state, attempts, failures,
                        extract(epoch from now() - deferred_since)::float8 as deferred
                   from {s}.journal where handler = $1 and id = any($2)"
            ),
            open_of: format!(
                "select id, handler, events from {s}.open_batch where handler = $1 and events && $2"
            ),
            done: format!(
                "insert into {s}.journal (handler, id, generation, state, order_id, outbox)
                 select $1, id, 0, 'done', order_id, outbox
                   from unnest($2::uuid[], $3::text[], $4::bytea[]) as row(id, order_id, outbox)"
            ),
            settle_first: format!(
                "with each as (
                     select * from unnest($2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::bytea[],
                                          $8::int4[], $9::bool[], $10::float8[], $11::text[])
                         as each(id, state, order_id, outbox, event, failures, attempts, deferred, after, reason)),
                 retry as (
                     insert into {s}.retry (id, handler, due)
                     select id, $1, now() + after * interval '1 second' from each where after is not null)
                 insert into {s}.journal (handler, id, generation, state, order_id, outbox, event, failures,
                                          attempts, deferred_since, reason, waiting_since)
                 select $1, id, 0, state, order_id, outbox, event, failures, attempts,
                        case when deferred then now() end, reason, case when after is not null then now() end
                   from each"
            ),
            settle_again: settle_again(s),
            open: format!("insert into {s}.open_batch (handler, events) values ($1, $2) returning id"),
            close: format!("delete from {s}.open_batch where id = any($1)"),
            narrow: format!("update {s}.open_batch set events = $2 where id = $1"),
            overdue: format!(
                "select id, handler, events from {s}.open_batch
                  where opened_at < now() - $1::float8 * interval '1 second' and id > $2
                  order by id limit 16 for update skip locked"
            ),
            owed: format!(
                "select id, outbox, event, generation, {} as fired
                   from {s}.journal where handler = $1 and id = any($2)",
                fired(s)
            ),
            due: format!(
                "select exists (select from {s}.retry where due <= now()) as retries,
                        exists (select from {s}.timer where due <= now()) as timers"
            ),
            fire_retries: fire_retries(s),
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
                 select distinct on (key) key, now() + after * interval '1 second', event_type, order_id, payload, trace
                   from unnest($1::text[], $2::float8[], $3::text[], $4::text[], $5::bytea[], $6::text[])
                        with ordinality as each(key, after, event_type, order_id, payload, trace, n)
                  order by key, n desc
                 on conflict (key) do update
                    set due = excluded.due, event_type = excluded.event_type, order_id = excluded.order_id,
                        payload = excluded.payload, traceparent = excluded.traceparent"
            ),
            unschedule: format!("delete from {s}.timer where key = any($1)"),
            ask: ask(s),
            asked: format!(
                "select distinct on (each.n) each.n, e.n as number, note,
                        extract(epoch from now() - asked_at)::float8 as age
                   from unnest($1::text[], $2::text[], $3::int[]) with ordinality
                        as each(order_id, operation, parcel, n)
                        join {s}.effect e using (order_id, operation, parcel)
                  where closed_at is null
                  order by each.n, e.n desc"
            ),
            close_ask: format!(
                "update {s}.effect set closed_at = now(), refused_by = $5, refused_in = $6
                  where order_id = $1 and operation = $2 and parcel = $3 and n = $4 and closed_at is null"
            ),
            recovery: Recovery::of(s),
        }
    }
}

impl Recovery {
    fn of(s: &str) -> Self {
        Recovery {
            stored_until: format!(
                "select least(now(), (select min(opened_at) from {s}.open_batch),
                              (select min(xact_start) from pg_stat_activity
                                where datname = current_database() and pid <> pg_backend_pid()
                                  and backend_type = 'client backend'))"
            ),
            given_since: format!(
                "select id, handler, outbox, event, generation, {fired} as fired
                   from {s}.journal where recorded_at >= coalesce($1::timestamptz, '-infinity')
                 union all
                 select id, handler, null, event, generation, true
                   from {s}.journal where recorded_at < $1 and {fired}",
                fired = fired(s)
            ),
            trusted: format!(
                "select made, sequence, event_id, generation, stored_until, settled_until,
                        extract(epoch from now() - marked_at)::float8 as age
                   from {s}.stream"
            ),
            trust: format!(
                "insert into {s}.stream (made, sequence, event_id, generation, stored_until, settled_until)
                 values ($1, $2, $3, $4, $5, $6)
                 on conflict (only_one) do update
                    set made = $1, sequence = $2, event_id = $3, generation = $4,
                        marked_at = case when stream.sequence = $2 then stream.marked_at else now() end,
                        stored_until = greatest(stream.stored_until, $5),
                        settled_until = greatest(stream.settled_until, $6)"
            ),
            absent: format!(
                "with seen as (
                     insert into {s}.hearer (consumer) select unnest($1::text[])
                     on conflict (consumer) do update set seen_at = now()
                      where hearer.seen_at < now() - interval '1 hour')
                 select exists (
                     select from {s}.hearer
                      where consumer <> all($1) and seen_at > now() - $2::float8 * interval '1 second') as absent"
            ),
        }
    }
}

/// Whether a journal row is an event whose next generation has been published and has had no outcome.
fn fired(s: &str) -> String {
    format!(
        "(state = 'waiting' and not exists (
              select from {s}.retry where retry.id = journal.id and retry.handler = journal.handler))"
    )
}

/// What an earlier generation still owes the stream stays owed: outboxes, end to end, are one outbox.
fn settle_again(s: &str) -> String {
    format!(
        "with settled as (
             update {s}.journal
                set generation = $3, state = $4, order_id = $5,
                    outbox = case when exists (
                                 select from {s}.open_batch where handler = $1 and events @> array[$2::uuid])
                             then nullif(coalesce(outbox, '') || coalesce($6::bytea, ''), '') else $6 end,
                    event = $7, failures = $8, attempts = $9,
                    deferred_since = case when $10 then coalesce(deferred_since, now()) end,
                    reason = $12, recorded_at = now(),
                    waiting_since = case when $11::float8 is null then null
                                         when state = 'waiting' then coalesce(waiting_since, recorded_at)
                                         else now() end
              where handler = $1 and id = $2 and generation = $3 - 1 and state <> 'done'
              returning id),
         waiting as (
             insert into {s}.retry (id, handler, due)
             select id, $1, now() + $11::float8 * interval '1 second' from settled where $11 is not null
             on conflict (id, handler) do update set due = excluded.due),
         over as (
             delete from {s}.retry
              where $11 is null and handler = $1 and id in (select id from settled))
         select from settled"
    )
}

/// A retry that is due opens a batch: should nobody get to publish it, the sweeper does.
fn fire_retries(s: &str) -> String {
    format!(
        "with due as (
             delete from {s}.retry where (id, handler) in (
                 select id, handler from {s}.retry where due <= now()
                  order by due limit 256 for update skip locked)
             returning id, handler),
         fired as (
             select id, handler, generation, event from {s}.journal join due using (id, handler)),
         opened as (
             insert into {s}.open_batch (handler, events)
             select handler, array_agg(id) from due group by handler
             returning id, handler)
         select opened.id as batch, fired.id, fired.handler, fired.generation, fired.event
           from fired join opened using (handler)"
    )
}

/// The latest ask of each subject that is still open, or was refused in this very try, or a new one under the next
/// number.
fn ask(s: &str) -> String {
    format!(
        "with asked as (
             select distinct on (order_id, operation, parcel) *
               from unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::uuid[], $6::int[])
                 as row(order_id, operation, parcel, wanted, event_id, generation)),
         latest as (
             select distinct on (order_id, operation, parcel)
                    order_id, operation, parcel, wanted, n, e.note, asked_at,
                    closed_at is null or (refused_by = event_id and refused_in >= generation) is true as stands
               from asked left join {s}.effect e using (order_id, operation, parcel)
              order by order_id, operation, parcel, n desc),
         fresh as (
             insert into {s}.effect (order_id, operation, parcel, n, note)
             select order_id, operation, parcel, coalesce(n + 1, 0), wanted
               from latest where n is null or not stands
              -- In one order everywhere, so that two replicas cannot wait for each other.
              order by order_id, operation, parcel
             on conflict do nothing
             returning order_id, operation, parcel, n, note)
         select order_id, operation, parcel, n as number, note, true as first, 0::float8 as age from fresh
         union all
         select order_id, operation, parcel, n, note, false, extract(epoch from now() - asked_at)::float8
           from latest where n is not null and stands"
    )
}
