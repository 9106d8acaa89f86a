-- Follow-ons that an earlier generation has not published yet stay in the outbox: one is appended to the other.
with settled as (
    update {schema}.journal
       set generation = $3, state = $4, subject = $5,
           outbox = case when exists (
                        select from {schema}.outbox_batch
                         where handler = $1 and events @> array[$2::uuid])
                    then nullif(coalesce(outbox, '') || coalesce($6::bytea, ''), '') else $6 end,
           event = $7, failures = $8, attempts = $9,
           deferred_since = case when $10 then coalesce(deferred_since, despatch_now()) end,
           reason = $12, recorded_at = despatch_now(),
           waiting_since = case when $11::float8 is null then null
                                when state = 'waiting' then coalesce(waiting_since, recorded_at)
                                else despatch_now() end
     where handler = $1 and id = $2 and generation = $3 - 1 and state <> 'done'
     returning id),
waiting as (
    insert into {schema}.retry (id, handler, due, held_by)
    select id, $1, despatch_now() + $11::float8 * interval '1 second', $13 from settled where $11 is not null
    on conflict (id, handler) do update set due = excluded.due, held_by = excluded.held_by),
over as (
    delete from {schema}.retry
     where $11 is null and handler = $1 and id in (select id from settled))
select from settled
