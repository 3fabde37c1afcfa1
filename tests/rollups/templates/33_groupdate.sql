-- Rails groupdate.
-- from tree
SELECT DATE_TRUNC('day', at::timestamptz AT TIME ZONE 'America/Los_Angeles')::date, COUNT(*) FROM trades WHERE at IS NOT NULL GROUP BY 1;
-- from tree
SELECT DATE_TRUNC('hour', at::timestamptz AT TIME ZONE 'Etc/UTC') AT TIME ZONE 'Etc/UTC', SUM(size) FROM trades WHERE at IS NOT NULL GROUP BY 1;
-- from tree
SELECT EXTRACT(HOUR FROM at::timestamptz AT TIME ZONE 'Etc/UTC' - INTERVAL '3600 second')::integer, COUNT(*) FROM trades WHERE at IS NOT NULL GROUP BY 1;
-- from tree
SELECT TO_TIMESTAMP(FLOOR(EXTRACT(EPOCH FROM at::timestamptz) / 600) * 600), MAX(price) FROM trades WHERE at IS NOT NULL AND at >= '2026-01-02Z' AND at < '2026-01-04Z' GROUP BY 1;
-- from tree
SELECT (DATE_TRUNC('day', at - INTERVAL '1 day' * ((13 + EXTRACT(DOW FROM at)::integer) % 7)))::date, COUNT(*) FROM visits WHERE at IS NOT NULL GROUP BY 1;
