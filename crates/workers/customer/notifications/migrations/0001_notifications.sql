-- The recipient of mails about an order, from its acceptance.
create table notifications.contact (
    order_id      text        primary key,
    -- Empty if the shop gave none that mail can be sent to.
    email         text        not null,
    name          text        not null,
    -- The number that the customer knows the order by.
    number        text        not null,
    stored_at     timestamptz not null default despatch_now()
);

-- Every message that left, once. `part` is the parcel, the review's request or the refund; 0 if
-- there is only one.
create table notifications.sent (
    order_id   text        not null,
    milestone  text        not null,
    part       text        not null,
    message_id text        not null,
    sent_at    timestamptz not null default despatch_now(),
    primary key (order_id, milestone, part)
);

-- Addresses, in lower case, that want no more mail than their orders need.
create table notifications.unsubscribed (
    email text        primary key,
    since timestamptz not null default despatch_now()
);

-- Suppliers that were reminded of a delivery, once for each due time.
create table notifications.reminder (
    delivery   text        not null,
    due        timestamptz not null,
    message_id text        not null,
    sent_at    timestamptz not null default despatch_now(),
    primary key (delivery, due)
);
