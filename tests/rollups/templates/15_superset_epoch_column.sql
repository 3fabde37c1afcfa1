-- Superset: a column of seconds or milliseconds.
-- from tree
SELECT DATE_TRUNC('day', timestamp 'epoch' + at_unix * interval '1 second') AS __timestamp, count(*) FROM ticks GROUP BY 1 ORDER BY 2 DESC;
-- from tree
SELECT DATE_TRUNC('hour', to_timestamp(at_unix)) AT TIME ZONE 'UTC' AS __timestamp, sum(total) FROM ticks GROUP BY 1 ORDER BY 1;
-- from tree
SELECT DATE_TRUNC('day', to_timestamp(at_unix/1000)) AT TIME ZONE 'UTC' AS __timestamp, count(*) FROM ticks GROUP BY 1 ORDER BY 1;
-- from tree, exact from table
SELECT DATE_TRUNC('minute', to_timestamp(at_unix)) AS __timestamp, sum(reading), min(cost) FROM ticks WHERE to_timestamp(at_unix) >= '2026-01-01 02:00Z' AND to_timestamp(at_unix) < '2026-01-01 04:00Z' GROUP BY 1;
