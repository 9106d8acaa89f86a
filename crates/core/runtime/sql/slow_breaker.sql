update {schema}.breaker set rate = greatest(rate / 2, 1), error = $2 where provider = $1 and state = 'half-open'
