-- Returns the latest effect of each identity that is still pending, or was rejected in this very try, or a new one
-- under the next number.
with wanted as (
    select distinct on (subject, operation, part) *
      from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::int[])
        as row(subject, operation, part, wanted_note, event_id, generation)),
latest as (
    select distinct on (subject, operation, part)
           subject, operation, part, wanted_note, n, e.note, begun_at,
           closed_at is null or (rejected_by = event_id and rejected_in >= generation) is true as holds
      from wanted left join {schema}.effect e using (subject, operation, part)
     order by subject, operation, part, n desc),
fresh as (
    insert into {schema}.effect (subject, operation, part, n, note)
    select subject, operation, part, coalesce(n + 1, 0), wanted_note
      from latest where n is null or not holds
     -- In the same order everywhere, so that two replicas cannot deadlock.
     order by subject, operation, part
    on conflict do nothing
    returning subject, operation, part, n, note)
select subject, operation, part, n as number, note, true as first, 0::float8 as age from fresh
union all
select subject, operation, part, n, note, false, extract(epoch from despatch_now() - begun_at)::float8
  from latest where n is not null and holds
