with each as (
    select * from unnest($2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::bytea[],
                         $8::int4[], $9::bool[], $10::float8[], $11::text[], $12::text[])
        as each(id, state, subject, outbox, event, failures, attempts, deferred, after, reason, held_by)),
retry as (
    insert into {schema}.retry (id, handler, due, held_by)
    select id, $1, despatch_now() + after * interval '1 second', held_by from each where after is not null)
insert into {schema}.journal (handler, id, generation, state, subject, outbox, event, failures,
                              attempts, deferred_since, reason, waiting_since)
select $1, id, 0, state, subject, outbox, event, failures, attempts,
       case when deferred then despatch_now() end, reason, case when after is not null then despatch_now() end
  from each
