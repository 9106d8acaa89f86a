with due as (
    delete from {schema}.retry where (id, handler) in (
        select id, handler from {schema}.retry where held_by is null and due <= despatch_now()
         order by due limit 256 for update skip locked)
    returning id, handler),
{fired}
