select exists (select from {schema}.retry where due <= despatch_now()) as retries,
       exists (select from {schema}.timer where due <= despatch_now()) as timers,
       despatch_now() as now
