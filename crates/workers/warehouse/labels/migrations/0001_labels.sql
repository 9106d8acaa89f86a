-- One row per parcel: its label, and the reason for its carrier service. Never updated.
create table labels.label (
    order_id        text        not null,
    parcel          integer     not null,
    parcels         integer     not null,
    carrier         text        not null,
    service         text        not null,
    tracking_number text        not null,
    -- The PDF.
    document        bytea       not null,
    -- The label for a thermal printer; own labels only.
    zpl             text,
    -- The carrier's price; unknown for own labels.
    cost_minor      bigint,
    cost_currency   text,
    reason          text        not null,
    detail          text        not null,
    created_at      timestamptz not null default despatch_now(),
    primary key (order_id, parcel)
);

-- Carriers report parcels by these two columns.
create unique index label_tracking on labels.label (tracking_number, carrier);
