-- Since when the event has waited: since it was first retried or deferred, unless it has died since. Of what waited before
-- there was this column, recorded_at says when it was tried last.
alter table {schema}.journal
    add waiting_since timestamptz;
