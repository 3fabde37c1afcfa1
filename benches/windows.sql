-- All five statistics over a sliding frame, beside the cheapest thing that PostgreSQL can do over the same frame,
-- count(*). 1 million rows in index order. Core without pg_tally takes as long as the last table says, for a twentieth of
-- the rows.
\i include/compare.sql
LOAD 'pg_tally';
CREATE TABLE measurements AS
SELECT i, 100 + random() * 10 AS x, '2026-01-01Z'::timestamptz + i * interval '1 second' AS at
FROM generate_series(1, 1000000) i;
CREATE INDEX ON measurements (i) INCLUDE (x);
CREATE INDEX ON measurements (at) INCLUDE (x);
VACUUM ANALYZE measurements;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
-- A frame that is not in memory costs PostgreSQL its width for every row, even for count(*).
SET work_mem = '256MB';

CREATE FUNCTION queries(frame text, source text DEFAULT 'measurements') RETURNS text[] LANGUAGE sql AS $$
    SELECT ARRAY[
        format('SELECT count(c) FROM (SELECT count(*) OVER (ORDER BY %1$s) AS c FROM %2$s) s', frame, source),
        format('SELECT count(avg(t)), count(var_samp(t)), count(min(t)), count(max(t)), count(num_vals(t))
            FROM (SELECT tally(x) OVER (ORDER BY %1$s) AS t FROM %2$s OFFSET 0) s', frame, source),
        format('SELECT count(a), count(v), count(l), count(g), count(n)
            FROM (SELECT avg(x) OVER w AS a, var_samp(x) OVER w AS v, min(x) OVER w AS l, max(x) OVER w AS g, count(x) OVER w AS n
                FROM %2$s WINDOW w AS (ORDER BY %1$s)) s', frame, source)]
$$;
SELECT frame, c.*
FROM unnest(ARRAY['i ROWS 9 PRECEDING', 'i ROWS 99 PRECEDING', 'i ROWS 999 PRECEDING', 'i ROWS 9999 PRECEDING', 'i ROWS 99999 PRECEDING',
        $q$at RANGE interval '999 seconds' PRECEDING$q$]) WITH ORDINALITY f(frame, o),
    compare('{count(*),tally(x),plain SQL}', queries(frame), 3) c
ORDER BY o;

CREATE TABLE a_few AS SELECT * FROM measurements WHERE i <= 50000;
CREATE INDEX ON a_few (i) INCLUDE (x);
VACUUM ANALYZE a_few;
CREATE FUNCTION with_acceleration(setting text, query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pg_tally.accelerate_windows', setting, false);
    EXECUTE query;
    RETURN setting;
END $$;
SELECT * FROM compare('{"accelerated, frame of 1000","core, frame of 1000"}', ARRAY[
    format('SELECT with_acceleration(''on'', %L)', (queries('i ROWS 999 PRECEDING', 'a_few'))[3]),
    format('SELECT with_acceleration(''off'', %L)', (queries('i ROWS 999 PRECEDING', 'a_few'))[3])], 1);
