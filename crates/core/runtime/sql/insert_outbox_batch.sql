insert into {schema}.outbox_batch (handler, events) values ($1, $2) returning id
