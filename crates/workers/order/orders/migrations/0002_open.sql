-- Orders that are under way, for those who watch how many there are and for how long they have stood still. It holds no
-- column that a step changes, so steps stay on their page (HOT).
create index progress_open on orders.progress (order_id) where completed_at is null;
