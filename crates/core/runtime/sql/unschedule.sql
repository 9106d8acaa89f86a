delete from {schema}.timer where key = any($1)
