-- Units, shares and differences within aggregates, as custom columns and calculated fields have them.
-- from tree, exact from table
SELECT DATE_TRUNC('day', "public"."trades"."at") AS "at", SUM(("public"."trades"."price" * 8)) AS "sum", AVG("public"."trades"."price" / 4.0) AS "avg" FROM "public"."trades" GROUP BY DATE_TRUNC('day', "public"."trades"."at") ORDER BY 1 ASC;
-- from tree
SELECT symbol, SUM(-size) AS sold, SUM(size * 2 + 1), MAX(size * 10), AVG(size * 0.001), STDDEV(size * 3) FROM trades GROUP BY symbol;
-- from tree
SELECT symbol, SUM(CASE WHEN exchange = 'bybit' THEN size WHEN exchange = 'kraken' THEN -size ELSE 0 END) AS net FROM trades GROUP BY symbol;
-- from tree
SELECT to_char(day, 'YYYY-MM') AS month, SUM(amount * 1.19) AS gross, SUM(amount - items) AS net, SUM(COALESCE(amount, 0) + COALESCE(items, 0)) FROM days WHERE region = 'north' AND day < '2019-12-26' GROUP BY 1;
-- from tree
SELECT s.sector, SUM(t.size * (CASE WHEN s.sector = 'Coin' THEN 2 ELSE 1 END)) FROM trades t JOIN symbols s USING (symbol) GROUP BY 1;
-- from tree
SELECT floor(extract(epoch from at)/3600)*3600 AS "time", sum(size * 8) AS "bits" FROM trades WHERE at BETWEEN '2026-01-02T00:00:00Z' AND '2026-01-03T00:00:00Z' GROUP BY 1 ORDER BY 1;
-- from table
SELECT symbol, SUM(price * size) / SUM(size) AS vwap FROM trades GROUP BY symbol;
-- from tree
SELECT symbol, SUM(size / 100.0) AS "units", ROUND(AVG(size / 1000.0), 3) AS "mean" FROM trades GROUP BY symbol;
-- from tree
SELECT COUNT(DISTINCT (exchange, symbol)) AS markets, COUNT(DISTINCT (symbol, at::date)) AS days FROM trades;
-- from tree, exact from table
SELECT "ticks"."sensor", ROUND(CAST(SUM(CAST("ticks"."cost" AS DOUBLE PRECISION)) AS numeric), 2) AS "sum", MAX(CAST("ticks"."total" AS FLOAT)) AS "max" FROM "public"."ticks" GROUP BY 1;
