-- Superset: the ten series with the highest mean.
-- from tree, exact from table
SELECT symbol AS symbol, DATE_TRUNC('day', at) AS __timestamp, AVG(price) AS "AVG(price)" FROM trades
JOIN (SELECT symbol AS symbol__, AVG(price) AS mme_inner__ FROM trades WHERE at >= '2026-01-01Z' AND at < '2026-02-01Z' GROUP BY symbol ORDER BY mme_inner__ DESC LIMIT 3) AS series_limit ON symbol = symbol__
WHERE at >= '2026-01-01Z' AND at < '2026-02-01Z' GROUP BY symbol, DATE_TRUNC('day', at) ORDER BY "AVG(price)" DESC, 1, 2 LIMIT 10000;
