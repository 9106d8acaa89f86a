update {schema}.breaker set state = 'closed', error = '', reason = ''
 where provider = $1 and state = 'half-open' and half_open_at < despatch_now() - $2::float8 * interval '1 second'
   and not exists (select from {schema}.retry where held_by = $1 and due <= despatch_now())
returning outage_id, extract(epoch from despatch_now() - opened_at)::float8 as seconds
