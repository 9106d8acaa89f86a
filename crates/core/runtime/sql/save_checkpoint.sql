insert into {schema}.stream_checkpoint (created, sequence, event_id, generation, stored_until, settled_until)
values ($1, $2, $3, $4, $5, $6)
on conflict (only_one) do update
   set created = $1, sequence = $2, event_id = $3, generation = $4,
       marked_at = case when stream_checkpoint.sequence = $2 then stream_checkpoint.marked_at else despatch_now() end,
       stored_until = greatest(stream_checkpoint.stored_until, $5),
       settled_until = greatest(stream_checkpoint.settled_until, $6)
