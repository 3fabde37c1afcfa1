-- Subqueries with plans of their own, which PostgreSQL runs or looks up once for each series and cell. Each query is answered from the
-- tree as from the table, to the byte, or fails with the same SQLSTATE; those below "why not" are answered from the table.
\set ECHO errors
SET client_min_messages = warning;
LOAD 'pg_tally';
SET seq_page_cost = 1000;
SET jit = off;
SET timezone = 'Europe/Berlin';
CREATE TABLE rows (g text NOT NULL, kind int NOT NULL, at timestamptz NOT NULL, n int, x numeric(10, 2));
INSERT INTO rows SELECT 'g' || i % 4, i % 3, '2026-03-27Z'::timestamptz + i * interval '7 minutes', i % 200, i / 100.0 FROM generate_series(1, 2000) i;
SELECT powertree_create('rows', at => 'at', "values" => '{n,x}', series => '{g,kind}', leaf => '30 minutes');
CALL powertree_compact();
INSERT INTO rows VALUES ('new', 7, '2026-03-29 00:30Z', 1, 1);
CREATE TABLE names (g text, kind int, name text, weight int, since timestamptz);
INSERT INTO names VALUES ('g1', 1, 'one', 2, '2026-03-28Z'), ('g2', 2, 'two', 3, '2026-03-30Z'), ('g2', NULL, 'again', NULL, NULL), ('gone', 9, 'gone', 5, '2026-03-30Z');
CREATE TABLE holidays (day date);
INSERT INTO holidays VALUES ('2026-03-29'), ('2026-04-03'), ('2020-01-01');
CREATE TABLE empty (g text);
ANALYZE;
\i sql/include/outcome.sql
CREATE TABLE queries (number int GENERATED ALWAYS AS IDENTITY, query text, is_answered boolean);
INSERT INTO queries (query, is_answered) VALUES
-- NOT IN, with NULL among the rows and without, of one column and of several, of steps in time.
('SELECT g, count(*), sum(n) FROM rows WHERE g NOT IN (SELECT g FROM names) GROUP BY 1', true),
('SELECT g, count(*), sum(n) FROM rows WHERE kind NOT IN (SELECT kind FROM names) GROUP BY 1', true),
('SELECT g, count(*), sum(n) FROM rows WHERE g NOT IN (SELECT g FROM empty) GROUP BY 1', true),
('SELECT g, kind, count(*) FROM rows WHERE (g, kind) NOT IN (SELECT g, kind FROM names WHERE kind > 0) GROUP BY 1, 2', true),
('SELECT at::date, count(*) FROM rows WHERE at::date NOT IN (SELECT day FROM holidays) GROUP BY 1', true),
('SELECT g, count(*) FROM rows WHERE upper(g) NOT IN (SELECT upper(g) FROM names) AND at > ''2026-03-28 05:05Z'' GROUP BY 1', true),
('SELECT g, count(*) FROM rows WHERE g NOT IN (SELECT g FROM rows WHERE kind = 7) GROUP BY 1', true),
-- IN where it is no join.
('SELECT g, count(*) FROM rows WHERE g IN (SELECT g FROM names) OR kind = 0 GROUP BY 1', true),
('SELECT g IN (SELECT g FROM names) AS known, count(*), sum(x) FROM rows GROUP BY 1', true),
('SELECT g, sum(CASE WHEN g IN (SELECT g FROM names) THEN n ELSE 0 END), count(*) FILTER (WHERE kind NOT IN (SELECT kind FROM names WHERE kind > 1)) FROM rows GROUP BY 1', true),
('SELECT g, count(*) FROM rows WHERE kind >= ALL (SELECT kind FROM names WHERE kind < 3) GROUP BY 1', true),
('SELECT g, count(*) FROM rows WHERE date_trunc(''day'', at) > ALL (SELECT since FROM names WHERE kind = 1) GROUP BY 1', true),
('SELECT (g, kind) = (SELECT g, kind FROM names WHERE kind = 1) AS same, count(*) FROM rows GROUP BY 1', true),
-- Those that depend on the row.
('SELECT (SELECT max(name) FROM names d WHERE d.g = t.g) AS name, count(*), sum(n) FROM rows t GROUP BY 1', true),
('SELECT g, (SELECT max(name) FROM names d WHERE d.g = t.g) AS name, count(*), sum(n) FROM rows t GROUP BY 1', true),
('SELECT g, EXISTS (SELECT FROM names d WHERE d.g = t.g AND d.kind = t.kind) AS known, count(*) FROM rows t GROUP BY 1, 2', true),
('SELECT g, count(*) FROM rows t WHERE EXISTS (SELECT FROM names d WHERE d.g = t.g) OR kind = 1 GROUP BY 1', true),
('SELECT g, array(SELECT name FROM names d WHERE d.g = t.g ORDER BY name), sum(n) FROM rows t GROUP BY 1', true),
('SELECT g, sum(n * (SELECT max(weight) FROM names d WHERE d.g = t.g)) FROM rows t GROUP BY 1', true),
('SELECT g, count(*) FROM rows t WHERE (SELECT min(weight) FROM names d WHERE d.g = t.g) > 2 GROUP BY 1', true),
('SELECT (SELECT count(*) FROM rows o WHERE o.g = t.g AND o.at >= ''2026-04-01Z'') AS later, count(*) FROM rows t GROUP BY 1', true),
('SELECT g, max(n) FROM rows t GROUP BY g HAVING sum(n) > ALL (SELECT weight * 10000 FROM names d WHERE d.g = t.g)', true),
('SELECT g, (SELECT count(*) FROM holidays WHERE day < max(t.at)) FROM rows t GROUP BY 1', true),
('SELECT d.name, count(*) FROM rows t JOIN names d USING (g) WHERE t.kind NOT IN (SELECT kind FROM names o WHERE o.kind > d.weight) GROUP BY 1', true),
('SELECT g, (SELECT name FROM names d WHERE d.g = t.g) AS name, count(*) FROM rows t GROUP BY 1', true),
-- Why not.
('SELECT g, count(*) FROM rows WHERE at NOT IN (SELECT since FROM names) GROUP BY 1', false),
('SELECT g, count(*) FROM rows WHERE at > ALL (SELECT since FROM names WHERE kind = 1) GROUP BY 1', false),
('SELECT g, count(*) FROM rows t WHERE EXISTS (SELECT FROM holidays WHERE day = t.at::date) OR kind = 1 GROUP BY 1', false),
('SELECT g, count(*) FROM rows WHERE n NOT IN (SELECT weight FROM names WHERE weight > 2) GROUP BY 1', false),
('SELECT g, count(*) FROM rows WHERE g NOT IN (SELECT ''g'' || (5 + random())::int FROM names) GROUP BY 1', false),
('SELECT (SELECT max(name) FROM names d WHERE d.g = t.g AND t.kind < (SELECT 5 + random())) AS name, count(*) FROM rows t GROUP BY 1', false);
CREATE TABLE results AS
SELECT q.*, o.v AS from_table, o.failure AS expected, n.v AS from_tree, n.failure, n.tree, (SELECT reason FROM powertree_explain(query) LIMIT 1) AS reason
FROM queries q, LATERAL outcome(query, 'off') o, LATERAL outcome(query, 'on') n;
\echo Queries with another answer:
SELECT query, expected, failure FROM results WHERE (from_table, expected) IS DISTINCT FROM (from_tree, failure) ORDER BY number;
\echo Queries answered otherwise than expected:
SELECT query, reason FROM results WHERE tree IS DISTINCT FROM is_answered AND failure IS NULL ORDER BY number;
\echo Failures:
SELECT query, failure, reason FROM results WHERE failure IS NOT NULL ORDER BY number;
\echo Why not:
SELECT query, reason FROM results WHERE NOT is_answered ORDER BY number;

\echo Parameters that a subquery is given, and its rows, change between two runs:
SET pg_tally.answer_from_trees = on;
SET plan_cache_mode = force_generic_plan;
PREPARE without(int) AS SELECT g, count(*) FROM rows WHERE kind NOT IN (SELECT kind FROM names WHERE weight > $1) GROUP BY 1 ORDER BY 1;
EXECUTE without(0);
EXECUTE without(2);
INSERT INTO names VALUES ('g3', 0, 'zero', 9);
EXECUTE without(2);
SELECT w, (SELECT count(*) FROM (SELECT g FROM rows WHERE kind NOT IN (SELECT kind FROM names WHERE weight > w) GROUP BY 1) r) FROM generate_series(0, 3) w;

\echo A subquery that has run for a join does not run on from there for the ordinary plan:
CREATE TABLE sums (g text NOT NULL, at timestamptz NOT NULL, x numeric(10, 2));
INSERT INTO sums SELECT g, at, x FROM rows;
INSERT INTO sums VALUES ('g1', '2026-03-28Z', 'NaN');
SELECT powertree_create('sums', at => 'at', "values" => '{x}', series => '{g}', leaf => '30 minutes');
CALL powertree_compact();
ANALYZE sums;
PREPARE refused AS SELECT g, count(*), max(x) FROM (SELECT g, sum(n) FROM rows GROUP BY g HAVING count(*) >= (SELECT count(*) FROM names)) r JOIN sums USING (g) GROUP BY 1 ORDER BY 1;
CREATE FUNCTION explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query;
END $$;
SELECT trim(plan) FROM explained('EXECUTE refused') plan WHERE plan ~ 'Answered From: table|Reason|Tree';
EXECUTE refused;
DROP TABLE results, queries, sums, empty, holidays, names, rows;
DROP FUNCTION outcome, explained;
