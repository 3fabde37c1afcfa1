-- tally(x) OVER a frame whose start moves: what a tally of the frame's rows is, whatever the type and the frame, in our
-- executor node and in PostgreSQL's own.
LOAD 'pg_tally';
CREATE TABLE readings AS
SELECT i AS id, i % 3 AS g, (i * 7919 % 101)::float8 AS x, i * 7919 % 101 + (1::bigint << 60) AS n,
    CASE WHEN i % 5 = 0 THEN NULL ELSE i * 7919 % 101 / 10.0 END AS d, i / 4 AS peer
FROM generate_series(1, 300) i;

CREATE FUNCTION wrong(frame text, argument text, accelerated text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE result bigint;
BEGIN
    PERFORM set_config('pg_tally.accelerate_windows', accelerated, true);
    EXECUTE format($q$
        SELECT count(*) FROM (
            SELECT moving, (SELECT tally(v) FROM unnest(frame) v) AS anew FROM (
                SELECT tally(%2$s) OVER w AS moving, array_agg(%2$s) OVER w AS frame
                FROM readings WINDOW w AS (%1$s)) s) s
        WHERE moving <> anew OR moving IS NULL
    $q$, frame, argument) INTO result;
    RETURN result;
END $$;
SELECT argument, frame, accelerated
FROM unnest('{x,n,d,"tally_of(1, x, 0, x, x)"}'::text[]) argument, unnest('{on,off}'::text[]) accelerated,
    unnest(ARRAY[
        'ORDER BY id ROWS 9 PRECEDING',
        'ORDER BY id ROWS BETWEEN 50 PRECEDING AND 40 PRECEDING',
        'ORDER BY id ROWS BETWEEN 3 FOLLOWING AND 60 FOLLOWING',
        'ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING',
        'PARTITION BY g ORDER BY id ROWS BETWEEN 40 PRECEDING AND 40 FOLLOWING',
        'ORDER BY peer RANGE BETWEEN 8 PRECEDING AND 3 FOLLOWING',
        'ORDER BY peer GROUPS BETWEEN 8 PRECEDING AND 1 PRECEDING',
        'PARTITION BY g ORDER BY peer RANGE CURRENT ROW',
        'ORDER BY id ROWS BETWEEN 9 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW',
        'ORDER BY id']) frame
WHERE wrong(frame, argument, accelerated) <> 0;

-- A spike that passes through leaves no trace in later rows.
SELECT count(*) AS rows, count(*) FILTER (WHERE stddev(t) <> 1 OR max(t) <> 3 OR deviation <> 1 OR greatest <> 3) AS touched
FROM (SELECT i, tally(x) OVER w AS t, stddev(x) OVER w AS deviation, max(x) OVER w AS greatest
      FROM (SELECT i, CASE WHEN i = 50 THEN 1e12 ELSE 1 + i % 3 END::float8 AS x FROM generate_series(1, 200) i) v
      WINDOW w AS (ORDER BY i ROWS 2 PRECEDING)) s
WHERE i NOT BETWEEN 50 AND 52 AND i > 2;

-- Acceleration of built-in aggregates, once the library is loaded.
SHOW pg_tally.accelerate_windows;
CREATE FUNCTION accelerated(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || query LOOP
        IF line ~ 'moving window' THEN RETURN true; END IF;
    END LOOP;
    RETURN false;
END $$;
CREATE VIEW averages AS SELECT id, avg(x) OVER (ORDER BY id ROWS 99 PRECEDING) AS a FROM readings;
CREATE FUNCTION smoothed(width int) RETURNS TABLE (id int, a float8) LANGUAGE sql STABLE AS
    'SELECT id, avg(x) OVER (ORDER BY id ROWS width PRECEDING) FROM readings';
PREPARE statement AS SELECT max(n) OVER (ORDER BY id ROWS $1 PRECEDING) FROM readings;
SELECT what, accelerated(query) FROM (VALUES
    (1, 'double precision', 'SELECT stddev(x) OVER (ORDER BY id ROWS 99 PRECEDING) FROM readings'),
    (2, 'real', 'SELECT sum(x::real) OVER (ORDER BY id ROWS 99 PRECEDING) FROM readings'),
    (3, 'inside an expression', 'SELECT 2 * (x - avg(x) OVER (ORDER BY id ROWS 99 PRECEDING)) FROM readings'),
    (4, 'bigint', 'SELECT min(n) OVER (ORDER BY id ROWS 99 PRECEDING) FROM readings'),
    (5, 'numeric', 'SELECT max(d) OVER (ORDER BY id ROWS 99 PRECEDING) FROM readings'),
    (6, 'a view', 'SELECT * FROM averages WHERE a > 3'),
    (7, 'a subquery in a CTE', 'WITH m AS MATERIALIZED (SELECT * FROM averages) SELECT * FROM m'),
    (8, 'a sublink', 'SELECT (SELECT max(a) FROM averages)'),
    (9, 'an inlined function', 'SELECT * FROM smoothed(50)'),
    (10, 'a prepared statement', 'EXECUTE statement(50)'),
    (11, 'union all', 'SELECT a FROM averages UNION ALL SELECT a FROM averages'),
    (12, 'not: a frame that begins with the partition', 'SELECT avg(x) OVER (ORDER BY id) FROM readings'),
    (13, 'beside other window functions', 'SELECT lag(x) OVER w, avg(x) OVER w, row_number() OVER w FROM readings WINDOW w AS (ORDER BY id ROWS 9 PRECEDING)'),
    (14, 'a tally', 'SELECT tally(x) OVER (ORDER BY id ROWS 9 PRECEDING) FROM readings'),
    (15, 'not: a count alone', 'SELECT count(x) OVER (ORDER BY id ROWS 9 PRECEDING) FROM readings'),
    (16, 'not: EXCLUDE', 'SELECT avg(x) OVER (ORDER BY id ROWS 9 PRECEDING EXCLUDE TIES) FROM readings'),
    (17, 'not: avg of numeric, which has its own way', 'SELECT avg(d) OVER (ORDER BY id ROWS 9 PRECEDING) FROM readings'),
    (18, 'not: a volatile argument', 'SELECT avg(x + random()) OVER (ORDER BY id ROWS 9 PRECEDING) FROM readings')
) v(i, what, query) ORDER BY i;
SET pg_tally.accelerate_windows = off;
SELECT accelerated('SELECT * FROM averages');
RESET pg_tally.accelerate_windows;

-- The rights of a query are those of the functions that it names.
CREATE ROLE regress_tally_reader;
GRANT SELECT ON averages TO regress_tally_reader;
REVOKE EXECUTE ON FUNCTION avg(float8) FROM PUBLIC;
SET ROLE regress_tally_reader;
SELECT count(a) FROM averages;
RESET ROLE;
GRANT EXECUTE ON FUNCTION avg(float8) TO PUBLIC;
SET ROLE regress_tally_reader;
SELECT count(a) FROM averages;
RESET ROLE;
REVOKE SELECT ON averages FROM regress_tally_reader;
DROP ROLE regress_tally_reader;

-- Results beside other window functions, in views of views, with parameters, rescanned.
SELECT * FROM (
    SELECT id, lag(id) OVER w AS before, max(n) OVER w - (1::bigint << 60) AS most, row_number() OVER w AS number,
        count(*) OVER w AS rows, count(d) OVER w AS known, count(*) FILTER (WHERE g = 1) OVER w AS ones, min(d) OVER w AS least
    FROM readings WINDOW w AS (PARTITION BY g ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING)) s
WHERE id IN (1, 4, 7, 150, 298, 300) ORDER BY id;
SELECT width, (SELECT count(DISTINCT a) FROM (SELECT max(x) OVER (ORDER BY id ROWS width PRECEDING) AS a FROM readings) s) AS maxima
FROM generate_series(0, 300, 60) width;
SELECT sum(rows) FROM (
    SELECT x, count(*) OVER w AS rows, avg(x) OVER w FROM readings
    WINDOW w AS (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)) s
WHERE rows >= 295;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id, min(x) OVER (ORDER BY id ROWS 1 PRECEDING) FROM readings;
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
COMMIT;

-- Offsets are refused as in core.
SELECT max(x) OVER (ORDER BY id ROWS NULL::int PRECEDING) FROM readings;
SELECT max(x) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND -1 FOLLOWING) FROM readings;
SELECT max(x) OVER (ORDER BY id GROUPS -1 PRECEDING) FROM readings;
SELECT max(x) OVER (ORDER BY id RANGE -1 PRECEDING) FROM readings;
SELECT max(x) OVER (ORDER BY id ROWS 9223372036854775807 PRECEDING) AS m FROM readings ORDER BY id DESC LIMIT 1;
SELECT max(x) OVER (ORDER BY id ROWS BETWEEN 9223372036854775807 FOLLOWING AND 9223372036854775807 FOLLOWING) AS m
FROM readings ORDER BY id LIMIT 1;

-- Overflow is an error where it is one in core.
SELECT sum(x) OVER (ORDER BY x ROWS 9 PRECEDING) FROM unnest('{1e308,1e308}'::float8[]) x;
SELECT var_samp(x) OVER (ORDER BY x ROWS 9 PRECEDING) FROM unnest('{1e200,-1e200}'::float8[]) x;
SELECT sum(x) OVER (ORDER BY x ROWS 9 PRECEDING) FROM unnest('{1e38,3e38}'::real[]) x;

-- A cached plan is made anew when the extension goes.
PREPARE cached AS SELECT sum(a) FROM averages;
SET plan_cache_mode = force_generic_plan;
EXECUTE cached;
BEGIN;
DROP EXTENSION pg_tally;
EXECUTE cached;
ROLLBACK;
EXECUTE cached;

DEALLOCATE ALL;
RESET plan_cache_mode;
DROP VIEW averages;
DROP FUNCTION wrong, accelerated, smoothed;
DROP TABLE readings;
