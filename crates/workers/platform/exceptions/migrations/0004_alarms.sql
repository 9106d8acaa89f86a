-- What operators have been told of and still holds, or was new once. One alert for each cause, not for each case.
create table exceptions.alarm (
    cause     text        primary key,
    raised_at timestamptz not null default now()
);

-- When queues and reasons were looked over last.
create table exceptions.watch (
    only_one boolean     primary key default true check (only_one),
    at       timestamptz not null
);

create index entry_failed on exceptions.entry (at) where kind = 'failed';
