-- Superset: grains of several minutes, and seconds.
-- from tree
SELECT DATE_TRUNC('hour', at) + INTERVAL '5min' * FLOOR(DATE_PART('minute', at) / 5) AS __timestamp, COUNT(*) FROM trades WHERE at >= '2026-01-02Z' AND at < '2026-01-03Z' GROUP BY 1 ORDER BY 1;
-- from tree
SELECT DATE_TRUNC('minute', at) + INTERVAL '30 seconds' * FLOOR(DATE_PART('seconds', at) / 30) AS __timestamp, MAX(price) FROM trades WHERE at >= '2026-01-02Z' AND at < '2026-01-02 02:00Z' GROUP BY 1;
-- from tree
SELECT DATE_TRUNC('second', at) AS __timestamp, SUM(ms) FROM visits WHERE at >= '2026-01-02' AND at < '2026-01-02 03:00' GROUP BY 1;
