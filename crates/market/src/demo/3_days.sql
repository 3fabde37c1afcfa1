-- What did BTC do each day? The tallies of the hours add up to those of the days, as if read from the trades.
SELECT hour::date AS day, (describe(tally(price))).*
FROM hourly
WHERE symbol = 'BTC.USDT'
GROUP BY day
ORDER BY day;
