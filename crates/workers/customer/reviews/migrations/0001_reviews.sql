-- The state of asking for an order's review. A row may exist before anything was delivered, because an order that was
-- cancelled, returned or answered first is never asked about.
create table reviews.review (
    order_id text primary key,
    -- awaiting-delivery, asking, answered, stopped or lapsed.
    state text not null,
    -- The numbers of the delivered parcels, and the order's number of parcels.
    delivered bigint[] not null default '{}',
    parcels bigint,
    -- The next request of the schedule, from 0. A timer that fires for another one is out of date.
    next_ask bigint not null default 0,
    -- The reason code of the stop.
    stopped_because text,
    updated_at timestamptz not null default despatch_now()
) with (fillfactor = 70);

-- The customers' answers. The first answer is the review; later ones are stored and change nothing.
create table reviews.answer (
    order_id text not null,
    -- From 1.
    number bigint not null,
    at timestamptz not null default despatch_now(),
    rating bigint not null check (rating between 1 and 5),
    comment text not null,
    primary key (order_id, number)
);
