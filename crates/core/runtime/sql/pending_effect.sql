select distinct on (each.n) each.n, e.n as number, note,
       extract(epoch from despatch_now() - begun_at)::float8 as age
  from unnest($1::text[], $2::text[], $3::text[]) with ordinality
       as each(subject, operation, part, n)
       join {schema}.effect e using (subject, operation, part)
 where closed_at is null
 order by each.n, e.n desc
