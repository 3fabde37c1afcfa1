-- By hand: what needs the rows.
-- from table
SELECT symbol, count(*) FROM trades WHERE price > 500 GROUP BY 1;
-- from table
SELECT symbol, count(DISTINCT price) FROM trades GROUP BY 1;
-- from table
SELECT symbol, percentile_cont(0.5) WITHIN GROUP (ORDER BY price) FROM trades GROUP BY 1;
-- from table
SELECT symbol, sum(price * size) FROM trades GROUP BY 1;
-- from table
SELECT * FROM trades WHERE at >= '2026-01-02 00:00Z' AND at < '2026-01-02 00:10Z';
