select id, handler, generation, state, attempts, failures,
       extract(epoch from despatch_now() - deferred_since)::float8 as deferred,
       extract(epoch from despatch_now() - waiting_since)::float8 as waited
  from {schema}.journal
 where handler = any($1) and id = any($2)
