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
    -- Counts the changes, so that others who keep a copy know the latest.
    change     bigint  NOT NULL DEFAULT 0,
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
    -- Counts the descriptions, so that others who keep a copy know the latest; 0 if it was never described.
    change         bigint  NOT NULL DEFAULT 0,
    -- For how many days its units should last; null for as many as the configuration says, 0 for no alert.
    cover_days     bigint  CHECK (cover_days >= 0),
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

-- Units of a SKU at a location that no order holds. A claim moves units by one update of `available`; the check is the last word
-- against selling what is not there. Every other count is a sum over the ledger or over orders, so a despatch scan touches no
-- shared row.
--
-- `location` has no foreign key, because PostgreSQL checks one again, with a lock of the location, at the second and each later
-- update of a row within a transaction. That is each order of a batch for one SKU. Receipts have the key, other requests are
-- checked before they are booked, and no location is ever deleted.
CREATE TABLE inventory.stock (
    sku       text   NOT NULL,
    location  text   NOT NULL,
    available bigint NOT NULL CHECK (available >= 0),
    PRIMARY KEY (sku, location)
) WITH (fillfactor = 50);

-- The ledger: each movement takes units of a SKU at a location out of one bucket and puts them into another, so none is made or
-- lost. Rows are only ever added, by the statement that moves the units.
--
-- Buckets inside a location: `available`, `reserved` (an order holds them), `quarantine`, `damaged`, `missing` (a count did not
-- find them). Buckets outside: `supplier`, `customer`, `transit`, `lost`, `scrapped`.
CREATE TABLE inventory.movement (
    id          bigint  GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL DEFAULT despatch_now(),
    sku         text    NOT NULL,
    location    text    NOT NULL,
    quantity    bigint  NOT NULL CHECK (quantity > 0),
    from_bucket text    NOT NULL,
    to_bucket   text    NOT NULL,
    -- The type of the event that it follows from, or that follows from it.
    kind        text    NOT NULL,
    order_id    text,
    parcel      integer,
    request_id  text,
    -- The reason of an adjustment.
    reason      text    NOT NULL DEFAULT '',
    by_whom     text    NOT NULL DEFAULT '',
    -- When the person looked, of a count.
    seen_at     timestamptz,
    PRIMARY KEY (sku, at, id),
    CHECK (from_bucket <> to_bucket)
);
-- Rows come almost in the order of their times, so a block's range finds a day's rows. Ranges are summarised as they fill, because
-- a query reads every range that is not.
CREATE INDEX ON inventory.movement USING brin (at) WITH (autosummarize = on);

-- Days (UTC) whose balances are in `inventory.balance`.
CREATE TABLE inventory.closing (
    day date PRIMARY KEY,
    at  timestamptz NOT NULL DEFAULT despatch_now()
);

-- Units per bucket at the end of the last closed day. `day` is the last closing before which the position moved.
CREATE TABLE inventory.balance (
    sku      text   NOT NULL,
    location text   NOT NULL,
    bucket   text   NOT NULL,
    day      date   NOT NULL,
    units    bigint NOT NULL,
    PRIMARY KEY (sku, location, bucket)
);

-- Units per bucket now, by the ledger: the last closing balances, and the movements since.
CREATE VIEW inventory.bucket AS
SELECT sku, location, bucket, sum(units)::bigint AS units
FROM (
    SELECT sku, location, bucket, units FROM inventory.balance
    UNION ALL
    SELECT sku, location, bucket, units
    FROM inventory.movement
    CROSS JOIN LATERAL (VALUES (to_bucket, quantity), (from_bucket, -quantity)) AS side (bucket, units)
    WHERE at >= (SELECT coalesce((max(day) + 1)::timestamp AT TIME ZONE 'UTC', '-infinity') FROM inventory.closing)
) AS part
GROUP BY sku, location, bucket;

-- The upkeep of the ledger. Movements before `kept_since` are in the closing balances alone, because they are pruned. `checked` is
-- the last SKU that the check in the background compared, or empty at the start of a round.
CREATE TABLE inventory.ledger (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    kept_since timestamptz NOT NULL DEFAULT '-infinity',
    checked    text NOT NULL DEFAULT ''
);
INSERT INTO inventory.ledger DEFAULT VALUES;

-- Counters that differ from the ledger, as the check in the background found them.
CREATE TABLE inventory.imbalance (
    sku      text   NOT NULL,
    location text   NOT NULL,
    bucket   text   NOT NULL,
    counted  bigint,
    recorded bigint NOT NULL,
    found_at timestamptz NOT NULL DEFAULT despatch_now(),
    PRIMARY KEY (sku, location, bucket)
);

-- Levels of `available` as they were told last.
CREATE TABLE inventory.level (
    sku       text   NOT NULL,
    location  text   NOT NULL,
    available bigint NOT NULL,
    PRIMARY KEY (sku, location)
);

-- The last run of the timer that tells of levels. Movements since `since` may not be told yet.
CREATE TABLE inventory.watch (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    ran_at timestamptz NOT NULL DEFAULT despatch_now(),
    since  timestamptz NOT NULL
);

-- Rows of deliveries, each known by the delivery's name and the row's identity in it. `request_id` is the request that brought
-- it first.
CREATE TABLE inventory.receipt (
    receipt    text   NOT NULL,
    row_id     text   NOT NULL,
    sku        text   NOT NULL,
    location   text   NOT NULL REFERENCES inventory.location,
    quantity   bigint NOT NULL CHECK (quantity > 0),
    request_id text   NOT NULL,
    at         timestamptz NOT NULL DEFAULT despatch_now(),
    PRIMARY KEY (receipt, row_id)
);

-- Deliveries from suppliers. Receipts of the same name bring them. One that nobody announced has a row only if the receiver said
-- that all of it came.
CREATE TABLE inventory.delivery (
    delivery     text PRIMARY KEY,
    -- When it should be here; null before the announcement.
    due          timestamptz,
    supplier     text NOT NULL DEFAULT '',
    -- The supplier's e-mail address.
    contact      text NOT NULL DEFAULT '',
    -- When the receiver said that nothing more comes.
    arrived_at   timestamptz,
    cancelled_at timestamptz,
    -- When nothing more of it was expected: all of it is booked, or the receiver said so, or it was cancelled.
    closed_at    timestamptz,
    -- The due time of which a person was told that it had passed.
    told_due     timestamptz,
    at           timestamptz NOT NULL DEFAULT despatch_now(),
    CHECK (due IS NOT NULL OR closed_at IS NULL)
);
CREATE INDEX ON inventory.delivery (due, delivery) WHERE closed_at IS NULL AND due IS NOT NULL;

-- Units that announced deliveries should bring, and units that their receipts brought. An article that came unannounced has the quantity 0.
CREATE TABLE inventory.expected (
    delivery text   NOT NULL REFERENCES inventory.delivery ON DELETE CASCADE,
    sku      text   NOT NULL,
    location text   NOT NULL REFERENCES inventory.location,
    quantity bigint NOT NULL CHECK (quantity >= 0),
    booked   bigint NOT NULL DEFAULT 0 CHECK (booked >= 0),
    -- The difference, booked less expected, that a person was told of last.
    told     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (delivery, sku, location)
);
CREATE INDEX ON inventory.expected (sku);

-- Articles that run low, from the alert until there are enough again.
CREATE TABLE inventory.low_stock (
    sku   text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT despatch_now()
);

-- Units that are on their way from one location to another. The ledger says which of them arrived.
CREATE TABLE inventory.transfer (
    transfer   text   NOT NULL,
    sku        text   NOT NULL,
    source     text   NOT NULL,
    target     text   NOT NULL,
    quantity   bigint NOT NULL CHECK (quantity > 0),
    arrived_at timestamptz,
    at         timestamptz NOT NULL DEFAULT despatch_now(),
    PRIMARY KEY (transfer, sku, source, target)
);

-- The state of an order's claim on stock. An order that was cancelled before it was reserved has a row too, so that
-- its late acceptance reserves nothing.
CREATE TABLE inventory.reservation (
    order_id   text PRIMARY KEY,
    state      text NOT NULL CHECK (state IN ('held', 'confirmed', 'expired', 'cancelled')),
    expires_at timestamptz,
    -- The highest number of a parcel when it was confirmed, so that a parcel that a count empties leaves its number used.
    last_parcel integer NOT NULL DEFAULT 0,
    -- Units that counts took from it, and that are not back.
    withdrawn  bigint NOT NULL DEFAULT 0 CHECK (withdrawn >= 0),
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

-- Orders that hold units of a position.
CREATE INDEX ON inventory.allocation (sku, location) WHERE shipped_at IS NULL;

-- The units at each location, for people and reports. The ledger must agree.
CREATE VIEW inventory.position AS
SELECT s.sku, s.location, s.available, coalesce(a.reserved, 0) AS reserved
FROM inventory.stock s
LEFT JOIN (
    SELECT sku, location, sum(quantity)::bigint AS reserved
    FROM inventory.allocation
    WHERE shipped_at IS NULL
    GROUP BY sku, location
) a USING (sku, location);
