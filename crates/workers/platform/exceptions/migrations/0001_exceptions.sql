-- What a worker could not finish, as a person sees it: one row for each event of each handler, however often it fails.
create table exceptions.exception (
    handler     text        not null,
    event_id    uuid        not null,
    worker      text        not null,
    -- Empty when the event names none.
    order_id    text        not null,
    event_type  text        not null,
    -- Of the last failure.
    reason      text        not null,
    error       text        not null,
    attempts    int         not null,
    generation  int         not null,
    -- The generation whose failure a replay was asked for.
    replayed    int,
    trace_id    text        not null,
    queue       text        not null,
    -- 1 low, 2 normal, 3 high, 4 urgent.
    priority    smallint    not null check (priority between 1 and 4),
    due         timestamptz not null,
    state       text        not null check (state in ('open', 'claimed', 'resolved')),
    -- Who has it in hand.
    claimed_by  text        check ((claimed_by is not null) or state <> 'claimed'),
    -- How it ended: 'replayed' or 'discarded'.
    resolution  text        check ((resolution is not null) = (state = 'resolved')),
    opened_at   timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    -- The number of its last entry.
    version     int         not null,
    -- The whole despatch.runtime.v1.DeadLetter.
    letter      bytea       not null,
    primary key (handler, event_id)
);

-- The work list: the most urgent first.
create index exception_worklist on exceptions.exception (priority desc, due, event_id, handler)
    where state <> 'resolved';
create index exception_queue on exceptions.exception (queue, priority desc, due, event_id, handler)
    where state <> 'resolved';
create index exception_order on exceptions.exception (order_id);

-- The audit trail: every failure and every decision, who made it and when. Never rewritten.
create table exceptions.entry (
    handler    text        not null,
    event_id   uuid        not null,
    -- From 1, without gaps. The key makes a lost update impossible: two writers cannot take the same number.
    seq        int         not null,
    at         timestamptz not null default now(),
    -- A person, or the handler that found out.
    who        text        not null,
    -- 'failed', 'succeeded', 'claimed', 'released', 'noted', 'prioritised', 'replayed', 'discarded' or 'reopened'.
    kind       text        not null,
    generation int         not null,
    -- The reason code of a failure.
    reason     text        not null default '',
    detail     text        not null,
    primary key (handler, event_id, seq)
);
