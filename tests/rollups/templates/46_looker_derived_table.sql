-- Looker: a derived table as a CTE, with HAVING and an empty filter.
-- from tree
WITH facts AS (SELECT symbol, MIN(price) AS low, MAX(price) AS high, COUNT(*) AS n FROM trades WHERE 1=1 AND at < '2026-06-01Z' GROUP BY 1)
SELECT COUNT(*) AS "facts.count", SUM(facts.n) AS "facts.n" FROM facts WHERE facts.high - facts.low > 10;
-- from tree
SELECT trades.symbol, COUNT(*) FROM trades WHERE ((trades.exchange <> 'none' OR trades.exchange IS NULL)) AND (LENGTH(trades.symbol) > 0 AND (trades.symbol IS NOT NULL)) GROUP BY 1 HAVING COUNT(*) > 400 ORDER BY 2 DESC, 1 FETCH NEXT 50 ROWS ONLY;
