-- Superset: a virtual data set, with and without a join.
-- from tree
SELECT symbol, sum(size) AS "SUM(size)" FROM (SELECT * FROM trades) AS virtual_table GROUP BY symbol ORDER BY 2 DESC LIMIT 1000;
-- from tree
SELECT DATE_TRUNC('month', at), count(*) FROM (SELECT * FROM trades WHERE exchange = 'bybit') AS virtual_table WHERE symbol <> 'SAP' GROUP BY 1 ORDER BY 2 DESC LIMIT 1000;
-- from tree
SELECT sector, sum(size) FROM (SELECT t.*, d.sector FROM trades t JOIN symbols d ON t.symbol = d.symbol) AS virtual_table GROUP BY sector;
