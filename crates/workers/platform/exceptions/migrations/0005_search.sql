alter table exceptions.exception
    -- What the order is worth, where the event carries it.
    add value_minor bigint,
    add currency    text,
    -- Every word of the last failure and of the event's contents.
    add words       tsvector not null default '',
    add closed      boolean  not null generated always as (state = 'resolved') stored;
alter table exceptions.exception alter words drop default;

-- Lists are in the order of urgency, whatever they are filtered by; each index gives one filter's in that order. A filter
-- that finds little in that order finds it by itself.
drop index exceptions.exception_worklist;
drop index exceptions.exception_queue;
drop index exceptions.exception_order;
-- For lists that nothing narrows down to a part: those say `version > 0`, which always holds. The planner would otherwise
-- look for a reason's cases here, and pass over all that are more urgent than that reason ever is.
create index exception_worklist on exceptions.exception (closed, (-priority), due, event_id, handler) where version > 0;
create index exception_queue on exceptions.exception (queue, closed, (-priority), due, event_id, handler);
create index exception_reason on exceptions.exception (reason, closed, (-priority), due, event_id, handler);
create index exception_worker on exceptions.exception (worker, closed, (-priority), due, event_id, handler);
create index exception_handler on exceptions.exception (handler, closed, (-priority), due, event_id);
create index exception_claimed on exceptions.exception (claimed_by, closed, (-priority), due, event_id, handler)
    where claimed_by is not null;
create index exception_order on exceptions.exception (order_id);
create index exception_opened on exceptions.exception (closed, opened_at);
create index exception_value on exceptions.exception (currency, value_minor) where value_minor is not null;
create index exception_words on exceptions.exception using gin (words);
-- The watch asks what is overdue.
create index exception_due on exceptions.exception (due) where state <> 'resolved';
