-- Conditions on values, which the number of values in a cell and their extremes decide for all of its rows. Each query is answered from
-- the tree as from the table, to the byte; those below "why not" are answered from the table.
\set ECHO errors
SET client_min_messages = warning;
LOAD 'pg_tally';
SET seq_page_cost = 1000;
SET timezone = 'Europe/Berlin';
CREATE TABLE rows (g text NOT NULL, kind int NOT NULL, at timestamptz NOT NULL, i2 smallint, i4 int, i8 bigint, f4 real, f8 float8, n numeric(10, 2), part int, late int);
INSERT INTO rows SELECT 'g' || i % 4, i % 3, '2026-03-27Z'::timestamptz + i * interval '7 minutes', i % 200, i, 9007199254740990 + i % 4, i / 4.0, i / 8.0, i / 100.0, CASE WHEN i % 5 > 0 THEN i END, CASE WHEN i > 1000 THEN 5 END
FROM generate_series(1, 2000) i;
SELECT powertree_create('rows', at => 'at', "values" => '{i2,i4,i8,f4,f8,n,part,late}', series => '{g,kind}', leaf => '30 minutes');
CALL powertree_compact();
INSERT INTO rows VALUES ('new', 7, '2026-03-29 00:30Z', 1, 1, 1, 1, 1, 1, 1, 5);
UPDATE rows SET i4 = i4 + 1 WHERE at BETWEEN '2026-03-28Z' AND '2026-03-28 02:10Z';
CREATE TABLE days AS SELECT d::date AS day FROM generate_series('2026-03-26'::timestamptz, '2026-04-08', '1 day') d;
CREATE TABLE kinds AS SELECT i AS kind, 'kind ' || i AS name FROM generate_series(0, 9) i;
ANALYZE;

\i sql/include/outcome.sql
CREATE FUNCTION explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query;
END $$;
CREATE TABLE queries (number int GENERATED ALWAYS AS IDENTITY, query text, is_answered boolean);
INSERT INTO queries (query, is_answered) VALUES
('SELECT g, sum(n), max(at) FROM rows WHERE i4 > 0 GROUP BY 1', true),
('SELECT g, sum(n) FROM rows WHERE i4 >= 1 AND f8 > 0 AND f4 > 0 AND n > 0 AND i2 >= 0 AND 100000 > i4 GROUP BY 1', true),
('SELECT g, sum(n) FROM rows WHERE i4 BETWEEN 0 AND 100000 GROUP BY 1', true),
('SELECT g, sum(n) FROM rows WHERE i4 <> 0 AND n <> -1.5 AND n >= 0.01 GROUP BY 1', true),
('SELECT g, sum(n) FROM rows WHERE i4 IS NOT NULL AND f8 IS NOT NULL GROUP BY 1', true),
('SELECT g, count(*) FILTER (WHERE kind = 1), min(at) FROM rows WHERE i4 IS NOT NULL AND at > ''2026-03-28 05:05Z'' GROUP BY 1', true),
('SELECT DISTINCT g FROM rows WHERE n > 0', true),
('SELECT g, sum(n) FROM rows WHERE n > ''-1e10''::numeric AND i2 > -1::bigint GROUP BY 1', true),
('SELECT g, sum(part), count(*) FROM rows WHERE part > 0 GROUP BY 1', true),
('SELECT name, sum(n) FROM rows JOIN kinds USING (kind) WHERE i4 > 0 GROUP BY 1', true),
('SELECT day, count(i4), count(*), sum(n) FROM days LEFT JOIN rows ON at::date = day AND i4 > 0 GROUP BY 1', true),
('SELECT g, kind, sum(n) FROM rows WHERE i4 > 0 GROUP BY ROLLUP (1, 2)', true),
-- Rows that do not have a value.
('SELECT g, count(*) FROM rows WHERE part IS NULL GROUP BY 1', true),
('SELECT count(*), sum(part), count(part) FROM rows WHERE part IS NULL', true),
('SELECT g, count(*) FROM rows WHERE part IS NULL AND part IS NULL GROUP BY 1', true),
('SELECT g, count(*) FROM rows WHERE part IS NULL AND part IS NOT NULL GROUP BY 1', true),
('SELECT g, count(*) FILTER (WHERE part IS NULL), count(*) FILTER (WHERE late IS NULL AND kind = 1) FROM rows GROUP BY 1', true),
('SELECT day, count(*) FILTER (WHERE part IS NULL), count(*) FROM days LEFT JOIN rows ON at::date = day GROUP BY 1', true),
-- Why not: some rows of a cell fulfil the condition, and others do not.
('SELECT g, sum(n) FROM rows WHERE i4 > 1000 GROUP BY 1', false),
('SELECT g, sum(n) FROM rows WHERE n > (SELECT -1) GROUP BY 1', false),
('SELECT g, sum(n) FROM rows WHERE i4 = 7 GROUP BY 1', false),
('SELECT g, sum(n) FROM rows WHERE part IS NULL GROUP BY 1', false),
('SELECT g, count(*) FROM rows WHERE part IS NULL AND late IS NULL GROUP BY 1', false),
('SELECT g, sum(n) FROM rows WHERE part IS NOT NULL GROUP BY 1', false),
('SELECT g, sum(n) FROM rows WHERE i4 > part GROUP BY 1', false),
('SELECT g, sum(n) FROM rows WHERE i4 + 1 > 0 GROUP BY 1', false),
('SELECT g, sum(n) FROM rows WHERE i4 > 0 OR kind = 1 GROUP BY 1', false),
('SELECT g, sum(n) FROM rows WHERE i4 > -random() GROUP BY 1', false),
('SELECT g, sum(n) FROM rows WHERE i8 > 0 GROUP BY 1', false),
('SELECT g, sum(n) FROM rows WHERE i4 <> 7 GROUP BY 1', false),
('SELECT g, sum(n) FROM rows WHERE f8 <> ''NaN'' AND n < ''NaN'' AND i4 < 1999 GROUP BY 1', false);
CREATE TABLE results AS
SELECT q.*, o.v AS from_table, n.v AS from_tree, n.tree, (SELECT reason FROM powertree_explain(query) LIMIT 1) AS reason
FROM queries q, LATERAL outcome(query, 'off') o, LATERAL outcome(query, 'on') n;
\echo Queries with another answer:
SELECT query FROM results WHERE from_table IS DISTINCT FROM from_tree ORDER BY number;
\echo Queries answered otherwise than expected:
SELECT query, reason FROM results WHERE tree IS DISTINCT FROM is_answered ORDER BY number;
\echo Why not:
SELECT query, reason FROM results WHERE NOT is_answered ORDER BY number;
\echo Conditions that hold for all rows but one, which statistics do not know of:
SET pg_tally.answer_from_trees = on;
SELECT g, count(*), sum(n) FROM rows WHERE i4 > 0 AND g IN ('g1', 'new') GROUP BY 1 ORDER BY 1;
INSERT INTO rows VALUES ('new', 7, '2026-03-29 00:31Z', 1, -1, 1, 1, 1, 100, 1, 5), ('new', 7, '2026-03-29 00:32Z', 1, NULL, 1, 1, 1, 100, 1, 5);
SELECT g, count(*), sum(n) FROM rows WHERE i4 > 0 AND g IN ('g1', 'new') GROUP BY 1 ORDER BY 1;
SELECT trim(plan) FROM explained('SELECT g, count(*), sum(n) FROM rows WHERE i4 > 0 AND g IN (''g1'', ''new'') GROUP BY 1') plan WHERE plan ~ 'Answered|Reason|Conditions';
SELECT trim(plan) FROM explained('SELECT g, count(*), sum(n) FROM rows WHERE i4 > 0 AND g = ''g1'' GROUP BY 1') plan WHERE plan ~ 'Answered|Reason|Conditions';
\echo NaN is greater than all others, and no extreme:
UPDATE rows SET f8 = 'NaN' WHERE g = 'new';
SELECT g, count(*) FROM rows WHERE f8 < 1e9 AND kind IN (1, 7) GROUP BY 1 ORDER BY 1;
\echo Parameters:
SET plan_cache_mode = force_generic_plan;
PREPARE above AS SELECT g, count(*) FROM rows WHERE i4 <> $1::int AND g = 'g1' GROUP BY 1;
EXECUTE above(0);
EXECUTE above(1000);
EXECUTE above(100000);
EXECUTE above(NULL);
DROP TABLE results, queries, days, kinds, rows;
DROP FUNCTION outcome, explained;
