-- Grafana: candles.
-- from table
SELECT date_trunc('hour', at) AS "time", (array_agg(price ORDER BY at, price))[1] AS open, max(price) AS high, min(price) AS low, (array_agg(price ORDER BY at DESC, price))[1] AS close
FROM trades WHERE symbol = 'BTC' AND exchange = 'bybit' AND at BETWEEN '2026-01-01Z' AND '2026-01-05Z' GROUP BY 1 ORDER BY 1;
-- from tree
SELECT date_trunc('hour', at) AS "time", max(price) AS high, min(price) AS low, sum(size) AS volume
FROM trades WHERE symbol = 'BTC' AND exchange = 'bybit' AND at BETWEEN '2026-01-01Z' AND '2026-01-05Z' GROUP BY 1 ORDER BY 1;
