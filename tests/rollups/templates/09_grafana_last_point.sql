-- Grafana: the last point of each series.
-- from table
SELECT DISTINCT ON (exchange, symbol) symbol, at, price FROM trades ORDER BY exchange, symbol, at DESC, price;
-- from tree
SELECT symbol, max(at) FROM trades GROUP BY symbol;
-- from tree
SELECT exchange, symbol, min(at), max(at), count(*) FROM trades WHERE at < '2026-01-15Z' GROUP BY 1, 2;
