-- Grafana: the queries that fill dashboard variables.
-- from tree
SELECT DISTINCT symbol FROM trades;
-- from tree
SELECT symbol FROM trades GROUP BY 1;
-- from tree
SELECT DISTINCT exchange, symbol FROM trades WHERE exchange LIKE 'k%' ORDER BY 1, 2;
-- from tree
SELECT DISTINCT symbol FROM trades WHERE at BETWEEN '2026-02-03Z' AND '2026-02-04Z' ORDER BY symbol;
