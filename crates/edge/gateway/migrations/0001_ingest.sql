-- Every accepted order, by its natural key.
create table gateway.orders (
    shop text not null,
    shop_order_id text not null,
    order_id uuid not null,
    -- The digest of the order's core as it was placed, and the version of that core. Digests of different versions cannot be
    -- compared.
    digest bytea not null,
    digest_version smallint not null default 0,
    -- When the shop had last changed the order that was placed, by its own clock.
    updated_at timestamptz,
    -- The same of the newest other contents that the shop reported since.
    latest_digest bytea,
    latest_updated_at timestamptz,
    -- SHA-256 of the tenders that the shop last reported since.
    tenders_digest bytea,
    -- The references of the refunds that the shop reported. Shops repeat them with every other change.
    refunds text[],
    -- False for a number whose cancellation came before the order: it is never placed.
    is_placed boolean not null default true,
    -- When the shop's cancellation was passed on.
    cancelled_at timestamptz,
    -- The beginning of the order's trace, as a traceparent header. Later input about the order, from any sender, belongs
    -- under it.
    traceparent text not null,
    accepted_at timestamptz not null default despatch_now(),
    primary key (shop, shop_order_id)
);
-- Ids lead with their time, so this index grows at its end only.
create unique index orders_order_id on gateway.orders (order_id);

-- Other contents that came under the same natural key at `POST /v1/orders`, each once.
create table gateway.changed_order (
    shop text not null,
    shop_order_id text not null,
    digest bytea not null,
    event_id uuid not null,
    received_at timestamptz not null default despatch_now(),
    primary key (shop, shop_order_id, digest)
);

-- Webhooks that a shop signed and that a person has to look at, each once. The body stays here even if it is too large for an
-- event.
create table gateway.kept_webhook (
    shop text not null,
    topic text not null,
    -- SHA-256 of the body.
    digest bytea not null,
    event_id uuid not null,
    body bytea not null,
    received_at timestamptz not null default despatch_now(),
    primary key (shop, topic, digest)
);

-- Every movement of a parcel that a carrier reported, once. The order is empty for a parcel that is not ours, so that
-- the same scan counts again when the parcel turns out to be ours.
create table gateway.scan (
    carrier text not null,
    tracking_number text not null,
    movement text not null,
    order_id text not null,
    event_id uuid not null,
    received_at timestamptz not null default despatch_now(),
    primary key (carrier, tracking_number, movement, order_id)
);

-- Requests about stock, each once, whichever outcome inventory records.
create table gateway.stock_request (
    request_id text primary key,
    -- SHA-256 of the command.
    digest bytea not null,
    event_id uuid not null,
    received_at timestamptz not null default despatch_now()
);

-- The pruner finds old rows by these. Rows come in the order of these times, or nearly so.
create index changed_order_received on gateway.changed_order using brin (received_at);
create index scan_received on gateway.scan using brin (received_at);
create index stock_request_received on gateway.stock_request using brin (received_at);
