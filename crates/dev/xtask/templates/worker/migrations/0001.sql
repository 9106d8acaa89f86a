-- The orders that were noted.
create table {{name}}.note (
    order_id text        primary key,
    noted_at timestamptz not null default despatch_now()
);
