-- Where goods are. `rank` orders the locations that could serve an order equally well, lowest first.
CREATE TABLE inventory.location (
    id      text PRIMARY KEY,
    name    text NOT NULL,
    country text NOT NULL,
    region  text NOT NULL,
    rank    integer NOT NULL
);

-- Units of a SKU at a location: all that ever arrived, and those of them that no order holds. An order moves units by
-- one update of `available`; the checks are the last word against selling what is not there or releasing it twice.
-- Reserved and shipped units are counted where they are known, per order, so a despatch scan touches no shared row.
CREATE TABLE inventory.stock (
    sku       text   NOT NULL,
    location  text   NOT NULL REFERENCES inventory.location,
    received  bigint NOT NULL,
    available bigint NOT NULL CHECK (available >= 0),
    PRIMARY KEY (sku, location),
    CHECK (available <= received)
) WITH (fillfactor = 50);

-- Arrivals, line by line: the ledger that the counters are checked against.
CREATE TABLE inventory.receipt (
    receipt_id text   NOT NULL,
    sku        text   NOT NULL,
    location   text   NOT NULL,
    quantity   bigint NOT NULL CHECK (quantity > 0),
    at         timestamptz NOT NULL DEFAULT despatch_now(),
    PRIMARY KEY (receipt_id, sku, location)
);

-- The state of an order's claim on stock. An order that was cancelled before it was reserved has a row too, so that
-- its late acceptance reserves nothing.
CREATE TABLE inventory.reservation (
    order_id   text PRIMARY KEY,
    state      text NOT NULL CHECK (state IN ('held', 'confirmed', 'expired', 'cancelled')),
    expires_at timestamptz,
    at         timestamptz NOT NULL DEFAULT despatch_now(),
    CHECK (state <> 'held' OR expires_at IS NOT NULL)
) WITH (fillfactor = 80);

-- Orders that changed after they were accepted, as they are by now. Events that were made before carry the former order.
CREATE TABLE inventory.newest_order (
    order_id    text    PRIMARY KEY,
    -- A later change has a higher number.
    change      bigint  NOT NULL,
    -- A despatch.order.v1.Order.
    document    bytea   NOT NULL,
    -- The highest number of a parcel that the order ever had, so that a voided parcel's number is not used again.
    last_parcel integer NOT NULL DEFAULT 0,
    changed_at  timestamptz NOT NULL DEFAULT despatch_now()
);

-- Units that an order holds or has sent; what it no longer holds is deleted.
CREATE TABLE inventory.allocation (
    order_id   text    NOT NULL,
    line       integer NOT NULL,
    location   text    NOT NULL,
    sku        text    NOT NULL,
    quantity   bigint  NOT NULL CHECK (quantity > 0),
    parcel     integer NOT NULL CHECK (parcel > 0),
    -- The parcel's place among those that go; null while it is its number.
    position   integer,
    shipped_at timestamptz,
    PRIMARY KEY (order_id, parcel, line)
) WITH (fillfactor = 80);

-- How much of everything is where, for people and reports.
CREATE VIEW inventory.position AS
SELECT s.sku, s.location, s.received, s.available,
       coalesce(a.reserved, 0) AS reserved, coalesce(a.shipped, 0) AS shipped
FROM inventory.stock s
LEFT JOIN (
    SELECT sku, location,
           (sum(quantity) FILTER (WHERE shipped_at IS NULL))::bigint AS reserved,
           (sum(quantity) FILTER (WHERE shipped_at IS NOT NULL))::bigint AS shipped
    FROM inventory.allocation
    GROUP BY sku, location
) a USING (sku, location);
