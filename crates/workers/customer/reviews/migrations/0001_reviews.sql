-- Whether an order's customer will be asked for a review. A row may come before any delivery: if an order was
-- cancelled, returned or answered first, its customer is never asked.
create table reviews.review (
    order_id text primary key,
    -- awaiting-delivery, asking, answered, stopped or lapsed.
    state text not null,
    -- Numbers of the parcels that arrived, and how many the order has.
    delivered bigint[] not null default '{}',
    parcels bigint,
    -- The next ask of the schedule; 0 is the first. A timer that fires for another one is out of date.
    next_ask bigint not null default 0,
    -- Why it was stopped, as a reason code.
    stopped_because text,
    updated_at timestamptz not null default despatch_now()
) with (fillfactor = 70);

-- Customers' answers. The first answer is the review; later ones are kept and change nothing.
create table reviews.answer (
    order_id text not null,
    -- From 1.
    number bigint not null,
    at timestamptz not null default despatch_now(),
    rating bigint not null check (rating between 1 and 5),
    comment text not null,
    primary key (order_id, number)
);
