-- One process takes the lease and sends one of the held events.
with lease as (
    update {schema}.breaker
       set probe_by = $2, probe_until = despatch_now() + $3::float8 * interval '1 second'
     where provider = $1 and state = 'open' and probe_at <= despatch_now()
       and coalesce(probe_until <= despatch_now(), true)
    returning provider),
due as (
    delete from {schema}.retry where (id, handler) in (
        select id, handler from {schema}.retry where held_by = (select provider from lease)
         order by due limit 1 for update skip locked)
    returning id, handler),
{fired}
