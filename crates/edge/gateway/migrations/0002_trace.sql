-- Where the order's trace begins, as a traceparent header says it: whatever comes in about the order later, from whomever,
-- belongs under it. Empty for orders from before there was one.
alter table gateway.orders add traceparent text not null default '';
