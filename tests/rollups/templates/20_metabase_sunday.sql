-- Metabase: weeks from Sunday.
-- from tree, exact from table
SELECT (DATE_TRUNC('week', (at + INTERVAL '1 day')) + INTERVAL '-1 day') AS week, COUNT(*), AVG(price) FROM trades GROUP BY 1 ORDER BY 1;
-- from tree
SELECT (DATE_TRUNC('week', (at + INTERVAL '1 day')) + INTERVAL '-1 day') AS week, SUM(paid) FROM visits GROUP BY 1 ORDER BY 1;
