-- What did BTC do each day? The tallies of the hours add up to those of the days, as if read from the trades.
SELECT hour::date AS day, num_vals(price) AS trades, round(avg(price)::numeric, 4) AS avg,
       round(stddev(price)::numeric, 4) AS stddev, min(price), max(price)
FROM (SELECT date_trunc('day', hour) AS hour, tally(price) AS price
      FROM hourly WHERE symbol = 'BTC.USDT' GROUP BY 1) AS t
ORDER BY day;
