update {schema}.breaker set rate = greatest(rate - $3, 1), error = $2 where provider = $1 and state = 'half-open'
