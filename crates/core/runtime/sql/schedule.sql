insert into {schema}.timer (key, due, event_type, subject, payload, traceparent)
select distinct on (key) key, despatch_now() + after * interval '1 second', event_type, subject, payload, trace
  from unnest($1::text[], $2::float8[], $3::text[], $4::text[], $5::bytea[], $6::text[])
       with ordinality as each(key, after, event_type, subject, payload, trace, n)
 order by key, n desc
on conflict (key) do update
   set due = excluded.due, event_type = excluded.event_type, subject = excluded.subject,
       payload = excluded.payload, traceparent = excluded.traceparent
