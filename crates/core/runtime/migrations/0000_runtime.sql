-- The runtime's own tables, once in every worker's schema ({schema} is replaced by its name).

-- Inbox and outbox in one: what has been handled, what is waiting or dead, and what follows from it.
-- Partitioned by id, which leads with its creation time.
create table {schema}.journal (
    id             uuid        not null,
    handler        text        not null,
    -- The generation that was recorded last.
    generation     int         not null,
    state          text        not null check (state in ('done', 'waiting', 'dead')),
    -- The event's subject, `<kind>/<id>`; empty for nothing in particular.
    subject        text        not null,
    -- The follow-on events exactly as they will be published (despatch.runtime.v1.FollowOns).
    outbox         bytea,
    -- The event itself (despatch.runtime.v1.Envelope), while it is waiting or dead.
    event          bytea,
    -- The failures so far (despatch.runtime.v1.Failures).
    failures       bytea,
    -- Tries that counted.
    attempts       int         not null default 0,
    deferred_since timestamptz,
    -- Since when the event has waited: since it was first retried or deferred, unless it has died since.
    waiting_since  timestamptz,
    -- Why a dead one died.
    reason         text,
    recorded_at    timestamptz not null default despatch_now(),
    primary key (id, handler)
) partition by range (id);

create index journal_unsettled on {schema}.journal (handler, state) where state <> 'done';

-- Rows come in the order of this time, or nearly so.
create index journal_recorded on {schema}.journal using brin (recorded_at);

-- For ids whose time no partition covers yet.
create table {schema}.journal_other partition of {schema}.journal default;

-- When waiting events are due to be published again. The scheduler deletes a row once its event was published. The
-- journal does not hold this, because it would need an index that almost no row uses.
create table {schema}.retry (
    id      uuid        not null,
    handler text        not null,
    due     timestamptz not null,
    -- The provider whose breaker holds the event: it is published when the breaker lets it go, in the order of `due`.
    held_by text,
    primary key (id, handler)
);

create index retry_due on {schema}.retry (due) where held_by is null;

create index retry_held on {schema}.retry (held_by, due) where held_by is not null;

-- A circuit breaker for each provider that the worker asks, shared by all of its processes.
create table {schema}.breaker (
    provider     text        primary key,
    state        text        not null default 'closed' check (state in ('closed', 'open', 'half-open')),
    -- The reason code of the outage, its last error, its id, and when it began.
    reason       text        not null default '',
    error        text        not null default '',
    outage_id    uuid,
    opened_at    timestamptz,
    -- While open: when the next event may try the provider, and how many have failed to.
    probe_at     timestamptz not null default despatch_now(),
    probes       int         not null default 0,
    -- The lease of the event that tries it now: the process that sent it, and how long its outcome is awaited.
    probe_by     text        not null default '',
    probe_until  timestamptz,
    -- While half-open: since when, how many held events go on in a second, and how many of them may go on now.
    half_open_at timestamptz,
    rate         float8      not null default 0,
    credit       float8      not null default 0,
    released_at  timestamptz not null default despatch_now()
);

-- Events recorded but perhaps not yet published: each batch names journal rows whose follow-ons the stream may lack.
create table {schema}.outbox_batch (
    id        bigint generated always as identity primary key,
    handler   text        not null,
    events    uuid[]      not null,
    opened_at timestamptz not null default despatch_now()
);

-- Durable timers: firing one journals and publishes its event.
create table {schema}.timer (
    key         text        primary key,
    due         timestamptz not null,
    event_type  text        not null,
    subject     text        not null,
    payload     bytea       not null,
    traceparent text        not null
);

create index timer_due on {schema}.timer (due);

-- Effects begun at external providers: the idempotency key is (subject, operation, part, n).
create table {schema}.effect (
    subject     text        not null check (subject <> ''),
    operation   text        not null,
    -- Which part of the subject, e.g. the number of a parcel; empty for the whole.
    part        text        not null,
    n           int         not null,
    begun_at    timestamptz not null default despatch_now(),
    -- By what the provider would know of it, where the key alone does not find it there.
    note        text,
    -- Set after a definite rejection, or when a look-up has proved that nothing happened.
    closed_at   timestamptz,
    -- Which try the rejection answered: the event, and its generation. Others who try the same at the same time are told
    -- the same, so they use the same key.
    rejected_by uuid,
    rejected_in int,
    primary key (subject, operation, part, n)
);

-- The pruner finds old rows by it. Rows come in the order of this time, or nearly so.
create index effect_begun on {schema}.effect using brin (begun_at);

-- Redelivered events that were begun and have had no outcome yet.
create table {schema}.start (
    id         uuid not null,
    handler    text not null,
    generation int  not null,
    starts     int  not null,
    primary key (id, handler, generation)
);

-- How far the stream is known to be intact; see the module `recovery`.
create table {schema}.stream_checkpoint (
    only_one      boolean     primary key default true check (only_one),
    -- When its server created the stream, in nanoseconds since 1970: another stream has another.
    created       bigint      not null,
    -- The last message that was seen on it; null while it had none.
    sequence      bigint,
    event_id      uuid,
    generation    int,
    marked_at     timestamptz not null default despatch_now(),
    -- Everything recorded before this time is on the stream.
    stored_until  timestamptz not null,
    -- All consumers have settled everything recorded before this time; null while that is not known.
    settled_until timestamptz
);

-- Every consumer that there was, and when it was seen last.
create table {schema}.known_consumer (
    consumer text        primary key,
    seen_at  timestamptz not null default despatch_now()
);
