-- Grouping sets: each query has the same rows from the tree as from the table, or fails with the same SQLSTATE.
\set ECHO errors
SET client_min_messages = warning;
LOAD 'pg_tally';
SET seq_page_cost = 1000;
SET timezone = 'Europe/Berlin';
CREATE TABLE rows (g text NOT NULL, kind int NOT NULL, at timestamptz NOT NULL, i4 int, i8 bigint, n2 numeric(10, 2));
INSERT INTO rows SELECT 'g' || i % 4, i % 3, '2026-03-27Z'::timestamptz + i * interval '7 minutes',
    CASE WHEN i % 5 > 0 THEN i END, CASE WHEN i % 6 > 0 THEN i * 1000000007::bigint END, CASE WHEN i % 3 > 0 THEN i / 100.0 END FROM generate_series(1, 2000) i;
INSERT INTO rows (g, kind, at) SELECT 'G1', 1, '2026-03-28Z'::timestamptz + i * interval '1 hour' FROM generate_series(1, 9) i;
SELECT powertree_create('rows', at => 'at', "values" => '{i4,i8,n2}', series => '{g,kind}', leaf => '30 minutes');
CALL powertree_compact();
INSERT INTO rows VALUES ('new', 7, '2026-03-29 00:30Z', 1, 1, 1);
UPDATE rows SET i4 = i4 + 1 WHERE at BETWEEN '2026-03-28Z' AND '2026-03-28 02:10Z';
CREATE VIEW seen AS SELECT g AS name, at AS moment, i4 FROM rows;
CREATE VIEW computed AS SELECT lower(g) AS name, date_trunc('day', at) AS day, i4 FROM rows;

\i sql/include/outcome.sql
CREATE TABLE questions (number int GENERATED ALWAYS AS IDENTITY, template text);
-- Keys: of the series, of time, of both, of neither.
INSERT INTO questions (template) SELECT format('SELECT %s, count(*), sum(i4), avg(n2), max(at) FROM rows GROUP BY %s', shown, clause) FROM (VALUES
    ('g', 'ROLLUP (g)'), ('g, kind', 'ROLLUP (g, kind)'), ('g, kind', 'CUBE (g, kind)'), ('kind, g', 'GROUPING SETS ((g), (kind), ())'),
    ('g, at::date AS day', 'ROLLUP (g, at::date)'), ('at::date AS day, g', 'CUBE (1, 2)'), ('g, kind, date_trunc(''hour'', at) AS hour', 'CUBE (g, kind, date_trunc(''hour'', at))'),
    ('lower(g) AS name, kind', 'ROLLUP (lower(g), kind)'), ('g || extract(dow FROM at) AS both, kind', 'CUBE (g || extract(dow FROM at), kind)'),
    ('coalesce(g, ''all'') AS name, coalesce(kind, -1) AS k', 'CUBE (g, kind)'), ('g IS NULL AS a, kind + 1 AS b', 'ROLLUP (g, kind)'),
    ('g, lower(g) AS lower', 'ROLLUP (g), ROLLUP (lower(g))'), ('g, lower(g) AS lower', 'GROUPING SETS ((g), (lower(g)))'),
    ('g, kind', 'g, ROLLUP (kind)'), ('g, kind', 'GROUPING SETS ((g), (g), (kind), (), ())'), ('g, kind', 'DISTINCT ROLLUP (g, kind), ROLLUP (g, kind)'), ('g, kind', 'ROLLUP (g, kind), ROLLUP (g, kind)'),
    ('1 AS one', '()'), ('1 AS one', 'GROUPING SETS ((), (), ())'), ('g, kind, at::date AS day', 'GROUPING SETS (ROLLUP (g, kind), CUBE (at::date))'), ('g, kind, at::date AS day', 'ROLLUP ((g, kind), at::date)'),
    ('CASE WHEN grouping(g) = 1 THEN ''total'' ELSE g END AS name', 'ROLLUP (g)'), ('g, kind, grouping(g), grouping(kind), grouping(g, kind), grouping(kind, g), grouping(kind, g, kind) AS more', 'CUBE (g, kind)'),
    ('g, at::date AS day, grouping(at::date, g) + 1 AS g2', 'CUBE (g, at::date)'), ('g, kind, grouping(kind)', 'g, kind'), ('g, grouping(g) AS none', 'g'),
    ('g, ''constant''::text AS c', 'ROLLUP (g, ''constant''::text)'), ('g, now() IS NULL AS c', 'ROLLUP (g, now())'),
    ('kind % 2 AS odd, 1 / (kind - 1) AS fails', 'CUBE (kind % 2, 1 / (kind - 1))'), ('to_char(at, ''Dy'') AS day, extract(hour FROM at) AS hour', 'ROLLUP (to_char(at, ''Dy''), extract(hour FROM at))')) v(shown, clause);
-- Conditions, FILTER, HAVING, DISTINCT, operands; no rows.
INSERT INTO questions (template) VALUES
    ('SELECT g, kind, count(*) FROM rows WHERE at < ''2026-03-28 12:34:56'' AND g <> ''g2'' GROUP BY CUBE (g, kind)'),
    ('SELECT g, count(*), sum(i4) FROM rows WHERE g = ''nobody'' GROUP BY ROLLUP (g)'), ('SELECT g, count(*) FROM rows WHERE g = ''nobody'' GROUP BY GROUPING SETS ((g), (), ())'),
    ('SELECT g, count(*) FROM rows WHERE g = ''nobody'' GROUP BY GROUPING SETS ((g))'), ('SELECT count(*), sum(i8) FROM rows WHERE g = ''nobody'' GROUP BY ()'),
    ('SELECT g, kind, count(*) FROM rows WHERE g = ''g1'' GROUP BY ROLLUP (g, kind)'),
    ('SELECT g, kind, count(*) FILTER (WHERE kind > 0) AS f, sum(i8) FILTER (WHERE at >= ''2026-03-29'') AS s FROM rows GROUP BY CUBE (g, kind)'),
    ('SELECT g, kind, count(*) FROM rows GROUP BY CUBE (g, kind) HAVING count(*) > 100 AND g IS NOT NULL'), ('SELECT g, sum(i4) FROM rows GROUP BY ROLLUP (g) HAVING grouping(g) = 0 OR sum(i4) > 5'),
    ('SELECT g, kind FROM rows GROUP BY CUBE (g, kind) HAVING grouping(g, kind) IN (1, 2)'), ('SELECT kind FROM rows GROUP BY ROLLUP (kind) HAVING kind IS NULL'), ('SELECT sum(i4) FROM rows GROUP BY ROLLUP (g) HAVING g > ''g1'''),
    ('SELECT kind, count(DISTINCT g), max(g), min(lower(g)), bool_or(kind = 1), count(DISTINCT at::date) FROM rows GROUP BY ROLLUP (kind)'),
    ('SELECT kind, sum(CASE WHEN g = ''g1'' THEN i4 ELSE 1 END), sum(kind), avg(kind * 0.5) FROM rows GROUP BY CUBE (kind, at::date)'), ('SELECT g, max(g), sum(kind) FROM rows GROUP BY ROLLUP (g)'),
    ('SELECT DISTINCT g FROM rows GROUP BY CUBE (g, kind)'), ('SELECT count(*), max(c) FROM (SELECT g, count(*) AS c FROM rows GROUP BY ROLLUP (g)) s'), ('SELECT g, sum(count(*)) OVER (PARTITION BY grouping(g)) AS w FROM rows GROUP BY ROLLUP (g)'),
    ('SELECT name, moment::date AS day, sum(i4) FROM seen GROUP BY ROLLUP (name, moment::date)'), ('SELECT name, count(*) FROM seen GROUP BY ROLLUP (name)'),
    ('SELECT name, day, count(*) FROM computed GROUP BY CUBE (name, day)'), ('SELECT name, count(*) FILTER (WHERE day > ''2026-03-28'') AS f FROM computed WHERE name <> ''g2'' GROUP BY ROLLUP (name)'),
    ('SELECT upper(name) AS u, grouping(upper(name)) AS o, count(*) FROM (SELECT lower(g) AS name, at FROM rows OFFSET 0) q GROUP BY ROLLUP (upper(name))'), ('SELECT coalesce(name, ''?'') AS n, count(DISTINCT name) FROM computed GROUP BY ROLLUP (name)'), ('SELECT g, kind, stddev(i4), var_pop(n2), num_vals(tally(i8)) AS n FROM rows GROUP BY CUBE (g, kind)'),
    ('SELECT sum(1 / (kind - 1)) FROM rows GROUP BY ROLLUP (g)'), ('SELECT g, 1 / (count(*) - 1) AS fails FROM rows GROUP BY ROLLUP (g)'),
    ('SELECT upper(g) COLLATE "C" AS u, count(*) FROM rows GROUP BY CUBE (upper(g) COLLATE "C", kind) ORDER BY 1, 2'), ('SELECT g, kind, count(*) FROM rows GROUP BY ROLLUP (g, kind) ORDER BY grouping(g), sum(i4) DESC, g, kind LIMIT 3'),
    ('SELECT x, (SELECT count(*) FROM (SELECT g FROM rows WHERE kind = x GROUP BY ROLLUP (g)) s) AS n FROM generate_series(0, 3) x');
CREATE TABLE results AS
SELECT q.*, e.v AS expected, e.failure AS expected_failure, t.v AS found, t.failure, t.tree, x.v AS exact, x.failure AS exact_failure
FROM questions q, LATERAL outcome(template, 'off') e, LATERAL outcome(template, 'on') t, LATERAL outcome(template, 'exact') x;
-- What differs; but nothing may.
SELECT template, expected, expected_failure, found, failure, exact FROM results
WHERE (expected, expected_failure) IS DISTINCT FROM (found, failure) OR (expected, expected_failure) IS DISTINCT FROM (exact, exact_failure) ORDER BY number;
SELECT count(*), count(failure) AS failures, sum(cardinality(found)) > 1000 AS many_rows FROM results;
-- What the table answers.
SELECT template FROM results WHERE failure IS NULL AND NOT tree AND template !~ 'OFFSET' ORDER BY number;
SET pg_tally.answer_from_trees = on;
SET max_parallel_workers_per_gather = 0;
SELECT * FROM powertree_explain('SELECT g, kind, count(*) FROM rows GROUP BY ROLLUP (g, kind)');
CREATE FUNCTION plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF, VERBOSE) ' || query LOOP
        -- The ordinary plan below is PostgreSQL's matter.
        EXIT WHEN line ~ '->  (Mixed|Hash|Group)';
        RETURN NEXT line;
    END LOOP;
END $$;
SELECT plan('SELECT g, date_trunc(''day'', at) AS day, count(*), grouping(g) FROM rows WHERE at >= ''2026-03-28'' GROUP BY GROUPING SETS ((g, date_trunc(''day'', at)), (g), ()) HAVING count(*) > 1');
-- One plan, asked with other parameters; a cursor that goes on after a write.
SET plan_cache_mode = force_generic_plan;
PREPARE by_kind(int) AS SELECT kind, count(*), grouping(kind) FROM rows WHERE kind <= $1 GROUP BY ROLLUP (kind) ORDER BY 1;
EXECUTE by_kind(1);
EXECUTE by_kind(-1);
BEGIN;
DECLARE totals SCROLL CURSOR FOR SELECT g, count(*) FROM rows GROUP BY ROLLUP (g) ORDER BY 1;
FETCH 2 FROM totals;
DELETE FROM rows WHERE g = 'g2';
FETCH 2 FROM totals;
FETCH BACKWARD 1 FROM totals;
ROLLBACK;
DROP VIEW seen, computed;
DROP TABLE rows, questions, results;
DROP FUNCTION outcome, plan;
