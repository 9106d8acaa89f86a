select created, sequence, event_id, generation, stored_until, settled_until,
       extract(epoch from despatch_now() - marked_at)::float8 as age
  from {schema}.stream_checkpoint
