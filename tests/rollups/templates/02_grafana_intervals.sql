-- Grafana: other intervals of $__timeGroup, down to half a second.
-- from tree
SELECT floor(extract(epoch from at)/0.5)*0.5 AS "time", max(price) FROM trades WHERE at BETWEEN '2026-01-02T00:00:00Z' AND '2026-01-02T00:20:00Z' GROUP BY 1 ORDER BY 1;
-- from tree
SELECT floor(extract(epoch from at)/300)*300 AS "time", sum(size) FROM trades WHERE at BETWEEN '2026-01-01T00:00:00Z' AND '2026-01-03T00:00:00Z' GROUP BY 1 ORDER BY 1;
-- from tree, exact from table
SELECT floor(extract(epoch from at)/86400)*86400 AS "time", avg(price) FROM trades WHERE at BETWEEN '2025-10-20T12:34:56.789Z' AND '2026-03-30T01:02:03Z' GROUP BY 1 ORDER BY 1;
