-- A running transaction began by the server's own clock, from which despatch_now() may differ by an offset.
select least(despatch_now(), (select min(opened_at) from {schema}.outbox_batch),
             (select min(xact_start) + (despatch_now() - now()) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()
                 and backend_type = 'client backend'))
