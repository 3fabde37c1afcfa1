-- tally(x) beside count(x), which is the cost of reading the rows, and beside the five built-in aggregates that
-- report the same. 10 million rows in memory, serial plans.
\i include/compare.sql
CREATE TABLE measurements AS
SELECT 100 + 10 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS x, i AS n, i % 1000 AS series
FROM generate_series(1, 10000000) i;
VACUUM ANALYZE measurements;
SET max_parallel_workers_per_gather = 0;
SET jit = off;

SELECT * FROM compare(
    '{count(x),tally(x),"count, avg, var_samp, min, max"}',
    ARRAY['SELECT count(x) FROM measurements', 'SELECT tally(x) FROM measurements',
        'SELECT count(x), avg(x), var_samp(x), min(x), max(x) FROM measurements']);

-- Of integers.
SELECT * FROM compare(
    '{count(n),tally(n),"count, avg, var_samp, min, max"}',
    ARRAY['SELECT count(n) FROM measurements', 'SELECT tally(n::bigint) FROM measurements',
        'SELECT count(n), avg(n::bigint), var_samp(n::bigint), min(n), max(n) FROM measurements'], 3);

-- 1000 groups, and merging what they give.
SELECT * FROM compare(
    '{count(x),tally(x),"count, avg, var_samp, min, max"}',
    ARRAY['SELECT series, count(x) FROM measurements GROUP BY 1', 'SELECT series, tally(x) FROM measurements GROUP BY 1',
        'SELECT series, count(x), avg(x), var_samp(x), min(x), max(x) FROM measurements GROUP BY 1'], 3);
CREATE TABLE stored AS
SELECT n / 10 AS bucket, tally(x) AS t FROM measurements GROUP BY 1;
SELECT * FROM compare('{"count of 1 M stored tallies","tally of 1 M stored tallies"}',
    ARRAY['SELECT count(t) FROM stored', 'SELECT tally(t) FROM stored']);
