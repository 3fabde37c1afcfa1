-- Grafana: candles.
-- from tree
SELECT date_trunc('hour', at) AS "time", (array_agg(price ORDER BY at, price))[1] AS open, max(price) AS high, min(price) AS low, (array_agg(price ORDER BY at DESC, price))[1] AS close
FROM trades WHERE symbol = 'BTC' AND exchange = 'bybit' AND at BETWEEN '2026-01-01Z' AND '2026-01-05Z' GROUP BY 1 ORDER BY 1;
-- from tree
SELECT date_trunc('day', at) AS "time", symbol AS metric, (array_agg(price ORDER BY at, price))[1] AS open, max(price) AS high, min(price) AS low, (array_agg(price ORDER BY at DESC, price))[1] AS close,
    (array_agg(price ORDER BY at, price) FILTER (WHERE symbol LIKE 'B%'))[1] AS "open of B" FROM trades WHERE exchange = 'bybit' GROUP BY 1, 2 ORDER BY 1, 2;
-- from tree
SELECT symbol, (array_agg(price ORDER BY at DESC))[1] - (array_agg(price ORDER BY at))[1] AS change FROM trades WHERE exchange = 'kraken' AND at >= '2026-01-01Z' GROUP BY symbol ORDER BY 2 DESC NULLS LAST, 1 LIMIT 3;
-- from tree
SELECT date_trunc('hour', at) AS "time", max(price) AS high, min(price) AS low, sum(size) AS volume
FROM trades WHERE symbol = 'BTC' AND exchange = 'bybit' AND at BETWEEN '2026-01-01Z' AND '2026-01-05Z' GROUP BY 1 ORDER BY 1;
