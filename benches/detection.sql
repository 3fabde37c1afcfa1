-- What detection costs beside reading the same sorted rows, and what a report over many series needs.
\i include/compare.sql
CREATE TABLE measurements AS
SELECT i, '2026-01-01Z'::timestamptz + i * interval '1 second' AS at, 100 + random() * 10 AS x FROM generate_series(1, 1000000) i;
CREATE INDEX ON measurements (at) INCLUDE (x);
VACUUM ANALYZE measurements;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SELECT * FROM compare('{"array_agg, ordered",detect,surprise}', ARRAY[
    'SELECT cardinality(array_agg(x ORDER BY at)) FROM measurements',
    'SELECT num_rows(detect(x, at ORDER BY at)) FROM measurements',
    'SELECT count(s) FROM (SELECT surprise(x, at) OVER (ORDER BY at) AS s FROM measurements) s'], 3);
SELECT octet_length(detector_send(detect(x, at ORDER BY at))) AS bytes_after_a_million_rows FROM measurements;

-- 10,000 series of 1000 rows in one GROUP BY: the state of one series at a time.
CREATE TABLE fleet AS
SELECT n AS series, '2026-01-01Z'::timestamptz + i * interval '1 minute' AS at, random() + (n % 100 = 0 AND i > 500)::int AS value
FROM generate_series(1, 10000) n, generate_series(1, 1000) i;
ANALYZE fleet;
\timing on
SELECT count(*) AS found, count(*) FILTER (WHERE series::int % 100 = 0) AS "true", max(expected_false_share) AS expected_false_share
FROM important_changes('SELECT series, at, value FROM fleet', top => 1000);
\timing off
SELECT pg_size_pretty(sum(used_bytes)) AS memory_after FROM pg_backend_memory_contexts;
