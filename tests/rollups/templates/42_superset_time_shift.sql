-- Superset: comparison with the week before, and a cumulative metric.
-- from tree
SELECT a.__timestamp, a.n, b.n FROM (SELECT DATE_TRUNC('day', at) AS __timestamp, COUNT(*) AS n FROM trades WHERE at >= '2026-01-08Z' AND at < '2026-01-15Z' GROUP BY 1) a
LEFT JOIN (SELECT DATE_TRUNC('day', at) + interval '7 days' AS __timestamp, COUNT(*) AS n FROM trades WHERE at >= '2026-01-01Z' AND at < '2026-01-08Z' GROUP BY 1) b ON a.__timestamp = b.__timestamp;
-- from tree
SELECT DATE_TRUNC('day', at) AS __timestamp, SUM(SUM(size)) OVER (ORDER BY DATE_TRUNC('day', at)) AS total FROM trades GROUP BY 1 ORDER BY 1;
