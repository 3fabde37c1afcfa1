-- How large is a trade on average, and within which limits is that certain to 95%?
SELECT symbol, num_vals(size) AS trades, round(avg(size)::numeric, 4) AS avg,
       round(low::numeric, 4) AS low, round(high::numeric, 4) AS high
FROM (SELECT symbol, tally(size) AS size FROM hourly GROUP BY symbol) AS t, mean_interval(size, 0.95)
ORDER BY symbol
LIMIT 5;
