-- One row per parcel: its label, and why this carrier service was chosen. Nothing is ever updated but the document and the
-- times at which it was voided.
create table labels.label (
    order_id        text        not null,
    parcel          integer     not null,
    -- The parcel's place among those that go, as the label says, and how many there were.
    position        integer     not null,
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
    -- The weight in grams and the sides, as the carrier was told.
    grams           bigint      not null,
    length_mm       bigint      not null,
    width_mm        bigint      not null,
    height_mm       bigint      not null,
    -- SKUs in it whose weight was assumed, and SKUs whose sides were not known.
    assumed_weights text[]      not null,
    unknown_sides   text[]      not null,
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

-- Parcels that are not sent, so that no label is made for them, and one whose purchase was under way is voided.
create table labels.not_sent (
    order_id text        not null,
    -- 0 for every parcel of a cancelled order.
    parcel   integer     not null,
    -- A reason code.
    reason   text        not null,
    noted_at timestamptz not null default despatch_now(),
    primary key (order_id, parcel)
);

-- Articles, as inventory described them last; null is what nobody ever said.
create table labels.item (
    sku       text    primary key,
    -- A later description has a higher number.
    change    bigint  not null,
    grams     bigint,
    length_mm bigint,
    width_mm  bigint,
    height_mm bigint,
    own_box   boolean not null
);

-- The addresses of locations, as inventory described them last. Every part may be empty.
create table labels.location (
    id       text   primary key,
    -- A later description has a higher number.
    change   bigint not null,
    name     text   not null,
    company  text   not null,
    street1  text   not null,
    street2  text   not null,
    city     text   not null,
    region   text   not null,
    postcode text   not null,
    country  text   not null,
    phone    text   not null
);
