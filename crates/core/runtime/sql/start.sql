insert into {schema}.start (id, handler, generation, starts) values ($1, $2, $3, 1)
on conflict (id, handler, generation) do update set starts = start.starts + 1
returning starts
