with seen as (
    insert into {schema}.known_consumer (consumer) select unnest($1::text[])
    on conflict (consumer) do update set seen_at = despatch_now()
     where known_consumer.seen_at < despatch_now() - interval '1 hour')
select exists (
    select from {schema}.known_consumer
     where consumer <> all($1) and seen_at > despatch_now() - $2::float8 * interval '1 second') as missing
