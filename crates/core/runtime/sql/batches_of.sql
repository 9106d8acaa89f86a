select id, handler, events from {schema}.outbox_batch where handler = any($1) and events && $2
