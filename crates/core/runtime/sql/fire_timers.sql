delete from {schema}.timer where key in (
    select key from {schema}.timer where due <= despatch_now() and event_type = any($1)
     order by due limit 256 for update skip locked)
returning event_type, subject, payload, traceparent
