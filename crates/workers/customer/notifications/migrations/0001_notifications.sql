-- The recipient of messages about an order, from its acceptance.
create table notifications.contact (
    order_id      text        primary key,
    email         text        not null,
    name          text        not null,
    -- The order number that the customer knows.
    shop_order_id text        not null,
    stored_at     timestamptz not null default despatch_now()
);

-- Every sent message, once. `part` is the number of the parcel or, for reviews, of the request; 0 for the acceptance.
create table notifications.sent (
    order_id   text        not null,
    milestone  text        not null,
    part       integer     not null,
    message_id text        not null,
    sent_at    timestamptz not null default despatch_now(),
    primary key (order_id, milestone, part)
);

-- Addresses, in lower case, that want no mail beyond what their orders require.
create table notifications.unsubscribed (
    email text        primary key,
    since timestamptz not null default despatch_now()
);
