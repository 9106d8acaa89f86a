-- A new process may have other credentials, so it need not wait for the next probe.
insert into {schema}.breaker (provider) select unnest($1::text[])
on conflict (provider) do update set probe_at = least(breaker.probe_at, despatch_now())
