-- Did the hours become wilder from the first three days to the last three, and is it more than chance (95%)?
WITH ranges AS (
    SELECT symbol, hour::date - min(hour::date) OVER () AS day, 100 * ln(max(price) / min(price)) AS percent
    FROM hourly
), periods AS (
    SELECT symbol, tally(percent) FILTER (WHERE day BETWEEN 0 AND 2) AS before,
           tally(percent) FILTER (WHERE day BETWEEN 4 AND 6) AS after
    FROM ranges
    GROUP BY symbol
)
SELECT symbol, round(avg(before)::numeric, 3) AS before, round(avg(after)::numeric, 3) AS after,
       round(difference::numeric, 3) AS difference, round(low::numeric, 3) AS low, round(high::numeric, 3) AS high,
       round(p_value::numeric, 3) AS p_value
FROM periods, welch_t_test(before, after, 0.95)
ORDER BY p_value
LIMIT 5;
