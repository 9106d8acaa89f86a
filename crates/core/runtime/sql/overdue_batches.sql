select id, handler, events
  from {schema}.outbox_batch
 where opened_at < despatch_now() - $1::float8 * interval '1 second' and id > $2
 order by id limit 16 for update skip locked
