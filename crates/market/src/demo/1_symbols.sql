-- How does each symbol trade: how often, at what price, and how much does it vary?
SELECT symbol, exchange, num_vals(price) AS trades, round(avg(price)::numeric, 4) AS avg,
       round(stddev(price)::numeric, 4) AS stddev, min(price), max(price)
FROM (SELECT symbol, exchange, tally(price) AS price FROM trades GROUP BY symbol, exchange) AS t
ORDER BY trades DESC;
