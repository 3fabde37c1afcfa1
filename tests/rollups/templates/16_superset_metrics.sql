-- Superset: metrics that users write.
-- from tree
SELECT DATE_TRUNC('day', at) AS __timestamp, SUM(size) FILTER (WHERE symbol = 'BTC') AS btc, SUM(CASE WHEN symbol = 'BTC' THEN size ELSE 0 END) AS btc0, COUNT(*) AS count FROM trades GROUP BY 1;
-- from tree
SELECT exchange, COUNT(DISTINCT symbol) AS symbols FROM trades GROUP BY 1;
-- from tree
SELECT symbol, MAX(at), COUNT(*) FROM trades GROUP BY 1;
-- from tree, exact from table
SELECT SUM(CASE WHEN at >= '2026-01-05Z' THEN 1 ELSE 0 END) AS late, SUM(CASE WHEN symbol = 'ETH' THEN price END) AS eth, COUNT(*) FILTER (WHERE at < '2026-01-03Z' AND symbol LIKE 'B%') AS early FROM trades;
