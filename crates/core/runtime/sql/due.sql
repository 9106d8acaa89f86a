select exists (select from {schema}.retry where held_by is null and due <= despatch_now()) as retries,
       exists (select from {schema}.timer where due <= despatch_now()) as timers,
       despatch_now() as now,
       provider, state, reason, error,
       case state when 'open' then probe_at <= despatch_now() and coalesce(probe_until <= despatch_now(), true)
                  else true end as lets_go,
       exists (select from {schema}.retry where held_by = provider and (state = 'open' or due <= despatch_now())) as holds
  from (select) always left join {schema}.breaker on true
