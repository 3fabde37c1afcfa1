-- Looker: filtered measures, a pivot by rank.
-- from tree
SELECT trades.exchange AS "trades.exchange", COUNT(CASE WHEN (trades.symbol = 'BTC') THEN 1 ELSE NULL END) AS "trades.btc", COALESCE(SUM(CASE WHEN trades.at >= '2026-01-03Z' THEN trades.size ELSE NULL END), 0) AS "trades.late" FROM trades GROUP BY 1;
-- from tree
SELECT * FROM (SELECT *, DENSE_RANK() OVER (ORDER BY z___min_rank) AS z___pivot_row_rank FROM (SELECT *, MIN(z___rank) OVER (PARTITION BY "trades.symbol") AS z___min_rank FROM
(SELECT *, RANK() OVER (ORDER BY "trades.symbol", "trades.month") AS z___rank FROM (SELECT trades.symbol AS "trades.symbol", TO_CHAR(DATE_TRUNC('month', trades.at), 'YYYY-MM') AS "trades.month", COUNT(*) AS "trades.count" FROM trades GROUP BY 1, 2) ww) bb) aa) xx WHERE z___pivot_row_rank <= 16;
-- from tree, exact from table
SELECT EXTRACT(DAY FROM trades.at)::integer AS "trades.day_of_month", COALESCE(AVG(trades.price), 0) FROM trades WHERE ((( trades.at ) >= ((DATE_TRUNC('month', DATE '2026-02-15') + (-1 || ' month')::INTERVAL)) AND ( trades.at ) < (DATE_TRUNC('month', DATE '2026-02-15')))) GROUP BY 1;
