-- One row per parcel: its label, and why this carrier service was chosen. Nothing is ever updated but the document and the
-- times at which it was voided.
create table labels.label (
    order_id        text        not null,
    parcel          integer     not null,
    parcels         integer     not null,
    carrier         text        not null,
    service         text        not null,
    tracking_number text        not null,
    -- The PDF; null once it is past its retention.
    document        bytea,
    -- Labels of our own only: the same for a thermal printer.
    zpl             text,
    -- The carrier's price; unknown for printed labels.
    cost_minor      bigint,
    cost_currency   text,
    reason          text        not null,
    detail          text        not null,
    created_at      timestamptz not null default despatch_now(),
    -- Shippo's id of the purchase; null for labels of our own.
    transaction     text,
    -- When the carrier was asked to take the label back, if it was.
    void_asked_at   timestamptz,
    -- When it was taken back, or struck off.
    voided_at       timestamptz,
    primary key (order_id, parcel)
);

-- Labels that have their documents, for the end of their retention.
create index label_documents on labels.label (created_at) where document is not null;

-- Carriers report parcels by these two.
create unique index label_tracking on labels.label (tracking_number, carrier);

-- Addresses that changed after the order was accepted, the newest of each order. The events up to the parcel's carry the
-- address that the order had when they were made.
create table labels.address (
    order_id   text        primary key,
    -- A despatch.order.v1.Address.
    address    bytea       not null,
    -- Grows with each change of the order.
    change     bigint      not null,
    changed_at timestamptz not null default despatch_now()
);

-- Cancelled orders, so that no label is made for them, and one whose purchase was under way is voided.
create table labels.cancelled (
    order_id     text        primary key,
    -- A reason code.
    reason       text        not null,
    cancelled_at timestamptz not null default despatch_now()
);
