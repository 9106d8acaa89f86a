-- The whole part of the credit is what may go on now. A pause saves up no more than a second's worth. Of a closed breaker
-- everything that is due may go on.
with allowed as (
    update {schema}.breaker
       set rate = least(rate + $2, $3),
           credit = case state when 'closed' then 256
                    else credit - floor(credit) + least(rate, rate * extract(epoch from despatch_now() - released_at))
                    end,
           released_at = despatch_now()
     where provider = $1 and state <> 'open'
    returning provider, floor(credit)::int as events),
due as (
    delete from {schema}.retry where (id, handler) in (
        select id, handler from {schema}.retry where held_by = (select provider from allowed) and due <= despatch_now()
         order by due limit (select events from allowed) for update skip locked)
    returning id, handler),
{fired}
