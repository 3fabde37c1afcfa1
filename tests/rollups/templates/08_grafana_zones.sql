-- Grafana: buckets in a time zone.
-- from tree, exact from table
SELECT date_trunc('hour', at AT TIME ZONE 'Europe/Berlin') AS "time", count(*), avg(price) FROM trades WHERE at BETWEEN '2025-10-25Z' AND '2025-10-27Z' GROUP BY 1 ORDER BY 1;
-- from tree
SELECT date_trunc('day', at, 'Europe/Berlin') AS "time", count(*), sum(size) FROM trades GROUP BY 1 ORDER BY 1;
SET TimeZone = 'Europe/Berlin';
-- from tree
SELECT date_trunc('hour', at) AS "time", count(*) FROM trades WHERE at BETWEEN '2025-10-25Z' AND '2025-10-27Z' GROUP BY 1 ORDER BY 1;
-- from tree
SELECT date_trunc('hour', at) AS "time", count(*), max(price) FROM trades WHERE at BETWEEN '2026-03-28Z' AND '2026-03-30Z' GROUP BY 1 ORDER BY 1;
