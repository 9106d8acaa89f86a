-- The runtime's own tables, once in every worker's schema ({schema} is replaced by its name).

-- Inbox and outbox in one: what has been handled, what is waiting or dead, and what follows from it.
-- Partitioned by id, which leads with its creation time.
create table {schema}.journal (
    id             uuid        not null,
    handler        text        not null,
    -- The generation that was recorded last.
    generation     int         not null,
    state          text        not null check (state in ('done', 'waiting', 'dead')),
    order_id       text        not null,
    -- The follow-on events exactly as they will be published (despatch.runtime.v1.Outbox).
    outbox         bytea,
    -- The event itself (despatch.runtime.v1.Envelope), while it is waiting or dead.
    event          bytea,
    -- What went wrong so far (despatch.runtime.v1.Failures).
    failures       bytea,
    -- Tries that counted.
    attempts       int         not null default 0,
    deferred_since timestamptz,
    -- Why a dead one died.
    reason         text,
    recorded_at    timestamptz not null default now(),
    primary key (id, handler)
) partition by range (id);

create index journal_unsettled on {schema}.journal (handler, state) where state <> 'done';

-- For ids whose time no partition covers yet.
create table {schema}.journal_other partition of {schema}.journal default;

-- When waiting events are to be published again; a row is gone once it has been. Apart from the journal, which it would
-- burden with an index that almost no row needs.
create table {schema}.retry (
    id      uuid        not null,
    handler text        not null,
    due     timestamptz not null,
    primary key (id, handler)
);

create index retry_due on {schema}.retry (due);

-- Events recorded but perhaps not yet published: each names journal rows that may owe the stream something.
create table {schema}.open_batch (
    id        bigint generated always as identity primary key,
    handler   text        not null,
    events    uuid[]      not null,
    opened_at timestamptz not null default now()
);

-- Durable timers: firing one journals and publishes its event.
create table {schema}.timer (
    key         text        primary key,
    due         timestamptz not null,
    event_type  text        not null,
    order_id    text        not null,
    payload     bytea       not null,
    traceparent text        not null
);

create index timer_due on {schema}.timer (due);

-- What was asked of the outside: the idempotency key is (order, operation, parcel, n).
create table {schema}.effect (
    order_id   text        not null,
    operation  text        not null,
    parcel     int         not null,
    n          int         not null,
    asked_at   timestamptz not null default now(),
    -- By what the provider would know of it, where the key alone does not find it there.
    note       text,
    -- Set after a definite refusal, or when a look-up has proved that nothing happened.
    closed_at  timestamptz,
    primary key (order_id, operation, parcel, n)
);

-- Redelivered events that were begun and have had no outcome yet.
create table {schema}.start (
    id         uuid not null,
    handler    text not null,
    generation int  not null,
    starts     int  not null,
    primary key (id, handler, generation)
);
