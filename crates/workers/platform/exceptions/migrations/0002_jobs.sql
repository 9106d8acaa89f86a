-- Whether the event can be handed to its handler again.
alter table exceptions.exception add replayable boolean not null default true;
alter table exceptions.exception alter replayable drop default;

-- A replay of many cases: a set that was frozen when it was asked for, and how to go through it.
create table exceptions.job (
    id          bigint      generated always as identity primary key,
    who         text        not null,
    -- The filter that the set was made by, in words.
    asked       text        not null,
    state       text        not null check (state in ('frozen', 'running', 'paused', 'stopped', 'cancelled', 'finished')),
    -- How many are replayed, and waited for, before more are: each step once, then all the rest.
    canary      int[]       not null,
    per_second  float8      not null check (per_second > 0),
    -- A step of which more than this share fails stops the job.
    stop_above  float8      not null check (stop_above >= 0 and stop_above <= 1),
    -- Why it stopped by itself.
    why         text        not null default '',
    -- Steps begun; each start and each resumption begins with the first step of the canary.
    wave        int         not null default 0,
    -- The place of the step in the canary, from 0.
    step        int         not null default 0,
    -- How many of the step have been replayed.
    handed      int         not null default 0,
    handed_at   timestamptz,
    turn        int         not null default 0,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now()
);

-- What people, and the job itself, decided about it. Never rewritten.
create table exceptions.job_entry (
    job    bigint      not null references exceptions.job,
    at     timestamptz not null default clock_timestamp(),
    who    text        not null,
    kind   text        not null,
    detail text        not null
);

create index job_entry_job on exceptions.job_entry (job, at);

-- A case of a job's set, and what became of it there.
create table exceptions.item (
    job        bigint      not null references exceptions.job,
    seq        int         not null,
    handler    text        not null,
    event_id   uuid        not null,
    -- The failure that was there when the set was frozen; one that failed again since is another matter.
    generation int         not null,
    state      text        not null check (state in ('pending', 'sent', 'succeeded', 'failed', 'skipped', 'cancelled')),
    -- Why it was skipped, or the reason code of its failure.
    result     text        not null default '',
    wave       int,
    updated_at timestamptz not null default now(),
    primary key (job, seq)
);

create index item_pending on exceptions.item (job, seq) where state = 'pending';
create index item_wave on exceptions.item (job, wave, state) where state in ('sent', 'failed');
create index item_sent on exceptions.item (handler, event_id) where state = 'sent';
