-- A case: an event that a handler could not finish. One row for each event of each handler, however often it fails. An
-- outage of a provider is a case too: its handler is '<worker>.<provider>', and its event's id is the outage's.
-- The table is not named `case`, because that is a reserved word of SQL.
create table exceptions.exception (
    handler              text        not null,
    event_id             uuid        not null,
    -- The short number that people say and type. It never changes.
    number               bigint      not null generated always as identity unique,
    worker               text        not null,
    -- The event's subject, e.g. 'order/1001'; empty for nothing in particular.
    subject              text        not null,
    event_type           text        not null,
    -- Of the last failure.
    reason               text        not null,
    error                text        not null,
    -- The error without what differs from event to event: cases of one reason and one cause are a group.
    cause                text        not null,
    attempts             int         not null,
    generation           int         not null,
    -- The generation whose failure was last replayed; null when none was.
    replayed_generation  int,
    -- Whether the event can be handed to its handler again.
    replayable           boolean     not null,
    trace_id             text        not null,
    queue                text        not null,
    -- 1 low, 2 normal, 3 high, 4 urgent.
    priority             smallint    not null check (priority between 1 and 4),
    due                  timestamptz not null,
    -- The order's natural key and its total, where the event carries the order.
    shop                 text,
    shop_order_id        text,
    value_minor          bigint,
    currency             text,
    state                text        not null check (state in ('open', 'claimed', 'resolved')),
    closed               boolean     not null generated always as (state = 'resolved') stored,
    -- A case that failed again goes back to the person who had claimed it, so this outlives the state.
    claimed_by           text        check ((claimed_by is not null) or state <> 'claimed'),
    -- Whether a person requested the order's cancellation from this case. The case is resolved once it is cancelled.
    cancel_requested     boolean     not null default false,
    -- Whether the event only carries its order forward, so that nothing is left to do once the order is cancelled.
    ends_with_order      boolean     not null,
    -- 'replayed', 'discarded', 'order-cancelled', or 'recovered' for a provider's outage.
    resolution           text        check ((resolution is not null) = (state = 'resolved')),
    opened_at            timestamptz not null default despatch_now(),
    updated_at           timestamptz not null default despatch_now(),
    -- The number of its last history entry.
    version              int         not null,
    -- The whole despatch.runtime.v1.DeadLetter.
    letter               bytea       not null,
    -- Every word of the last failure and of the event's contents.
    search_vector        tsvector    not null,
    primary key (handler, event_id)
);

-- Lists are in the order of urgency, whatever they are filtered by; each index gives one filter's cases in that order.
-- A filter that finds few cases in that order has an index of its own.
--
-- The work list is for searches without an indexed filter. Those say `version > 0`, which always holds: otherwise the
-- planner would look for a reason's cases in this index, and pass over every more urgent case on the way.
create index exception_worklist on exceptions.exception (closed, (-priority), due, event_id, handler) where version > 0;
create index exception_queue on exceptions.exception (queue, closed, (-priority), due, event_id, handler);
create index exception_reason on exceptions.exception (reason, closed, (-priority), due, event_id, handler);
create index exception_worker on exceptions.exception (worker, closed, (-priority), due, event_id, handler);
create index exception_handler on exceptions.exception (handler, closed, (-priority), due, event_id);
create index exception_claimed on exceptions.exception (claimed_by, closed, (-priority), due, event_id, handler)
    where claimed_by is not null;
create index exception_subject on exceptions.exception (subject);
-- People name a case by the beginning of its event's id, too.
create index exception_event on exceptions.exception (event_id);
create index exception_shop_order on exceptions.exception (shop, shop_order_id) where shop is not null;
create index exception_opened on exceptions.exception (closed, opened_at);
create index exception_value on exceptions.exception (currency, value_minor) where value_minor is not null;
create index exception_search on exceptions.exception using gin (search_vector);
-- The monitor reads what is overdue.
create index exception_due on exceptions.exception (due) where state <> 'resolved';

-- Orders that were cancelled, because a dead letter may come after the cancellation. Old rows are deleted.
create table exceptions.cancelled_order (
    order_id     text        primary key,
    cancelled_at timestamptz not null default despatch_now()
);

create index cancelled_order_at on exceptions.cancelled_order (cancelled_at);

-- The audit trail: every failure and every decision, who made it and when. Rows are never changed.
create table exceptions.history (
    handler    text        not null,
    event_id   uuid        not null,
    -- From 1, without gaps. The key makes a lost update impossible: two writers cannot take the same number.
    seq        int         not null,
    at         timestamptz not null default despatch_now(),
    -- A person, or the handler that found out.
    actor      text        not null,
    -- 'failed', 'succeeded', 'claimed', 'released', 'noted', 'prioritised', 'replayed', 'edited', 'discarded',
    -- 'reopened', 'cancel-requested', 'order-cancelled', 'out-of-service' or 'recovered'.
    kind       text        not null,
    generation int         not null,
    -- The reason code of a failure.
    reason     text        not null default '',
    detail     text        not null,
    primary key (handler, event_id, seq)
);

create index history_failed on exceptions.history (at) where kind = 'failed';
-- The gauge of orders that people had to touch reads recent decisions.
create index history_decided on exceptions.history (at) where kind not in ('failed', 'succeeded');

-- A person's changes to an event before its replay. The history entry of the same number says who, when and why.
create table exceptions.edit (
    handler        text  not null,
    event_id       uuid  not null,
    seq            int   not null,
    payload_before bytea not null,
    payload_after  bytea not null,
    primary key (handler, event_id, seq)
);
