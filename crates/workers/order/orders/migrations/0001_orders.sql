-- The order's contents. Written when the order is accepted, and again when it changes.
create table orders.orders (
    order_id text primary key,
    shop text not null,
    shop_order_id text not null,
    channel text not null,
    customer_email text not null,
    currency text not null,
    total_minor bigint not null,
    placed_at timestamptz not null,
    -- The whole despatch.order.v1.Order.
    document bytea not null,
    -- The shop's address (despatch.order.v1.Address), if the customer or an operator chose another one here, and when.
    moved_from bytea,
    moved_at timestamptz,
    unique (shop, shop_order_id)
);

-- The order's state. It is apart from orders.orders because it changes about nine times an order. The row is narrow, no
-- column that changes is indexed, and half of each page is free. So updates stay on their page (HOT).
-- It and the timeline are only ever written together with their order, so no foreign key is checked.
create table orders.progress (
    order_id text primary key,
    state text not null,
    -- The number of the last timeline entry.
    version integer not null,
    -- The facts so far; the state follows from them.
    lifecycle jsonb not null,
    updated_at timestamptz not null default despatch_now(),
    completed_at timestamptz
) with (fillfactor = 50);

-- Orders under way, for the gauges of how many there are and for how long they have not moved.
create index progress_open on orders.progress (order_id) where completed_at is null;

-- Orders whose customers have yet to pay. A row goes when the shop says that the money came.
create table orders.unpaid (
    order_id text primary key,
    -- The whole despatch.order.v1.Order.
    document bytea not null,
    -- As of orders.orders.
    moved_from bytea,
    moved_at timestamptz,
    placed_at timestamptz not null default despatch_now(),
    -- The time from which nobody waits for the payment any more.
    given_up_at timestamptz
);

-- The audit trail: every event and command that reached the order, what it changed, and why.
create table orders.timeline (
    order_id text not null,
    -- From 1, without gaps. The key also makes a lost update impossible: two writers cannot take the same number.
    seq integer not null,
    at timestamptz not null default despatch_now(),
    event_type text not null,
    from_state text,
    to_state text not null,
    -- A reason code.
    reason text not null,
    detail text not null,
    primary key (order_id, seq)
);

-- For recent events. Rows come in the order of this time, or nearly so.
create index timeline_at on orders.timeline using brin (at);

-- Orders that are no longer kept, by their ids. So none is accepted again, and readers can tell them from new ones.
create table orders.pruned (
    order_id text primary key,
    pruned_at timestamptz not null default despatch_now()
);
