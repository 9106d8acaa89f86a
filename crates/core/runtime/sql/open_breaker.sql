-- A breaker that was half-open opens again for the same outage.
update {schema}.breaker
   set state = 'open', reason = $2, error = $3, probes = 0, probe_until = null,
       probe_at = despatch_now() + $5::float8 * interval '1 second',
       outage_id = case state when 'closed' then $4 else outage_id end,
       opened_at = case state when 'closed' then despatch_now() else opened_at end
 where provider = $1 and state <> 'open'
returning outage_id = $4 as is_new
