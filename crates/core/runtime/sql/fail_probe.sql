-- Each failed probe doubles the wait before the next.
update {schema}.breaker
   set probes = probes + 1, probe_until = null, error = $2,
       probe_at = despatch_now() + least($3 * 2 ^ least(probes + 1, 16), $4::float8) * interval '1 second'
 where provider = $1 and state = 'open' and probe_until is not null
