delete from {schema}.outbox_batch where id = any($1)
