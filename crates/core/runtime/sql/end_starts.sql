delete from {schema}.start where handler = $1 and id = any($2)
