-- By hand: grouping sets, stars, semi-joins.
-- from tree
SELECT symbol, date_trunc('day', at), count(*), grouping(symbol) FROM trades GROUP BY ROLLUP (symbol, date_trunc('day', at));
-- from tree
SELECT exchange, symbol, sum(size) FROM trades GROUP BY CUBE (exchange, symbol);
-- from tree
SELECT exchange, symbol, sum(size) FROM trades GROUP BY GROUPING SETS ((exchange), (symbol), ());
-- from tree
SELECT d.sector, count(*), sum(size) FROM trades JOIN symbols d USING (symbol) WHERE d.sector = 'Tech' GROUP BY d.sector;
-- from tree, exact from table
SELECT d.sector, date_trunc('month', at), count(*), avg(price) FROM trades JOIN symbols d USING (symbol) GROUP BY 1, 2;
-- from tree
SELECT symbol, count(*) FROM trades WHERE symbol IN (SELECT symbol FROM watchlist) GROUP BY 1;
