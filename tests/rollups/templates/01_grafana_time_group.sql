-- Grafana: $__timeGroupAlias and $__timeFilter, whose upper end is included.
-- from tree, exact from table
SELECT floor(extract(epoch from at)/60)*60 AS "time", symbol AS metric, avg(price) AS "price" FROM trades
WHERE at BETWEEN '2026-01-02T00:00:00Z' AND '2026-01-03T00:00:00Z' GROUP BY 1,2 ORDER BY 1,2;
-- from tree
SELECT floor(extract(epoch from at)/60)*60 AS "time", symbol AS metric, count(price), max(size) FROM trades
WHERE at BETWEEN '2026-01-02T00:00:41Z' AND '2026-01-02T00:41:41Z' GROUP BY 1,2 ORDER BY 1,2;
