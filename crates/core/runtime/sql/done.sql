insert into {schema}.journal (handler, id, generation, state, subject, outbox)
select $1, id, 0, 'done', subject, outbox
  from unnest($2::uuid[], $3::text[], $4::bytea[]) as row(id, subject, outbox)
