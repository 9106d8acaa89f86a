-- A bulk replay: a fixed set of cases that was chosen by a filter, and the plan by which they are replayed.
create table exceptions.bulk_replay (
    id           bigint      generated always as identity primary key,
    created_by   text        not null,
    -- The filter that chose the set, in words.
    filter       text        not null,
    state        text        not null
                 check (state in ('created', 'running', 'paused', 'stopped', 'cancelled', 'finished')),
    -- The sizes of the first steps; after them comes all the rest. The next step waits for this one's outcomes.
    canary       int[]       not null,
    per_second   float8      not null check (per_second > 0),
    -- A step of which more than this share fails stops the replay.
    stop_above   float8      not null check (stop_above >= 0 and stop_above <= 1),
    -- Why it stopped by itself.
    stop_reason  text        not null default '',
    -- The current step's place in the canary, from 0. Each start and each resumption begins at 0.
    canary_step  int         not null default 0,
    -- The current step's number among all steps ever begun, which its items carry.
    step_number  int         not null default 0,
    -- How many cases of the current step have been replayed, and when the last of them was.
    step_sent    int         not null default 0,
    last_sent_at timestamptz,
    -- The number of its latest tick; an older tick's event does nothing.
    tick         int         not null default 0,
    created_at   timestamptz not null default despatch_now(),
    updated_at   timestamptz not null default despatch_now()
);

-- Every decision about a bulk replay, by people and by itself. Rows are never changed.
create table exceptions.bulk_replay_history (
    bulk_replay bigint      not null references exceptions.bulk_replay,
    at          timestamptz not null default clock_timestamp(),
    actor       text        not null,
    -- 'created', 'started', 'paused', 'resumed', 'stopped', 'cancelled' or 'finished'.
    kind        text        not null,
    detail      text        not null
);

create index bulk_replay_history_at on exceptions.bulk_replay_history (bulk_replay, at);

-- A case of the set, and its outcome.
create table exceptions.bulk_replay_item (
    bulk_replay bigint      not null references exceptions.bulk_replay,
    seq         int         not null,
    handler     text        not null,
    event_id    uuid        not null,
    -- The failure that the case had when the set was chosen. A case that failed again since is skipped.
    generation  int         not null,
    state       text        not null
                check (state in ('pending', 'sent', 'succeeded', 'failed', 'skipped', 'cancelled')),
    -- Why it was skipped, or the reason code of its failure.
    result      text        not null default '',
    step_number int,
    updated_at  timestamptz not null default despatch_now(),
    primary key (bulk_replay, seq)
);

create index bulk_replay_item_pending on exceptions.bulk_replay_item (bulk_replay, seq) where state = 'pending';
create index bulk_replay_item_step on exceptions.bulk_replay_item (bulk_replay, step_number, state)
    where state in ('sent', 'failed');
create index bulk_replay_item_sent on exceptions.bulk_replay_item (handler, event_id) where state = 'sent';
