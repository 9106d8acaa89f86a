-- The runtime's own tables, once in every worker's schema ({schema} is replaced by its name).

-- Inbox and outbox in one: handled, waiting and dead events, with their follow-ons. Partitioned by id, which begins
-- with its creation time.
create table {schema}.journal (
    id             uuid        not null,
    handler        text        not null,
    -- The latest recorded generation.
    generation     int         not null,
    state          text        not null check (state in ('done', 'waiting', 'dead')),
    -- The event's subject, `<kind>/<id>`; empty if there is none.
    subject        text        not null,
    -- The follow-ons exactly as they will be published (despatch.runtime.v1.FollowOns).
    outbox         bytea,
    -- The event itself (despatch.runtime.v1.Envelope), while it is waiting or dead.
    event          bytea,
    -- The failures so far (despatch.runtime.v1.Failures).
    failures       bytea,
    -- Tries that counted.
    attempts       int         not null default 0,
    deferred_since timestamptz,
    -- Time of the first retry or deferral, unless the event has been dead since.
    waiting_since  timestamptz,
    -- The reason of a dead event.
    reason         text,
    recorded_at    timestamptz not null default despatch_now(),
    primary key (id, handler)
) partition by range (id);

create index journal_unsettled on {schema}.journal (handler, state) where state <> 'done';

-- Rows arrive in the order of this time, or nearly so.
create index journal_recorded on {schema}.journal using brin (recorded_at);

-- For ids whose time no partition covers yet.
create table {schema}.journal_other partition of {schema}.journal default;

-- Due times of pending retries. A row is deleted once its event is published. The table is separate from the journal,
-- which needs no index for it on almost all rows.
create table {schema}.retry (
    id      uuid        not null,
    handler text        not null,
    due     timestamptz not null,
    primary key (id, handler)
);

create index retry_due on {schema}.retry (due);

-- Recorded events that may be unpublished: each batch names journal rows whose follow-ons the stream may lack.
create table {schema}.outbox_batch (
    id        bigint generated always as identity primary key,
    handler   text        not null,
    events    uuid[]      not null,
    opened_at timestamptz not null default despatch_now()
);

-- Durable timers. A due timer journals and publishes its event.
create table {schema}.timer (
    key         text        primary key,
    due         timestamptz not null,
    event_type  text        not null,
    subject     text        not null,
    payload     bytea       not null,
    traceparent text        not null
);

create index timer_due on {schema}.timer (due);

-- Effects begun at external providers. The idempotency key is (subject, operation, part, n).
create table {schema}.effect (
    subject     text        not null check (subject <> ''),
    operation   text        not null,
    -- The part of the subject, e.g. the number of a parcel; empty for the whole.
    part        text        not null,
    n           int         not null,
    begun_at    timestamptz not null default despatch_now(),
    -- The note by which a look-up finds the effect at the provider, if the key alone does not.
    note        text,
    -- Set after a definite rejection, or when a look-up has proved that nothing happened.
    closed_at   timestamptz,
    -- The try that was rejected: the event and its generation. Other tries of the same use the same key and get the
    -- same answer.
    rejected_by uuid,
    rejected_in int,
    primary key (subject, operation, part, n)
);

-- Redelivered events that were started and have no outcome yet.
create table {schema}.start (
    id         uuid not null,
    handler    text not null,
    generation int  not null,
    starts     int  not null,
    primary key (id, handler, generation)
);

-- The stream's checkpoint; see the module `recovery`.
create table {schema}.stream_checkpoint (
    only_one      boolean     primary key default true check (only_one),
    -- When the server created the stream, in nanoseconds since 1970. It identifies the stream.
    created       bigint      not null,
    -- The stream's last message at the latest check; null if it had none.
    sequence      bigint,
    event_id      uuid,
    generation    int,
    marked_at     timestamptz not null default despatch_now(),
    -- Everything recorded before this time is on the stream.
    stored_until  timestamptz not null,
    -- Everything recorded before this time has been settled by all of its consumers; null if unknown.
    settled_until timestamptz
);

-- Every known consumer, and when it was last seen.
create table {schema}.known_consumer (
    consumer text        primary key,
    seen_at  timestamptz not null default despatch_now()
);
