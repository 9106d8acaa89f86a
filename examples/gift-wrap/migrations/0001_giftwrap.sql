-- The parcels that were wrapped.
create table giftwrap.parcel (
    order_id   text,
    number     bigint,
    wrapped_at timestamptz not null default despatch_now(),
    primary key (order_id, number)
);

-- How many sheets of each paper were used.
create table giftwrap.paper (
    colour text   primary key,
    sheets bigint not null
);
