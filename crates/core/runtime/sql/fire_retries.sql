-- A due retry opens a batch, so that the sweeper publishes it if this process does not.
with due as (
    delete from {schema}.retry where (id, handler) in (
        select id, handler from {schema}.retry where held_by is null and due <= despatch_now()
         order by due limit 256 for update skip locked)
    returning id, handler),
fired as (
    select id, handler, generation, event from {schema}.journal join due using (id, handler)),
opened as (
    insert into {schema}.outbox_batch (handler, events)
    select handler, array_agg(id) from due group by handler
    returning id, handler)
select opened.id as batch, fired.id, fired.handler, fired.generation, fired.event
  from fired join opened using (handler)
