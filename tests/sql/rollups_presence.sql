-- Rows that must have a value: the tally of the value is one of just these rows. Each query is answered from the tree as from the
-- table, to the byte; those below "why not" are answered from the table.
\set ECHO errors
SET client_min_messages = warning;
LOAD 'pg_tally';
SET seq_page_cost = 1000;
SET timezone = 'Europe/Berlin';
CREATE TABLE rows (g text NOT NULL, kind int NOT NULL, at timestamptz NOT NULL, a int, b numeric(10, 2), c bigint NOT NULL);
INSERT INTO rows SELECT 'g' || i % 4, i % 3, '2026-03-27Z'::timestamptz + i * interval '7 minutes', CASE WHEN i % 5 > 0 THEN i END, CASE WHEN i % 6 > 0 THEN i / 100.0 END, i
FROM generate_series(1, 2000) i;
-- Groups without a value, and leaves without one.
INSERT INTO rows SELECT 'null', 1, '2026-03-28Z'::timestamptz + i * interval '1 hour', NULL, NULL, i FROM generate_series(1, 9) i;
INSERT INTO rows SELECT 'some', 2, '2026-03-28Z'::timestamptz + i * interval '1 hour', NULLIF(i % 3, 0), NULL, i FROM generate_series(1, 99) i;
SELECT powertree_create('rows', at => 'at', "values" => '{a,b,c}', series => '{g,kind}', leaf => '30 minutes');
CALL powertree_compact();
INSERT INTO rows VALUES ('new', 7, '2026-03-29 00:30Z', 1, NULL, 1), ('new', 8, '2026-03-29 00:30Z', NULL, 1, 1);
UPDATE rows SET a = NULL WHERE at BETWEEN '2026-03-28Z' AND '2026-03-28 02:10Z';
CREATE TABLE days AS SELECT d::date AS day FROM generate_series('2026-03-26'::timestamptz, '2026-04-08', '1 day') d;
CREATE TABLE kinds AS SELECT i AS kind, 'kind ' || i AS name FROM generate_series(0, 9) i;
ANALYZE;

\i sql/include/outcome.sql
CREATE TABLE queries (number int GENERATED ALWAYS AS IDENTITY, query text, is_answered boolean);
INSERT INTO queries (query, is_answered) VALUES
('SELECT g, avg(a), count(*), count(a), count(1), sum(a), min(a) FROM rows WHERE a IS NOT NULL GROUP BY 1', true),
('SELECT count(*) FROM rows WHERE a IS NOT NULL', true),
('SELECT count(*), sum(b) FROM rows WHERE g = ''null'' AND b IS NOT NULL', true),
('SELECT DISTINCT g FROM rows WHERE a IS NOT NULL', true),
('SELECT DISTINCT at::date FROM rows WHERE b IS NOT NULL', true),
('SELECT date_trunc(''day'', at), stddev(b), max(b) FROM rows WHERE b IS NOT NULL AND at > ''2026-03-28 05:05Z'' AND g <> ''g1'' GROUP BY 1', true),
('SELECT g, count(DISTINCT kind), min(kind), sum(kind) FROM rows WHERE a IS NOT NULL GROUP BY 1', true),
('SELECT count(DISTINCT date_trunc(''day'', at)) FROM rows WHERE a IS NOT NULL AND a IS NOT NULL', true),
('SELECT g, sum(coalesce(a, 5)), sum(CASE WHEN kind = 1 THEN a ELSE 7 END) FROM rows WHERE a IS NOT NULL GROUP BY 1', true),
('SELECT g, kind, count(*) FROM rows WHERE a IS NOT NULL GROUP BY ROLLUP (1, 2)', true),
('SELECT name, count(*), avg(a) FROM rows JOIN kinds USING (kind) WHERE a IS NOT NULL GROUP BY 1', true),
('SELECT day, count(a), count(*), sum(a) FROM days LEFT JOIN rows ON at::date = day AND a IS NOT NULL GROUP BY 1', true),
('SELECT day, count(a), count(*), sum(a) FROM days LEFT JOIN rows ON at::date = day WHERE a IS NOT NULL GROUP BY 1', true),
('SELECT g, sum(c), count(*), sum(a) FROM rows WHERE c IS NOT NULL GROUP BY 1', true),
('SELECT g, sum(a) FROM rows WHERE c IS NOT NULL AND a IS NOT NULL GROUP BY 1', true),
('SELECT g, avg(a) FROM rows WHERE a IS NOT NULL GROUP BY 1 HAVING count(*) > 100', true),
('SELECT g, avg(a) FROM (SELECT * FROM rows WHERE a IS NOT NULL) r GROUP BY 1', true),
('SELECT g, count(*) FROM rows WHERE a IS NULL GROUP BY 1', true),
-- Wishes of aggregates.
('SELECT g, count(CASE WHEN a IS NULL THEN 1 END) FROM rows GROUP BY 1', true),
('SELECT g, count(*) FILTER (WHERE a IS NOT NULL), count(*), sum(b) FILTER (WHERE b IS NOT NULL) FROM rows GROUP BY 1', true),
('SELECT g, count(*) FILTER (WHERE a IS NOT NULL AND kind = 1 AND at > ''2026-03-28''), count(1) FILTER (WHERE kind = 1 AND b IS NOT NULL) FROM rows GROUP BY 1', true),
('SELECT g, count(CASE WHEN a IS NOT NULL THEN 1 END), count(CASE WHEN b IS NOT NULL THEN ''x'' ELSE NULL END) FROM rows GROUP BY 1', true),
('SELECT count(*) FILTER (WHERE a IS NOT NULL), count(*) FILTER (WHERE b IS NOT NULL) FROM rows', true),
('SELECT day, count(*) FILTER (WHERE a IS NOT NULL), count(*) FROM days LEFT JOIN rows ON at::date = day GROUP BY 1', true),
-- Why not.
('SELECT g, sum(b) FROM rows WHERE a IS NOT NULL GROUP BY 1', false),
('SELECT g, sum(c) FROM rows WHERE a IS NOT NULL GROUP BY 1', false),
('SELECT g, max(at) FROM rows WHERE a IS NOT NULL GROUP BY 1', false),
('SELECT g, count(*) FROM rows WHERE a IS NOT NULL AND b IS NOT NULL GROUP BY 1', false),
('SELECT g, count(*) FROM rows WHERE a IS NOT NULL OR kind = 1 GROUP BY 1', false),
('SELECT DISTINCT ON (g) g, a FROM rows WHERE a IS NOT NULL ORDER BY g, at DESC', false),
('SELECT g, sum(a) FILTER (WHERE b IS NOT NULL) FROM rows GROUP BY 1', false),
('SELECT g, count(CASE WHEN a IS NOT NULL THEN b END) FROM rows GROUP BY 1', false),
('SELECT g, sum(CASE WHEN kind = 1 THEN b ELSE 7 END) FROM rows WHERE a IS NOT NULL GROUP BY 1', false);
CREATE TABLE results AS
SELECT q.*, o.v AS from_table, n.v AS from_tree, n.tree, (SELECT reason FROM powertree_explain(query) LIMIT 1) AS reason
FROM queries q, LATERAL outcome(query, 'off') o, LATERAL outcome(query, 'on') n;
\echo Queries with another answer:
SELECT query FROM results WHERE from_table IS DISTINCT FROM from_tree ORDER BY number;
\echo Queries answered otherwise than expected:
SELECT query, reason FROM results WHERE tree IS DISTINCT FROM is_answered ORDER BY number;
\echo Why not:
SELECT query, reason FROM results WHERE NOT is_answered ORDER BY number;
\echo A column that is only asked whether it is NULL needs a right:
SET pg_tally.answer_from_trees = on;
CREATE ROLE regress_presence;
GRANT SELECT (g, kind, at) ON rows TO regress_presence;
SET ROLE regress_presence;
SELECT g, count(*) FROM rows WHERE a IS NOT NULL GROUP BY 1;
SELECT g, count(*) FILTER (WHERE a IS NOT NULL) FROM rows GROUP BY 1;
RESET ROLE;
\echo Without its constraint a column may be NULL, and prepared statements know:
SET plan_cache_mode = force_generic_plan;
PREPARE counted AS SELECT count(*), count(c) FROM rows WHERE c IS NOT NULL;
EXECUTE counted;
ALTER TABLE rows ALTER c DROP NOT NULL;
INSERT INTO rows VALUES ('new', 9, '2026-03-29 00:31Z', 1, 1, NULL);
EXECUTE counted;
DROP OWNED BY regress_presence;
DROP ROLE regress_presence;
DROP TABLE results, queries, days, kinds, rows;
DROP FUNCTION outcome;
