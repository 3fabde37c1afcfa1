-- Grafana: dashboard variables that choose series.
-- from tree
SELECT floor(extract(epoch from at)/3600)*3600 AS "time", symbol, count(*) FROM trades WHERE at BETWEEN '2026-01-01Z' AND '2026-01-31Z' AND symbol IN ('BTC','ETH') GROUP BY 1,2 ORDER BY 1,2;
-- from tree
SELECT floor(extract(epoch from at)/3600)*3600 AS "time", sum(size) FROM trades WHERE at BETWEEN '2026-01-01Z' AND '2026-01-31Z' AND exchange = 'bybit' AND symbol = 'BTC' GROUP BY 1 ORDER BY 1;
-- from tree
SELECT symbol, max(price) FROM trades WHERE symbol ~ 'BTC.*' GROUP BY 1;
-- from tree
SELECT symbol, max(price) FROM trades WHERE symbol LIKE 'B%' AND exchange <> 'kraken' GROUP BY 1;
-- from tree
SELECT exchange, symbol, min(price), count(size) FROM trades WHERE symbol = ANY ('{BTC,SAP,none}') GROUP BY 1, 2;
-- from tree
SELECT count(*) FROM trades WHERE symbol ILIKE '%bt%' AND symbol NOT IN ('ETH', 'SAP');
