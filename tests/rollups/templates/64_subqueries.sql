-- Subqueries that are no joins: NOT IN, IN beside OR, and those beside columns.
-- from tree
SELECT symbol, sum(size) FROM trades WHERE symbol NOT IN (SELECT symbol FROM symbols WHERE sector = 'Tech' AND symbol IS NOT NULL) GROUP BY symbol;
-- from tree
SELECT CASE WHEN symbol IN (SELECT symbol FROM symbols) THEN 'listed' ELSE 'other' END AS kind, count(*) FROM trades GROUP BY 1;
-- from tree
SELECT symbol, (SELECT max(sector) FROM symbols s WHERE s.symbol = t.symbol) AS sector, sum(size), max(at) FROM trades t GROUP BY symbol;
-- from tree
SELECT date_trunc('day', at)::date AS day, count(*) FROM trades WHERE at::date NOT IN (SELECT date FROM dates WHERE date IS NOT NULL) GROUP BY 1;
-- from tree
WITH top AS (SELECT symbol FROM trades GROUP BY symbol ORDER BY sum(size) DESC NULLS LAST, symbol LIMIT 2) SELECT CASE WHEN symbol IN (SELECT symbol FROM top) THEN symbol ELSE 'Others' END AS name, date_trunc('month', at) AS month, sum(size) FROM trades GROUP BY 1, 2;
