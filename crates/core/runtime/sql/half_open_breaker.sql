update {schema}.breaker
   set state = 'half-open', half_open_at = despatch_now(), released_at = despatch_now(), rate = $2, credit = 0,
       probe_until = null
 where provider = $1 and state = 'open'
