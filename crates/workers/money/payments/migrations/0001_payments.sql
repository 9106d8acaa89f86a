-- An order's payment. The row begins with the capture, or with a cancellation that came first. The key makes either
-- happen once.
CREATE TABLE payments.payment (
    order_id       text PRIMARY KEY,
    provider       text NOT NULL,
    -- The provider's reference of what checkout authorised.
    authorisation  text NOT NULL,
    -- The provider's reference of the capture.
    capture        text,
    currency       text,
    captured_minor bigint NOT NULL DEFAULT 0 CHECK (captured_minor >= 0),
    captured_at    timestamptz,
    refunded_minor bigint NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0),
    refunded_at    timestamptz,
    -- From this time on nothing may be captured. A capture in flight may still come in later.
    cancelled_at   timestamptz,
    CHECK (refunded_minor <= captured_minor),
    CHECK (captured_at IS NULL OR (capture IS NOT NULL AND currency IS NOT NULL)),
    CHECK (captured_at IS NOT NULL OR captured_minor = 0),
    CHECK (captured_at IS NOT NULL OR cancelled_at IS NOT NULL)
) WITH (fillfactor = 80);

-- For recent refunds. Refunds are few, so the index is small, and a capture does not touch it.
CREATE INDEX payment_refunded ON payments.payment (refunded_at) WHERE refunded_at IS NOT NULL;
