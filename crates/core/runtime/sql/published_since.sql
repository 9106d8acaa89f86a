-- A waiting row without a retry is an event whose next generation is published and has no outcome.
select id, handler, outbox, event, generation,
       (state = 'waiting' and not exists (
            select from {schema}.retry where retry.id = journal.id and retry.handler = journal.handler)) as fired
  from {schema}.journal
 where recorded_at >= coalesce($1::timestamptz, '-infinity')
union all
select id, handler, null, event, generation, true
  from {schema}.journal
 where recorded_at < $1
   and state = 'waiting' and not exists (
            select from {schema}.retry where retry.id = journal.id and retry.handler = journal.handler)
