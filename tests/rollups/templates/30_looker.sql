-- Looker: dates as text.
-- from tree
SELECT (TO_CHAR(DATE_TRUNC('month', trades.at), 'YYYY-MM')) AS "trades.at_month", COUNT(*) AS "trades.count", COALESCE(SUM(trades.size), 0) AS "trades.total_size" FROM trades GROUP BY 1 ORDER BY 1 DESC FETCH NEXT 500 ROWS ONLY;
-- from tree, exact from table
SELECT (DATE(trades.at AT TIME ZONE 'UTC')) AS "trades.at_date", AVG(trades.price) FROM trades WHERE ((( trades.at ) >= (TIMESTAMP '2026-01-01') AND ( trades.at ) < (TIMESTAMP '2026-03-01'))) GROUP BY 1 ORDER BY 1 DESC FETCH NEXT 500 ROWS ONLY;
