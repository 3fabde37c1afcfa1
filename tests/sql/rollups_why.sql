-- A query for each reason why a tree does not answer, and what powertree_explain and powertree_verify say.
\set VERBOSITY terse
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
-- Reading a few rows of a small table is cheaper than any tree.
SET seq_page_cost = 1000;
SET random_page_cost = 1000;
CREATE TABLE ticks (s text NOT NULL, at timestamptz NOT NULL, x float8, n int, i8 bigint, d numeric(9,2), part text);
INSERT INTO ticks SELECT chr(97 + i % 3), '2026-01-01Z'::timestamptz + i * interval '1 minute', i / 8.0, i, i, i, '1 hour' FROM generate_series(1, 3000) i;
SELECT powertree_create('ticks', at => 'at', "values" => '{x,n,i8,d}', series => '{s}', leaf => '1 hour');
CREATE TABLE loose (at timestamptz, x float8);
INSERT INTO loose SELECT at, x FROM ticks;
SELECT powertree_create('loose', at => 'at', "values" => '{x}', leaf => '1 hour');
CREATE TABLE parts (at timestamptz NOT NULL, x float8) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT at, x FROM ticks;
SELECT powertree_create('parts', at => 'at', "values" => '{x}', leaf => '1 hour');
CALL powertree_compact();
ANALYZE ticks, loose, parts;
CREATE TABLE names (s text, name text);
INSERT INTO names VALUES ('a', 'Anna');

-- Answered: one row for each grouped part.
SELECT * FROM powertree_explain('SELECT s, sum(n) FROM ticks GROUP BY s');
SELECT * FROM powertree_explain('SELECT max(c) FROM (SELECT s, count(*) AS c FROM ticks GROUP BY 1) a UNION ALL SELECT sum(n) FROM ticks WHERE x > 100');
SELECT * FROM powertree_explain('TABLE names');
SELECT * FROM powertree_explain('SELECT name FROM names GROUP BY name');

-- Known when the query is planned.
CREATE FUNCTION why(VARIADIC queries text[]) RETURNS TABLE (query text, why text) LANGUAGE sql AS
$$ SELECT q, coalesce(e.reason, 'answers') FROM unnest(queries) WITH ORDINALITY AS q(q, i), powertree_explain(q) e ORDER BY i $$;
SELECT * FROM why(
    'SELECT DISTINCT ON (s) s FROM ticks ORDER BY s',
    'SELECT s, count(*) FROM ticks GROUP BY ROLLUP (s, ''a''::text)',
    'SELECT s, generate_series(1, 2), count(*) FROM ticks GROUP BY s',
    'SELECT count(*) FROM ticks TABLESAMPLE system (50)',
    'SELECT count(*) FROM ONLY parts',
    'SELECT count(*) FROM ticks WHERE at < clock_timestamp()',
    'SELECT s, sum(n + random()) FROM ticks GROUP BY s',
    'SELECT count(*) FROM ticks WHERE (SELECT max(name) FROM names WHERE names.s = ticks.s) > ''B''',
    'SELECT DISTINCT ON (s) s, (SELECT max(name) FROM names WHERE names.s = ticks.s) FROM ticks ORDER BY s, at',
    'SELECT count(*) FROM ticks WHERE x > 100',
    'SELECT n, count(*) FROM ticks GROUP BY n',
    'SELECT count(*) FROM loose',
    'SELECT count(*) FROM loose WHERE at IS NOT NULL',
    'SELECT at, count(*) FROM ticks GROUP BY at',
    'SELECT to_char(at, ''SS.US''), count(*) FROM ticks GROUP BY 1',
    'SELECT extract(hour FROM at - ''2026-01-01Z''), count(*) FROM ticks GROUP BY 1',
    'SELECT date_trunc(''day'', at, s), count(*) FROM ticks GROUP BY 1',
    'SELECT to_tsvector(''simple'', s), count(*) FROM ticks GROUP BY 1',
    'SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY x) FROM ticks',
    'SELECT count(DISTINCT n) FROM ticks',
    'SELECT sum(n * x) FROM ticks',
    'SELECT max(part) FROM ticks');
SET pg_tally.answer_from_trees = exact;
SELECT * FROM why('SELECT avg(x) FROM ticks', 'SELECT max(x), avg(n) FROM ticks');
SET pg_tally.answer_from_trees = off;
SELECT * FROM why('SELECT avg(x) FROM ticks');
SET pg_tally.answer_from_trees = on;
SET seq_page_cost = 0;
SET random_page_cost = 0;
SET cpu_tuple_cost = 0;
SET cpu_operator_cost = 0;
SELECT * FROM why('SELECT avg(x) FROM ticks');
SET seq_page_cost = 1000;
RESET random_page_cost;
RESET cpu_tuple_cost;
RESET cpu_operator_cost;
-- The same as a notice.
SET pg_tally.tree_notices = on;
SET client_min_messages = notice;
SELECT count(*) FROM ticks WHERE x > 100;
RESET pg_tally.tree_notices;
-- A tree that is not kept in step.
BEGIN;
ALTER TABLE loose ALTER x TYPE numeric;
SELECT count(*) FROM loose WHERE at IS NOT NULL;
SELECT * FROM powertree_explain('SELECT count(*) FROM loose WHERE at IS NOT NULL');
SET LOCAL pg_tally.tree_notices = on;
SELECT count(*) FROM loose WHERE at IS NOT NULL;
ROLLBACK;
SET client_min_messages = error;
-- Rights are those of the caller, and row security hides rows from others than the owner.
CREATE ROLE regress_reader;
GRANT SELECT (s, at, n) ON ticks TO regress_reader;
SET ROLE regress_reader;
SELECT * FROM why('SELECT s, sum(n) FROM ticks GROUP BY s');
SELECT * FROM powertree_explain('SELECT s, sum(i8) FROM ticks GROUP BY s');
SELECT * FROM powertree_verify('SELECT s, sum(n) FROM ticks GROUP BY s');
SELECT * FROM powertree_verify('SELECT s, sum(i8) FROM ticks GROUP BY s');
RESET ROLE;
CREATE POLICY positive ON ticks USING (n > 0);
ALTER TABLE ticks ENABLE ROW LEVEL SECURITY;
SET ROLE regress_reader;
SELECT * FROM why('SELECT s, sum(n) FROM ticks GROUP BY s');
RESET ROLE;
DROP POLICY positive ON ticks;
ALTER TABLE ticks DISABLE ROW LEVEL SECURITY;

-- Known when it runs.
CREATE FUNCTION ran(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
    RETURN coalesce(jsonb_path_query_first(plan, '$.**."Reason"'), jsonb_path_query_first(plan, '$.**."Answered From"'), '"not planned"') #>> '{}';
END $$;
SELECT ran('SELECT s, sum(n) FROM ticks GROUP BY s');
-- The setting holds for plans that were made before it.
SET plan_cache_mode = force_generic_plan;
PREPARE totals AS SELECT s, sum(n), avg(x) FROM ticks GROUP BY s;
SELECT ran('EXECUTE totals');
SET pg_tally.answer_from_trees = exact;
SELECT ran('EXECUTE totals');
SET pg_tally.answer_from_trees = off;
SELECT ran('EXECUTE totals');
SET pg_tally.answer_from_trees = on;
DEALLOCATE totals;
RESET plan_cache_mode;
SELECT ran('SELECT date_trunc(''milliseconds'', at), count(*) FROM ticks GROUP BY 1');
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT ran('SELECT date_trunc(''minute'', at), count(*) FROM ticks GROUP BY 1');
RESET work_mem;
RESET hash_mem_multiplier;
CREATE TABLE seconds (at bigint NOT NULL, x float8);
INSERT INTO seconds SELECT i * 60, i FROM generate_series(1, 3000) i;
SELECT powertree_create('seconds', at => 'at', "values" => '{x}', leaf => '3600');
CALL powertree_compact('seconds');
ANALYZE seconds;
SET TimeZone = 'Europe/Berlin';
SELECT ran('SELECT date_trunc(''day'', to_timestamp(at)), count(*) FROM seconds GROUP BY 1');
SET TimeZone = 'UTC';
SELECT ran('SELECT date_trunc(''day'', to_timestamp(at)), count(*) FROM seconds GROUP BY 1');
RESET TimeZone;
-- Rows of leaves that are cut are found by an index.
CREATE INDEX ticks_by_time ON ticks (s, at);
SELECT ran('SELECT date_trunc(''minute'', at), sum(n) FROM ticks GROUP BY 1'), ran('SELECT date_bin(''150 minutes'', at, ''2026-01-01Z''), sum(n) FROM ticks GROUP BY 1'),
    ran('SELECT date_bin(''330 minutes'', at, ''2026-01-01Z''), sum(n) FROM ticks GROUP BY 1');
DROP INDEX ticks_by_time;
PREPARE short(timestamptz, timestamptz) AS SELECT sum(n) FROM ticks WHERE at >= $1 AND at < $2;
SET plan_cache_mode = force_generic_plan;
SELECT ran('EXECUTE short(''2026-01-01 10:00Z'', ''2026-01-01 10:05Z'')');
SELECT ran('EXECUTE short(''2026-01-01 10:00Z'', ''2026-01-03 10:05Z'')');
RESET plan_cache_mode;
BEGIN;
INSERT INTO ticks VALUES ('a', '2026-01-01 05:00Z', 1, 1, 9007199254740993, 'NaN');
SELECT ran('SELECT max(i8) FROM ticks'), ran('SELECT sum(d) FROM ticks'), ran('SELECT sum(i8) FROM ticks');
ROLLBACK;
BEGIN;
INSERT INTO ticks (s, at) VALUES ('a', 'infinity');
SELECT ran('SELECT date_trunc(''day'', at), count(*) FROM ticks GROUP BY 1');
ROLLBACK;
BEGIN;
SET LOCAL pg_tally.powertree_bulk = on;
UPDATE ticks SET n = n + 1;
SELECT ran('SELECT date_trunc(''hour'', at), sum(n) FROM ticks GROUP BY 1');
ROLLBACK;
BEGIN;
ALTER TABLE ticks ALTER n TYPE bigint;
SELECT * FROM why('SELECT s, count(*) FROM ticks GROUP BY 1');
ROLLBACK;

-- The comparison.
SELECT * FROM powertree_verify('SELECT s, date_trunc(''hour'', at), count(*), sum(d), avg(x), stddev(x) FROM ticks GROUP BY 1, 2');
-- A setting that the query itself sees stands for an answer that differs.
SELECT * FROM powertree_verify($$ SELECT s, current_setting('pg_tally.answer_from_trees') = 'on', NULL, 'a "b"', count(*) FROM ticks WHERE s <= 'b' GROUP BY s $$);
-- Floating-point numbers differ in their last digits, and not more; rows are counted.
SELECT * FROM powertree_verify($$ SELECT 0.1::float8 + CASE current_setting('pg_tally.answer_from_trees') WHEN 'on' THEN 1e-13 ELSE 0 END FROM names $$);
SELECT * FROM powertree_verify($$ SELECT 0.1::float8 + CASE current_setting('pg_tally.answer_from_trees') WHEN 'on' THEN 1e-7 ELSE 0 END FROM names $$);
SELECT * FROM powertree_verify($$ SELECT i % 2 FROM generate_series(1, CASE current_setting('pg_tally.answer_from_trees') WHEN 'on' THEN 5 ELSE 9 END) i $$);
SET pg_tally.answer_from_trees = exact;
SELECT * FROM powertree_verify($$ SELECT current_setting('pg_tally.answer_from_trees') $$);
SHOW pg_tally.answer_from_trees;
SET pg_tally.answer_from_trees = on;
-- Neither changes anything, nor takes anything but one SELECT.
CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS $$ INSERT INTO names VALUES ('b', 'Bea') RETURNING 1 $$;
SELECT * FROM powertree_verify('SELECT writes()');
SHOW transaction_read_only;
SELECT * FROM powertree_explain('SELECT writes()');
SELECT count(*) FROM names;
CREATE FUNCTION refused(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
    hint text;
BEGIN
    PERFORM powertree_explain(query);
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, said, nullif(hint, ''));
END $$;
SELECT q, refused(q) FROM unnest(ARRAY['', ';', 'SELECT 1; SELECT 2', 'DELETE FROM names', 'SELECT 1 INTO t', 'SELECT * FROM names FOR UPDATE', 'SELEKT',
    'WITH d AS (DELETE FROM names RETURNING 1) SELECT * FROM d', 'COMMIT', 'EXPLAIN SELECT 1', 'SELECT $1', 'SELECT * FROM nowhere', NULL, 'VALUES (1)', 'SELECT 1;']) q;
SELECT refused(repeat('-', 1000001));
SELECT * FROM powertree_verify('DELETE FROM names');
SELECT * FROM powertree_verify('SELECT generate_series(1, 1000001)');
SELECT * FROM powertree_verify(NULL);
SELECT count(*) FROM names;
DROP TABLE seconds, ticks, loose, parts, names CASCADE;
DROP FUNCTION why, ran, writes, refused;
DROP ROLE regress_reader;
