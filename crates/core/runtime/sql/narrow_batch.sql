update {schema}.outbox_batch set events = $2 where id = $1
