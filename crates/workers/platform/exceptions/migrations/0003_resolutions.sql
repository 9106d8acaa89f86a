-- What people changed about an event before it was replayed; the entry of the same number says who, when and why.
create table exceptions.edit (
    handler  text  not null,
    event_id uuid  not null,
    seq      int   not null,
    -- The payload before and after.
    old      bytea not null,
    new      bytea not null,
    primary key (handler, event_id, seq)
);

-- Whether somebody asked for the order to be cancelled. The case is resolved once it is.
alter table exceptions.exception add cancel_asked boolean not null default false;
