update {schema}.effect
   set closed_at = despatch_now(), rejected_by = $5, rejected_in = $6
 where subject = $1 and operation = $2 and part = $3 and n = $4 and closed_at is null
