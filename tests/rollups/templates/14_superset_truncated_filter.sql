-- Superset: a filter on the truncated time.
-- from tree
SELECT DATE_TRUNC('week', at) AS __timestamp, count(*) FROM trades WHERE DATE_TRUNC('week', at) >= DATE_TRUNC('week', TIMESTAMP '2026-01-01')
AND DATE_TRUNC('week', at) <= DATE_TRUNC('week', TIMESTAMP '2026-01-20') GROUP BY 1 ORDER BY 1;
-- from tree
SELECT host, count(ms) FROM visits WHERE DATE_TRUNC('week', at) >= DATE_TRUNC('week', TIMESTAMP '2026-01-07') AND DATE_TRUNC('week', at) <= DATE_TRUNC('week', TIMESTAMP '2026-01-13') GROUP BY 1;
