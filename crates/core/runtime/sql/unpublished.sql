-- A waiting row without a retry is an event whose next generation is published and has no outcome.
select id, outbox, event, generation,
       (state = 'waiting' and not exists (
            select from {schema}.retry where retry.id = journal.id and retry.handler = journal.handler)) as fired
  from {schema}.journal
 where handler = $1 and id = any($2)
