-- The waits of the held events end with the outage. A wait that begins later, as the provider asks for it, is kept.
with waited as (
    update {schema}.retry set due = least(due, despatch_now())
     where held_by = $1 and exists (select from {schema}.breaker where provider = $1 and state = 'open'))
update {schema}.breaker
   set state = 'half-open', half_open_at = despatch_now(), released_at = despatch_now(), rate = $2, credit = 0,
       probe_until = null
 where provider = $1 and state = 'open'
