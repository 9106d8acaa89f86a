-- Where goods are. `rank` orders the locations that could serve an order equally well, lowest first.
CREATE TABLE inventory.location (
    id         text    PRIMARY KEY,
    name       text    NOT NULL,
    -- The address, from which parcels are sent. Every part may be empty.
    contact    text    NOT NULL DEFAULT '',
    company    text    NOT NULL DEFAULT '',
    street1    text    NOT NULL DEFAULT '',
    street2    text    NOT NULL DEFAULT '',
    city       text    NOT NULL DEFAULT '',
    region     text    NOT NULL DEFAULT '',
    postcode   text    NOT NULL DEFAULT '',
    country    text    NOT NULL DEFAULT '',
    phone      text    NOT NULL DEFAULT '',
    zone       text    NOT NULL DEFAULT 'UTC',
    calendar   text    NOT NULL DEFAULT '',
    rank       integer NOT NULL DEFAULT 100,
    mode       text    NOT NULL DEFAULT 'instant' CHECK (mode IN ('instant')),
    -- The sales channels that it sells to; all of them if there is none.
    channels   text[]  NOT NULL DEFAULT '{}',
    changed_at timestamptz NOT NULL DEFAULT despatch_now()
);

-- Articles. A receipt makes an article known by its SKU alone; what is null was never said.
CREATE TABLE inventory.item (
    sku            text    PRIMARY KEY,
    title          text,
    grams          bigint  CHECK (grams > 0),
    length_mm      bigint  CHECK (length_mm > 0),
    width_mm       bigint  CHECK (width_mm > 0),
    height_mm      bigint  CHECK (height_mm > 0),
    fragile        boolean NOT NULL DEFAULT false,
    dangerous      boolean NOT NULL DEFAULT false,
    own_box        boolean NOT NULL DEFAULT false,
    age_checked    boolean NOT NULL DEFAULT false,
    intangible     boolean NOT NULL DEFAULT false,
    origin         text,
    customs_code   text,
    value_minor    bigint  CHECK (value_minor >= 0),
    value_currency text,
    known_at       timestamptz NOT NULL DEFAULT despatch_now(),
    changed_at     timestamptz NOT NULL DEFAULT despatch_now(),
    CHECK ((value_minor IS NULL) = (value_currency IS NULL))
);

-- Barcodes. One scan stands for `factor` units of the article.
CREATE TABLE inventory.barcode (
    code   text   PRIMARY KEY,
    sku    text   NOT NULL REFERENCES inventory.item,
    factor bigint NOT NULL CHECK (factor > 0)
);
CREATE INDEX ON inventory.barcode (sku);

-- Requests about stock, and what became of each row. A request is worked on once, however often it comes.
CREATE TABLE inventory.request (
    request_id   text    PRIMARY KEY,
    -- The event's type, such as `stock.receive-requested`.
    kind         text    NOT NULL,
    at           timestamptz NOT NULL DEFAULT despatch_now(),
    requested_by text    NOT NULL,
    by_whom      text    NOT NULL,
    note         text    NOT NULL,
    -- The name of the delivery or the transfer; empty for other kinds.
    name         text    NOT NULL,
    rows         integer NOT NULL,
    refused      integer NOT NULL,
    -- Whether a second person must look at it, because it is worth much.
    needs_second boolean NOT NULL DEFAULT false,
    -- An array with an object for each row, in the request's order: `row` (its place, from 1), `sku`, `location`, `quantity`
    -- and `outcome`. The outcome is `booked`, `before`, `refused`, or `withheld` because another row was refused. A row that
    -- was not booked has a `code` and an `error` besides.
    results      jsonb   NOT NULL
);
CREATE INDEX ON inventory.request (at);

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

-- Units that an order holds or has sent; what it no longer holds is deleted.
CREATE TABLE inventory.allocation (
    order_id   text    NOT NULL,
    line       integer NOT NULL,
    location   text    NOT NULL,
    sku        text    NOT NULL,
    quantity   bigint  NOT NULL CHECK (quantity > 0),
    parcel     integer NOT NULL CHECK (parcel > 0),
    shipped_at timestamptz,
    PRIMARY KEY (order_id, line, location)
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
