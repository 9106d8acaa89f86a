-- How far this worker trusts the stream; see the module `recover`.

create table {schema}.stream (
    only_one      boolean     primary key default true check (only_one),
    -- When its server made the stream, in nanoseconds since 1970: another stream has another.
    made          bigint      not null,
    -- The last message that was seen on it; null while it had none.
    sequence      bigint,
    event_id      uuid,
    generation    int,
    marked_at     timestamptz not null default now(),
    -- What was recorded before this is on the stream.
    stored_until  timestamptz not null,
    -- What was recorded before this has been settled by everybody who hears it; null while that is not known.
    settled_until timestamptz
);

-- Every consumer that there was, and when it was seen last.
create table {schema}.hearer (
    consumer text        primary key,
    seen_at  timestamptz not null default now()
);

-- Rows come in the order of this time, or nearly so.
create index journal_recorded on {schema}.journal using brin (recorded_at);
