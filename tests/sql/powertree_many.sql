-- All series below a prefix in one call, with their rows or their tallies, and buckets for a chart: every answer is that of tally(x) over the rows.
SET client_min_messages = warning;
CREATE TABLE many (at timestamptz, place varchar(10), sensor int, kind char(3), x float8, n bigint);
CREATE INDEX ON many (place, sensor, kind, at);
INSERT INTO many
SELECT '2026-01-01Z'::timestamptz + i * interval '647 seconds', 'p' || i % 3, i % 7, 'k' || i % 2,
    CASE WHEN i % 5 = 0 THEN NULL WHEN i % 401 = 0 THEN 'NaN' WHEN i % 407 = 0 THEN '-Infinity' ELSE sqrt(i) END, i * 400000000000007
FROM generate_series(0, 3000) i;
-- A series of NULLs only, rows of no series, rows of no position and of its ends.
INSERT INTO many VALUES ('2026-01-02Z', 'p0', 99, 'k0', NULL, NULL), ('2026-01-02Z', NULL, 1, 'k0', 1, 1), ('2026-01-02Z', 'p1', NULL, 'k0', 1, 1),
    (NULL, 'p0', 1, 'k0', 1, 1), ('infinity', 'p0', 1, 'k0', 2, 2), ('-infinity', 'p0', 1, 'k0', 3, 3);
ANALYZE many;
SELECT powertree_create('many', at => 'at', "values" => '{x,n}', series => '{place,sensor,kind}', leaf => '1 hour');
SELECT powertree_create('many', at => 'at', "values" => '{x}', leaf => '10 minutes', name => 'whole');

CREATE FUNCTION expected(a timestamptz, b timestamptz, prefix text[]) RETURNS TABLE (series text[], x tally, n tally) LANGUAGE sql AS $$
    SELECT ARRAY[place, sensor::text, kind], tally(x), tally(n) FROM many
    WHERE place IS NOT NULL AND sensor IS NOT NULL AND kind IS NOT NULL AND at IS NOT NULL AND at >= coalesce(a, '-infinity') AND (b IS NULL OR at < b)
        AND (cardinality(prefix) < 1 OR place = prefix[1]) AND (cardinality(prefix) < 2 OR sensor = prefix[2]::int) AND (cardinality(prefix) < 3 OR kind = prefix[3])
    GROUP BY place, sensor, kind
$$;
CREATE FUNCTION expected_rows(prefix text[]) RETURNS TABLE (series text[], first text, last text, num_rows bigint) LANGUAGE sql AS $$
    SELECT ARRAY[place, sensor::text, kind], min(at)::text, max(at)::text, count(*) FROM many
    WHERE place IS NOT NULL AND sensor IS NOT NULL AND kind IS NOT NULL AND at IS NOT NULL
        AND (cardinality(prefix) < 1 OR place = prefix[1]) AND (cardinality(prefix) < 2 OR sensor = prefix[2]::int) AND (cardinality(prefix) < 3 OR kind = prefix[3])
    GROUP BY place, sensor, kind
$$;
CREATE FUNCTION wrong_tallies() RETURNS TABLE (what text) LANGUAGE sql AS $$
    SELECT format('%s of %s from %s to %s: %s %s', v, p, a, b, coalesce(e.series, t.series), t.tally)
    FROM (VALUES (NULL::timestamptz, NULL::timestamptz), ('-infinity', 'infinity'), ('2026-01-01Z', '2026-01-24Z'), ('2026-01-03 04:05:06Z', '2026-01-19 20:21:22Z'),
            ('2026-01-03 04:05:06Z', '2026-01-03 04:45Z'), ('2026-01-03 04:05:06Z', '2026-01-03 05:45Z'), ('2026-01-03 04:00Z', '2026-01-03 05:00Z'),
            ('2026-01-05Z', '2026-01-05Z'), (NULL, '2026-01-02Z'), ('2026-01-22 11:11Z', NULL)) r(a, b),
        (VALUES ('{}'::text[]), ('{p1}'), ('{p2,3}'), ('{p0,4,k1}'), ('{nowhere}')) s(p), (VALUES ('x'), ('n')) c(v),
        LATERAL (SELECT series, CASE v WHEN 'x' THEN x ELSE n END AS tally FROM expected(a, b, p)) e
        FULL JOIN LATERAL (SELECT * FROM powertree_tallies('many', v, a, b, VARIADIC p)) t ON t.series = e.series
    WHERE CASE WHEN e.tally IS NULL OR num_vals(e.tally) = 0 THEN t.tally IS NOT NULL ELSE e.tally <> t.tally OR t.tally IS NULL END
    UNION ALL
    SELECT format('rows of %s: %s %s %s', p, e.series, e.num_rows, t)
    FROM (VALUES ('{}'::text[]), ('{p1}'), ('{p2,3}'), ('{p0,4,k1}'), ('{nowhere}')) s(p),
        LATERAL (SELECT series, first, last, num_rows FROM expected_rows(p)) e FULL JOIN LATERAL (SELECT * FROM powertree_series('many', VARIADIC p)) t ON t.series = e.series
    WHERE (e.first, e.last, e.num_rows) IS DISTINCT FROM (t.first, t.last, t.num_rows)
    UNION ALL
    SELECT format('rows of all: %s', t) FROM powertree_series('whole') t
    WHERE t::text <> (SELECT r::text FROM (SELECT '{}'::text[], min(at)::text, max(at)::text, count(*) FROM many WHERE at IS NOT NULL) r)
    UNION ALL
    SELECT format('whole from %s: %s', a, t)
    FROM (VALUES (NULL::timestamptz), ('2026-01-03 04:05:06Z')) r(a), powertree_tallies('whole', 'x', a, '2026-01-15 00:01Z') t
    WHERE t.series <> '{}' OR t.tally <> (SELECT tally(x) FROM many WHERE at >= coalesce(a, '-infinity') AND at < '2026-01-15 00:01Z')
$$;
-- How many there are, so that nothing wrong is not nothing at all.
SELECT count(*), sum(num_vals(tally)) FROM powertree_tallies('many', 'x', NULL::timestamptz, NULL);
SELECT count(*), sum(num_rows) FROM powertree_series('many');
SELECT * FROM wrong_tallies();
CALL powertree_compact();
SELECT * FROM wrong_tallies();
-- Late rows of old and new series, on top of the nodes; then leaves that were updated and deleted; a series that is gone.
INSERT INTO many SELECT '2026-01-07 07:07Z'::timestamptz + i * interval '1 hour', 'p' || i % 4, 50 + i % 2, 'new', i, i FROM generate_series(1, 90) i;
SELECT * FROM wrong_tallies();
UPDATE many SET x = -x WHERE at BETWEEN '2026-01-03 04:30Z' AND '2026-01-03 04:50Z' OR at BETWEEN '2026-01-11Z' AND '2026-01-11 06:00Z';
DELETE FROM many WHERE place = 'p2' AND sensor = 3;
INSERT INTO many SELECT '2026-01-11 03:00Z'::timestamptz + i * interval '1 minute', 'p1', 2, 'k1', i, i FROM generate_series(1, 90) i;
SELECT * FROM wrong_tallies();
CALL powertree_compact();
SELECT * FROM wrong_tallies();
-- A span of leaves, with the log beside it; changes of the own transaction that are rolled back.
SET pg_tally.powertree_bulk = on;
INSERT INTO many SELECT '2026-01-08 08:08Z'::timestamptz + i * interval '1 hour', 'p1', 60 + i, 'blk', i, i FROM generate_series(1, 30) i;
RESET pg_tally.powertree_bulk;
UPDATE many SET x = 1 WHERE at BETWEEN '2026-01-08 23:30Z' AND '2026-01-10 01:00Z';
SELECT * FROM wrong_tallies();
BEGIN;
DELETE FROM many WHERE at BETWEEN '2026-01-15Z' AND '2026-01-16 12:34Z' OR sensor = 5;
SAVEPOINT s;
INSERT INTO many VALUES ('2026-01-20Z', 'p1', 77, 'own', 7, 7);
SELECT * FROM wrong_tallies();
ROLLBACK TO s;
SELECT * FROM wrong_tallies();
ROLLBACK;
SELECT * FROM wrong_tallies();
-- In the middle of a statement.
CREATE FUNCTION wrong_midway() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT count(*) FROM wrong_tallies()';
INSERT INTO many VALUES ('2026-01-05 05:05Z', 'p0', 0, 'k0', 1e9, 1) RETURNING wrong_midway();
TRUNCATE many;
SELECT * FROM wrong_tallies();
INSERT INTO many SELECT '2026-01-01Z'::timestamptz + i * interval '11 minutes', 'p' || i % 3, i % 2, 'k', i, i FROM generate_series(0, 3000) i;
CALL powertree_compact();
SELECT * FROM wrong_tallies();
SELECT count(*), sum(num_vals(tally)) FROM powertree_tallies('many', 'x', '2026-01-03 04:05:06Z'::timestamptz, NULL, 'p1');

-- Zoom: whole buckets of one step around the range, at most as many as asked for, each as the rows say.
CREATE FUNCTION wrong_zoom() RETURNS TABLE (what text) LANGUAGE sql AS $$
    SELECT format('%s points from %s: %s', p, a, z)
    FROM (VALUES ('2026-01-03 04:05:06Z'::timestamptz, '2026-01-03 04:05:07Z'::timestamptz), ('2026-01-03 04:05:06Z', '2026-01-03 05:05:07Z'), ('2026-01-01Z', '2026-01-02Z'),
            ('2026-01-01 07:08Z', '2026-01-23 12:34Z'), ('2025-03-29Z', '2026-04-06Z'), ('1990-01-01Z', '2030-01-01Z'), ('1066-01-01Z', '2030-01-01Z')) r(a, b),
        (VALUES (2), (10), (100), (1200)) c(p),
        LATERAL (SELECT count(*) AS buckets, count(DISTINCT step) AS steps, min(bucket) AS first, max(bucket + step) AS last, sum(num_vals(tally)) AS num_vals, bool_or(
                tally <> (SELECT tally(x) FROM many m WHERE place = 'p1' AND sensor = 0 AND kind = 'k' AND m.at >= bucket AND m.at < bucket + step)) AS wrong
            FROM powertree_zoom('many', 'x', a, b, p, 'p1', '0', 'k')) z
    WHERE buckets NOT BETWEEN 1 AND p OR steps <> 1 OR first > a OR last < b OR wrong
        OR num_vals < (SELECT count(x) FROM many m WHERE place = 'p1' AND sensor = 0 AND kind = 'k' AND m.at >= a AND m.at < b)
$$;
SET TimeZone = 'UTC';
SELECT * FROM wrong_zoom();
SET TimeZone = 'Europe/Berlin';
SELECT * FROM wrong_zoom();
SET TimeZone = 'Australia/Lord_Howe';
SELECT * FROM wrong_zoom();
RESET TimeZone;
-- The step follows the range: never below the leaf of an hour where that would read many leaves, and of the calendar above.
SELECT length, points, count(*) AS buckets, max(step) AS step
FROM (VALUES ('10 seconds'), ('1 minute'), ('1 hour'), ('1 day'), ('4 days'), ('30 days'), ('1 year'), ('10 years'), ('500 years')) l(length), (VALUES (100), (1200)) p(points),
    powertree_zoom('many', 'x', '2026-01-03 04:05:06'::timestamptz, '2026-01-03 04:05:06'::timestamptz + length::interval, points, 'p1', '0', 'k')
GROUP BY length, points ORDER BY length::interval, points;
-- The other types of position.
CREATE TABLE lines (at timestamp, day date, pos bigint, x int);
INSERT INTO lines SELECT '2026-01-01'::timestamp + i * interval '13 minutes', '2000-01-01'::date + i, i * 7 - 1000, i FROM generate_series(1, 3000) i;
SELECT powertree_create('lines', at => 'at', "values" => '{x}', leaf => '7 minutes', name => 'at');
SELECT powertree_create('lines', at => 'day', "values" => '{x}', leaf => '10 days', name => 'day');
SELECT powertree_create('lines', at => 'pos', "values" => '{x}', leaf => '128', name => 'pos');
CALL powertree_compact();
SELECT count(*), min(step), sum(num_vals(tally)) = 3000 AS all FROM powertree_zoom('at', 'x', '2026-01-01'::timestamp, '2026-03-01', 1000);
SELECT count(*), min(step), sum(num_vals(tally)) = 3000 AS all FROM powertree_zoom('day', 'x', '2000-01-02'::date, '2008-04-01', 300);
SELECT count(*), min(step), sum(num_vals(tally)) = 3000 AS all FROM powertree_zoom('pos', 'x', -1000, 20001, 300);
SELECT count(*), min(step), sum(num_vals(tally)) FROM powertree_zoom('pos', 'x', 5, 5, 300);
SELECT * FROM powertree_zoom('pos', 'x', -9223372036854775807, 9223372036854775806, 2);

-- Arguments that are refused, with SQLSTATE and hint.
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT * FROM powertree_tallies('nothing', 'x', NULL::timestamptz, NULL);
SELECT * FROM powertree_tallies('many', 'y', NULL::timestamptz, NULL);
SELECT * FROM powertree_tallies('many', 'x', NULL::timestamptz, NULL, 'p1', '1', 'k', 'more');
SELECT * FROM powertree_tallies('many', 'x', NULL::timestamptz, NULL, 'p1', NULL);
SELECT * FROM powertree_series('many', 'p1', NULL);
SELECT * FROM powertree_series(NULL);
SELECT * FROM powertree_series('nothing');
SELECT * FROM powertree_tallies('whole', 'x', NULL::timestamptz, NULL, 'p1');
SELECT * FROM powertree_tallies('many', 'x', '2026-01-02'::timestamptz, '2026-01-01');
SELECT * FROM powertree_zoom('many', 'x', '2026-01-01', '2026-01-02', 1, 'p1', '0', 'k');
SELECT * FROM powertree_zoom('many', 'x', NULL, '2026-01-02', 100, 'p1', '0', 'k');
SELECT * FROM powertree_zoom('many', 'x', '2026-01-01'::date, '2026-01-02', 100, 'p1', '0', 'k');
SELECT * FROM powertree_zoom('many', 'x', '2026-01-01', '2026-01-02', NULL, 'p1', '0', 'k');
SELECT * FROM powertree_zoom('many', 'x', '2026-01-01', '2026-01-02', 100, 'p1');
SELECT * FROM powertree_zoom('many', 'x', '4713-01-01 BC', '200000-01-02', 2, 'p1', '0', 'k');
-- At the ends of the calendar.
SELECT * FROM powertree_zoom('many', 'x', '4714-11-24 12:00Z BC', '294276-12-31 12:00Z', 1000, 'p1', '0', 'k');
SELECT count(*), min(step), sum(num_vals(tally)) FROM powertree_zoom('many', 'x', '0001-01-01Z', '294276-12-31 12:00Z', 1000, 'p1', '0', 'k');
SELECT count(*), min(step), sum(num_vals(tally)) FROM powertree_zoom('many', 'x', '294276-12-01Z', '294276-12-31 12:00Z', 100, 'p1', '0', 'k');
SELECT count(*) FROM powertree_buckets('many', 'x', '294000-01-01Z', '294276-12-31 12:00Z', '1 year', 'p1', '0', 'k');
SELECT * FROM powertree_zoom('day', 'x', '0001-01-01'::date, '5874897-12-31', 1000);
SELECT count(*), min(step) FROM powertree_zoom('day', 'x', '294276-01-01'::date, '294276-12-31', 100);

-- Rights are those of a SELECT, and rows that are hidden are in no answer.
CREATE ROLE asker;
SET ROLE asker;
SELECT * FROM powertree_tallies('many', 'x', NULL::timestamptz, NULL);
RESET ROLE;
GRANT SELECT (at, place, sensor, kind, x) ON many TO asker;
SET ROLE asker;
SELECT count(*) FROM powertree_tallies('many', 'x', NULL::timestamptz, NULL);
SELECT * FROM powertree_tallies('many', 'n', NULL::timestamptz, NULL);
SELECT count(*) FROM powertree_series('many');
RESET ROLE;
REVOKE SELECT (sensor) ON many FROM asker;
SET ROLE asker;
SELECT * FROM powertree_series('many');
RESET ROLE;
GRANT SELECT (sensor) ON many TO asker;
CREATE POLICY one_sensor ON many FOR SELECT TO asker USING (sensor = 1);
ALTER TABLE many ENABLE ROW LEVEL SECURITY;
SET ROLE asker;
SELECT series, num_vals(tally) FROM powertree_tallies('many', 'x', NULL::timestamptz, NULL) ORDER BY series;
SELECT series, num_rows FROM powertree_series('many', 'p1');
SELECT sum(num_vals(tally)) FROM powertree_zoom('many', 'x', '2026-01-01', '2026-02-01', 100, 'p1', '0', 'k');
RESET ROLE;
DROP FUNCTION wrong_zoom, wrong_midway, wrong_tallies, expected, expected_rows;
DROP TABLE many, lines;
DROP OWNED BY asker;
DROP ROLE asker;
-- A log of more entries than are kept in memory, whose leaves are partly in nodes; and values of which one is asked for.
CREATE TABLE logged (at bigint NOT NULL, s int NOT NULL, x float8, y int);
SELECT powertree_create('logged', 'at', '{x,y}', '10', '{s}');
INSERT INTO logged SELECT i * 10 + 3, s, nullif(i % 7, 0), s * i FROM generate_series(0, 99) i, generate_series(1, 30) s;
CALL powertree_compact('logged');
INSERT INTO logged SELECT i * 10 + 7, s, i, nullif(i % 5, 0) FROM generate_series(-500, 1499) i, generate_series(1, 32) s;
UPDATE logged SET y = y + 1 WHERE at BETWEEN 200 AND 210;
SELECT log_rows FROM powertrees WHERE name = 'logged';
SELECT 'x' AS value, count(*), bool_and(t.tally = l.t) AS same FROM powertree_tallies('logged', 'x', -1004, 5005) t
JOIN (SELECT s, tally(x) AS t FROM logged WHERE at >= -1004 AND at < 5005 GROUP BY s) l ON series = ARRAY[s::text]
UNION ALL SELECT 'y', count(*), bool_and(t.tally = l.t) FROM powertree_tallies('logged', 'y', NULL::bigint, NULL) t
JOIN (SELECT s, tally(y) AS t FROM logged GROUP BY s) l ON series = ARRAY[s::text];
SELECT count(*), sum(num_rows), min(first::int), max(last::int) FROM powertree_series('logged');
CALL powertree_compact('logged');
SELECT bool_and(t.tally = l.t) AS same FROM powertree_tallies('logged', 'y', NULL::bigint, NULL) t
JOIN (SELECT s, tally(y) AS t FROM logged GROUP BY s) l ON series = ARRAY[s::text];
DROP TABLE logged;
