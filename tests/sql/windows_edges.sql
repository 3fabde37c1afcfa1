-- Moving windows at their edges: what they read, write, evaluate and refuse, as in core.
LOAD 'pg_tally';
CREATE TABLE rows AS SELECT i AS id, i % 100 AS part, repeat('x', 90) AS pad, i::float8 AS x FROM generate_series(1, 100000) i;
CREATE INDEX ON rows (id);
CREATE INDEX ON rows (part, id);
VACUUM ANALYZE rows;
SET work_mem = '256kB';
SET enable_sort = off;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET jit = off;

-- Rows ahead are let go once their turn has come. Temporary blocks written, beside those of core.
CREATE FUNCTION temporary_blocks(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Temp Written Blocks';
END $$;
CREATE FUNCTION written(accelerated text, frame text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pg_tally.accelerate_windows', accelerated, true);
    RETURN temporary_blocks('SELECT id, pad, sum(x) OVER (' || frame || ') FROM rows');
END $$;
SELECT frame, written('off', frame) AS core, written('on', frame) AS accelerated
FROM unnest(ARRAY[
    'ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING',
    'PARTITION BY part ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING',
    'ORDER BY id RANGE 2 PRECEDING',
    'ORDER BY id GROUPS BETWEEN 2 PRECEDING AND 2 FOLLOWING',
    'ORDER BY id ROWS BETWEEN 5 PRECEDING AND 2 PRECEDING',
    'ORDER BY id ROWS BETWEEN 2 FOLLOWING AND 5 FOLLOWING']) frame;
-- More rows ahead than work_mem, and after them partitions of a few.
SET work_mem = '64kB';
CREATE FUNCTION same(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    fast text;
    slow text;
BEGIN
    PERFORM set_config('pg_tally.accelerate_windows', 'on', true), set_config('work_mem', '64kB', true);
    EXECUTE 'SELECT md5(string_agg(v::text, '','')) FROM (' || query || ') s(v)' INTO fast;
    PERFORM set_config('pg_tally.accelerate_windows', 'off', true), set_config('work_mem', '64MB', true);
    EXECUTE 'SELECT md5(string_agg(v::text, '','')) FROM (' || query || ') s(v)' INTO slow;
    RETURN fast = slow;
END $$;
SELECT frame, same('SELECT (id, pad, sum(floor(x)) OVER (' || frame || ')) FROM rows WHERE id <= 6000')
FROM unnest(ARRAY[
    'ORDER BY id ROWS BETWEEN CURRENT ROW AND 1500 FOLLOWING',
    'ORDER BY id ROWS BETWEEN 1000 FOLLOWING AND 1500 FOLLOWING',
    'ORDER BY id ROWS BETWEEN 1500 PRECEDING AND 1000 PRECEDING',
    'ORDER BY id RANGE BETWEEN 1000 FOLLOWING AND 1500 FOLLOWING',
    'PARTITION BY id / 2500 ORDER BY id ROWS BETWEEN 10 PRECEDING AND 2000 FOLLOWING',
    'PARTITION BY CASE WHEN id > 2000 THEN id END ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 2000 FOLLOWING']) frame;
RESET work_mem;

-- Arguments and filters are evaluated for rows that are in a frame, when they enter one.
SELECT i, sum(1.0 / (i - 1)) OVER (ORDER BY i ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) AS s,
    max(x / (i - 4)) OVER (ORDER BY i ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) AS m
FROM (SELECT i, i::float8 AS x FROM generate_series(1, 4) i) v;
SELECT i, max(1 / i) OVER (ORDER BY i ROWS BETWEEN 2 PRECEDING AND 3 PRECEDING) AS m FROM generate_series(0, 2) i;
SELECT i, sum(x) FILTER (WHERE 1 / (i - 1) > 0) OVER (ORDER BY i GROUPS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) AS s
FROM (SELECT i, i::float8 AS x FROM generate_series(1, 4) i) v;
SELECT max(1 / (i - 3)) OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS m FROM generate_series(1, 9) i LIMIT 1;
SELECT max(1 / (i - 3)) OVER (ORDER BY i RANGE BETWEEN CURRENT ROW AND 1 FOLLOWING) AS m FROM generate_series(1, 9) i LIMIT 1;
SELECT max(1 / (i - 3)) OVER (ORDER BY i RANGE BETWEEN CURRENT ROW AND 1 FOLLOWING) AS m FROM generate_series(1, 9) i LIMIT 2;

-- A sum whose squares overflow is a sum.
SELECT sum(x) OVER w, avg(x) FILTER (WHERE i = 3) OVER w AS avg
FROM (VALUES (1, 1e200::float8), (2, -1e200), (3, 5)) v(i, x) WINDOW w AS (ORDER BY i ROWS 1 PRECEDING);
SELECT sum(x) OVER w, avg(x) OVER w
FROM (VALUES (1, 1e200::float8), (2, -1e200), (3, 5)) v(i, x) WINDOW w AS (ORDER BY i ROWS 1 PRECEDING);

-- A volatile offset is evaluated once.
CREATE SEQUENCE s;
SELECT i, sum(x) OVER w, first_value(i) OVER w
FROM (SELECT i, i::float8 AS x FROM generate_series(1, 4) i) v
WINDOW w AS (ORDER BY i ROWS (nextval('s')::int - 1) PRECEDING);
DROP SEQUENCE s;

-- The sign of zero: of equal values the newest, and a sum of negative zeros.
SELECT same(format('SELECT (i, max(x::%1$s) OVER w, min(x::%1$s) OVER w, sum(x::%1$s) OVER w) FROM
    (SELECT i, (ARRAY[''0'', ''-0'', ''-0'', ''-0'', ''0'', ''1'', ''-1'', NULL])[1 + i * 7919 %% 1009 %% 8]::float8 AS x FROM generate_series(1, 500) i) v
    WINDOW w AS (ORDER BY i ROWS BETWEEN %2$s PRECEDING AND 1 FOLLOWING)', kind, width))
FROM unnest('{float8,real}'::text[]) kind, generate_series(0, 3) width;

-- What EXPLAIN shows: lines that match.
CREATE FUNCTION explained(options text, query text, pattern text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (%s, COSTS OFF) ', options) || query LOOP
        IF line ~ pattern THEN RETURN NEXT regexp_replace(trim(line), '\d+ ?kB', 'N kB'); END IF;
    END LOOP;
END $$;
SELECT explained('VERBOSE', 'SELECT avg(x) FILTER (WHERE x > 3) OVER w, count(*) OVER w
    FROM rows WINDOW w AS (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 1 + 1 FOLLOWING)', 'Frame|Output: \(avg');
SELECT explained('VERBOSE', 'SELECT sum(x) OVER (ORDER BY id RANGE BETWEEN 2 FOLLOWING AND UNBOUNDED FOLLOWING) FROM rows', 'Frame');
-- Of a WindowAgg that stays, the condition is its own.
SELECT count(*) AS conditions FROM explained('VERBOSE', 'SELECT * FROM (SELECT id, row_number() OVER (ORDER BY id) AS n,
    avg(x) OVER (ORDER BY id ROWS (SELECT 3) PRECEDING), count(*) OVER (ORDER BY id ROWS (SELECT 3) PRECEDING) AS c FROM rows) s
    WHERE n <= 5', '^ *Filter:');
SELECT explained('ANALYZE, TIMING OFF, SUMMARY OFF', 'SELECT id, sum(x) OVER (ORDER BY id GROUPS CURRENT ROW) FROM rows', 'Frame|Disk');
SET work_mem = '64kB';
SELECT explained('ANALYZE, TIMING OFF, SUMMARY OFF',
    'SELECT id, pad, sum(x) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND 5000 FOLLOWING) FROM rows', 'Frame|Disk');
RESET work_mem;

-- The memory of a frame has a bound.
SET pg_tally.window_mem = '512kB';
SELECT count(v) FROM (SELECT sum(x) OVER (ORDER BY id ROWS 10000 PRECEDING) AS v FROM rows) s;
SELECT count(v) FROM (SELECT sum(x) OVER (ORDER BY id ROWS 90000 PRECEDING) AS v FROM rows) s;
SELECT count(v) FROM (SELECT min(id::numeric) OVER (ORDER BY id ROWS 90000 PRECEDING) AS v FROM rows) s;
SELECT count(v) FROM (SELECT sum(x) FILTER (WHERE false) OVER (ORDER BY id RANGE 90000 PRECEDING) AS v FROM rows) s;
SELECT count(v) FROM (SELECT sum(x) OVER (PARTITION BY part ORDER BY id ROWS 90000 PRECEDING) AS v FROM rows) s;
RESET pg_tally.window_mem;

DROP FUNCTION temporary_blocks, written, same, explained;
DROP TABLE rows;
