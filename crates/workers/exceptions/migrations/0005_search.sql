-- What the order is worth, where the event carries it.
alter table exceptions.exception
    add value_minor bigint,
    add currency    text,
    -- Every word of the last failure and of the event's contents.
    add words       tsvector not null default '';
alter table exceptions.exception alter words drop default;

create index exception_words on exceptions.exception using gin (words) where state <> 'resolved';
