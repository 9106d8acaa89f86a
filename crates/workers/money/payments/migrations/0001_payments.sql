-- The tenders of an order that is paid, and what came back of each. The rows begin with the order's capture. The key makes
-- that happen once.
CREATE TABLE payments.tender (
    order_id        text NOT NULL,
    -- From 1, as in the order; 0 if the order has none because it costs nothing.
    number          integer NOT NULL,
    provider        text NOT NULL,
    -- The provider's reference of what checkout authorised.
    authorisation   text NOT NULL,
    -- The provider's reference of the capture.
    capture         text NOT NULL,
    currency        text NOT NULL,
    captured_minor  bigint NOT NULL,
    captured_at     timestamptz NOT NULL DEFAULT despatch_now(),
    -- Refunds that were approved, whether or not they are made yet.
    approved_minor  bigint NOT NULL DEFAULT 0,
    -- Approved refunds that are made.
    refunded_minor  bigint NOT NULL DEFAULT 0,
    -- Refunds that nobody asked despatch for: made by the shop, or by a person at the provider.
    elsewhere_minor bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (order_id, number),
    CHECK (0 <= refunded_minor AND refunded_minor <= approved_minor AND approved_minor <= captured_minor),
    CHECK (0 <= elsewhere_minor AND refunded_minor + elsewhere_minor <= captured_minor)
) WITH (fillfactor = 80);

-- Orders of which nothing more may be captured. A capture in flight may still come in later.
CREATE TABLE payments.cancellation (
    order_id      text PRIMARY KEY,
    cancelled_at  timestamptz NOT NULL DEFAULT despatch_now()
);

-- Orders that changed after they were accepted, as they are now.
CREATE TABLE payments.changed (
    order_id    text PRIMARY KEY,
    -- The change's number within the order. A later one is higher.
    change      bigint NOT NULL,
    -- The order, in protobuf.
    document    bytea NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT despatch_now()
);

-- The order as it changed, by the newest commit. A statement alone sees only what was committed when it began; a volatile
-- function sees more. So a capture that waited for a change sees it.
CREATE FUNCTION payments.changed_by_now(id text) RETURNS TABLE (change bigint, document bytea) LANGUAGE sql VOLATILE
AS 'SELECT change, document FROM payments.changed WHERE order_id = id';

-- Refunds by their id, a row for each tender that pays for one. The key makes an id one refund.
CREATE TABLE payments.refund (
    order_id     text NOT NULL,
    -- Ours, or the provider's reference of a refund that was made elsewhere.
    refund_id    text NOT NULL,
    tender       integer NOT NULL,
    -- Whether it gives back what the order does not keep. Then money that others give back lowers it.
    is_settlement boolean NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency     text NOT NULL,
    reason       text NOT NULL,
    state        text NOT NULL CHECK (state IN ('approved', 'made', 'elsewhere', 'refused', 'failed')),
    -- The provider's reference of the refund.
    reference    text NOT NULL DEFAULT '',
    asked_at     timestamptz NOT NULL DEFAULT despatch_now(),
    made_at      timestamptz,
    PRIMARY KEY (order_id, refund_id, tender),
    CHECK ((made_at IS NOT NULL) = (state IN ('made', 'elsewhere', 'failed')))
);

-- For recent refunds.
CREATE INDEX refund_made ON payments.refund (made_at) WHERE made_at IS NOT NULL;
