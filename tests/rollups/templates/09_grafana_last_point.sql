-- Grafana: the last point of each series.
-- from tree
SELECT DISTINCT ON (exchange, symbol) symbol, at, price FROM trades ORDER BY exchange, symbol, at DESC, price;
-- from tree
SELECT DISTINCT ON (symbol) symbol AS metric, at AS "time", price FROM trades WHERE exchange = 'bybit' AND at BETWEEN '2026-01-01Z' AND '2026-01-05Z' ORDER BY symbol, at DESC, price;
-- from tree
SELECT DISTINCT ON (date_trunc('hour', at)) date_trunc('hour', at) AS "time", price * size AS value FROM trades WHERE symbol = 'BTC' AND exchange = 'bybit' ORDER BY 1, at DESC, price, size;
-- from tree
SELECT l.symbol, l.price, s.sector FROM (SELECT DISTINCT ON (symbol) * FROM trades WHERE exchange = 'kraken' ORDER BY symbol, at, price, size) l JOIN symbols s ON s.symbol = l.symbol;
-- from tree
SELECT symbol, max(at) FROM trades GROUP BY symbol;
-- from tree
SELECT exchange, symbol, min(at), max(at), count(*) FROM trades WHERE at < '2026-01-15Z' GROUP BY 1, 2;
