-- Values of the first and the last rows of groups: `(array_agg(x ORDER BY at))[1]`, and DISTINCT ON. The nodes know where those rows are; an
-- index finds them.
\set VERBOSITY terse
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
SET max_parallel_workers_per_gather = 0;
SET seq_page_cost = 1000;
SET random_page_cost = 1000;
SET timezone = 'Europe/Berlin';
CREATE TABLE bars (s text NOT NULL, kind int NOT NULL, at timestamptz NOT NULL, price float8, size int, note text, exact numeric);
CREATE INDEX ON bars (kind, s, at);
-- No two rows have the same time.
INSERT INTO bars SELECT 's' || i % 5, i % 2, '2026-03-27Z'::timestamptz + i * interval '97 s', CASE WHEN i % 7 > 0 THEN (i * 7919 % 1000) / 8.0 END, i % 100,
    CASE WHEN i % 3 > 0 THEN repeat('note ' || i, 1 + i % 2000) END, i / 100.0 FROM generate_series(1, 6000) i;
SELECT powertree_create('bars', at => 'at', "values" => '{price,size}', series => '{s,kind}', leaf => '30 minutes');
CALL powertree_compact();
-- Late rows, changed rows, and rows that are gone.
INSERT INTO bars VALUES ('new', 7, '2026-03-28 10:00:01Z', 1.5, 2, 'late', 3.00), ('s1', 1, '2026-03-26Z', NULL, NULL, NULL, NULL), ('s1', 1, '2026-04-05Z', 9, 9, 'last', 9.9);
UPDATE bars SET price = price + 1, note = 'changed' WHERE at BETWEEN '2026-03-29 00:30Z' AND '2026-03-29 02:00Z';
DELETE FROM bars WHERE at BETWEEN '2026-03-30 21:00Z' AND '2026-03-30 23:00Z';
ANALYZE bars;
-- Who answers, and in how many rows the answer differs from the table's.
CREATE FUNCTION look(query text, verify boolean DEFAULT true, OUT giver text, OUT differences bigint) LANGUAGE plpgsql AS $$
DECLARE
    plan text;
    node jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, COSTS off, TIMING off) ' || query INTO plan;
    node := jsonb_path_query_first(plan::jsonb, '$.** ? (@."Custom Plan Provider" == "pg_tally power tree")');
    giver := CASE WHEN node IS NULL THEN (SELECT reason FROM powertree_explain(query) LIMIT 1) ELSE concat_ws(': ', node ->> 'Answered From', node ->> 'Reason') END;
    IF verify THEN
        SELECT coalesce(sum(times), 0) INTO differences FROM powertree_verify(query);
    END IF;
END $$;

-- A plan without the ordinary one below the node, which differs between versions of PostgreSQL.
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    is_ours boolean := false;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS off) ' || query LOOP
        EXIT WHEN is_ours AND line LIKE '%->%';
        is_ours := is_ours OR line LIKE '%power tree%';
        RETURN NEXT line;
    END LOOP;
END $$;

-- Candles.
SELECT date_trunc('day', at) AS day, (array_agg(price ORDER BY at))[1] AS open, max(price) AS high, min(price) AS low, (array_agg(price ORDER BY at DESC))[1] AS close, sum(size) AS volume
FROM bars WHERE s = 's3' AND kind = 1 GROUP BY 1 ORDER BY 1;
SELECT plan_of($$SELECT date_trunc('day', at), (array_agg(price ORDER BY at))[1], count(*) FROM bars GROUP BY 1 HAVING (array_agg(note ORDER BY at))[1] > 'n'$$);
CREATE TABLE questions (what text, query text);
INSERT INTO questions (query) SELECT unnest(ARRAY[
    'SELECT s, date_trunc(''hour'', at), (array_agg(price ORDER BY at))[1], (array_agg(price ORDER BY at DESC))[1], max(price), min(price), count(*), avg(size) FROM bars GROUP BY 1, 2',
    'SELECT date_trunc(''day'', at), (array_agg(price ORDER BY at ASC NULLS FIRST))[1], (array_agg(price ORDER BY at DESC NULLS LAST))[1] FROM bars GROUP BY 1',
    -- Columns that are no values of the tree, the position, the series, and casts of them.
    'SELECT s, (array_agg(note ORDER BY at))[1], (array_agg(exact ORDER BY at DESC))[1], (array_agg(at ORDER BY at))[1], (array_agg(kind ORDER BY at))[1], (array_agg(size::bigint ORDER BY at))[1] FROM bars GROUP BY 1',
    'SELECT at::date, (array_agg(size ORDER BY at) FILTER (WHERE kind = 1))[1], (array_agg(size ORDER BY at DESC) FILTER (WHERE extract(hour FROM at) < 12 AND s <> ''s2''))[1], count(*) FROM bars GROUP BY 1',
    'SELECT (array_agg(price ORDER BY at))[1], (array_agg(note ORDER BY at DESC))[1] FROM bars',
    'SELECT (array_agg(price ORDER BY at))[1] FROM bars WHERE upper(s) = ''NOBODY''',
    'SELECT s, (array_agg(price ORDER BY at) FILTER (WHERE s = ''s1''))[1] FROM bars WHERE at > ''2026-03-28 13:17:11Z'' AND at < ''2026-04-01 02:03:04Z'' GROUP BY s',
    -- What is made of them.
    'SELECT s, (array_agg(size ORDER BY at DESC))[1] - (array_agg(size ORDER BY at))[1] AS change FROM bars GROUP BY s HAVING (array_agg(size ORDER BY at))[1] > 1 ORDER BY 2',
    'SELECT h, close - lag(close) OVER (ORDER BY h) FROM (SELECT date_trunc(''hour'', at) AS h, (array_agg(price ORDER BY at DESC))[1] AS close FROM bars WHERE s = ''s2'' GROUP BY 1) hours',
    'SELECT s.s, x.* FROM (VALUES (''s1''), (''s2''), (''none'')) s(s), LATERAL (SELECT count(*), (array_agg(size ORDER BY at DESC))[1] FROM bars b WHERE b.s = s.s AND at > ''2026-03-28'') x',
    'SELECT s, kind, at::date, GROUPING(s, kind), (array_agg(size ORDER BY at))[1], (array_agg(note ORDER BY at DESC) FILTER (WHERE kind = 0))[1], count(*) FROM bars GROUP BY CUBE (s, kind, at::date)',
    'SELECT s, (array_agg(s ORDER BY at))[1], (array_agg(at ORDER BY at DESC))[1] FROM bars GROUP BY ROLLUP (s)',
    'SELECT s, (array_agg(size ORDER BY at USING OPERATOR(pg_catalog.>)))[1] FROM bars GROUP BY s',
    'SELECT s, (array_agg(size ORDER BY at, price, s, 1))[1] FROM bars GROUP BY s']);
SELECT l.*, query FROM questions, look(query) l;
-- The setting for exact answers lets them through.
SET pg_tally.answer_from_trees = exact;
SELECT * FROM look('SELECT s, (array_agg(price ORDER BY at))[1], max(price) FROM bars GROUP BY s');
SET pg_tally.answer_from_trees = on;
-- What only the table can answer: other orders, elements and arrays, and arguments that might fail for rows in the middle.
TRUNCATE questions;
INSERT INTO questions (query) SELECT unnest(ARRAY[
    'SELECT s, (array_agg(size))[1] IS NOT NULL FROM bars GROUP BY s',
    'SELECT s, (array_agg(size ORDER BY exact))[1] FROM bars GROUP BY s',
    'SELECT s, (array_agg(size ORDER BY at::date, at))[1] FROM bars GROUP BY s',
    'SELECT s, (array_agg(size ORDER BY at, 1 / size))[1] FROM bars WHERE s = ''new'' GROUP BY s',
    'SELECT s, (array_agg(size ORDER BY at))[2] FROM bars GROUP BY s',
    'SELECT s, (array_agg(size ORDER BY at))[1:1] FROM bars GROUP BY s',
    'SELECT s, (array_agg(size ORDER BY at))[1:] FROM bars GROUP BY s',
    'SELECT s, (array_agg(size ORDER BY at))[:1] FROM bars GROUP BY s',
    'SELECT s, (array_agg(size ORDER BY at))[:] FROM bars GROUP BY s',
    'SELECT s, (array_agg(size ORDER BY at))[count(*)] FROM bars GROUP BY s',
    'SELECT s, cardinality(array_agg(size ORDER BY at)) FROM bars GROUP BY s',
    'SELECT s, (array_agg(ARRAY[size] ORDER BY at))[1] FROM bars GROUP BY s',
    'SELECT s, (array_agg(DISTINCT at ORDER BY at))[1] FROM bars GROUP BY s',
    'SELECT s, (array_agg(100 / (size + 1) ORDER BY at))[1] FROM bars GROUP BY s',
    'SELECT s, (array_agg(tableoid ORDER BY at))[1] FROM bars GROUP BY s',
    'SELECT s, (array_agg(bars ORDER BY at))[1] FROM bars GROUP BY s',
    'SELECT s, (array_agg(random() ORDER BY at))[1] >= 0 FROM bars GROUP BY s']);
SELECT l.*, query FROM questions, look(query) l;

-- The last and the first point of each series, and of each stretch of time.
SELECT DISTINCT ON (s, kind) s, kind, at AT TIME ZONE 'UTC' AS at, size, left(note, 8) AS note FROM bars ORDER BY s, kind, at DESC;
SELECT plan_of($$SELECT DISTINCT ON (s) s, at, price * size FROM bars ORDER BY s, at DESC$$);
TRUNCATE questions;
INSERT INTO questions (query) SELECT unnest(ARRAY[
    'SELECT DISTINCT ON (s) s, at, price FROM bars ORDER BY s, at',
    'SELECT DISTINCT ON (s) * FROM bars ORDER BY s, at DESC',
    'SELECT DISTINCT ON (s, kind) price, note FROM bars ORDER BY kind DESC, s, at DESC',
    'SELECT DISTINCT ON (lower(s)) lower(s) || ''!'', at - interval ''1 day'', size * 2 FROM bars WHERE kind = 1 ORDER BY lower(s), at DESC, size',
    'SELECT DISTINCT ON (date_trunc(''hour'', at)) date_trunc(''hour'', at), s, price FROM bars ORDER BY date_trunc(''hour'', at), at',
    'SELECT DISTINCT ON (s, at::date) s, at::date AS day, at, price FROM bars WHERE at >= ''2026-03-28 13:17:11Z'' AND s IN (''s1'', ''s4'', ''none'') ORDER BY s, at::date DESC, at DESC NULLS LAST LIMIT 4',
    'SELECT count(*), sum(size) FROM (SELECT DISTINCT ON (s) s, size FROM bars ORDER BY s, at DESC) last',
    'WITH last AS MATERIALIZED (SELECT DISTINCT ON (s) s, at, size FROM bars WHERE at < ''2026-03-30'' ORDER BY s, at DESC) SELECT l.*, b.note FROM last l JOIN bars b USING (s, at)',
    'SELECT DISTINCT ON (s) s, at, row_number() OVER () > 0 FROM (SELECT DISTINCT ON (s) s, at FROM bars ORDER BY s, at DESC) last ORDER BY s, last.at DESC',
    'SELECT DISTINCT ON (s) s, random() >= 0 FROM bars ORDER BY s, at',
    -- Groups of which one is chosen.
    'SELECT DISTINCT ON (s) s, at::date, sum(size) FROM bars GROUP BY s, at::date ORDER BY s, sum(size) DESC, at::date']);
SELECT l.*, query FROM questions, look(query) l;
TRUNCATE questions;
INSERT INTO questions (query) SELECT unnest(ARRAY[
    'SELECT DISTINCT ON (s) s FROM bars ORDER BY s',
    'SELECT DISTINCT ON (s) s FROM bars',
    'SELECT DISTINCT ON (s) s, size FROM bars ORDER BY s, exact, at',
    'SELECT DISTINCT ON (s) s, size FROM bars ORDER BY s, at + interval ''1 hour''',
    'SELECT DISTINCT ON (at) at, size FROM bars ORDER BY at',
    'SELECT DISTINCT ON (s) s, tableoid::regclass FROM bars ORDER BY s, at',
    'SELECT DISTINCT ON (s) bars FROM bars ORDER BY s, at',
    'SELECT DISTINCT ON (s) s, size FROM bars WHERE size > 5 ORDER BY s, at',
    'SELECT DISTINCT ON (s) s, (SELECT count(*) FROM questions WHERE query = s) FROM bars ORDER BY s, at',
    'SELECT DISTINCT ON (s) s, generate_series(1, 2) FROM bars ORDER BY s, at']);
SELECT l.*, query FROM questions, look(query) l;

-- Rows at one position: it does not matter which one it is as long as they are alike in what is asked.
BEGIN;
INSERT INTO bars SELECT s, kind, at, price, size + 1, note, exact FROM bars WHERE at = '2026-04-05Z';
SELECT * FROM look('SELECT s, (array_agg(price ORDER BY at DESC))[1] FROM bars GROUP BY s');
SELECT * FROM look('SELECT DISTINCT ON (s) s, at, note, exact FROM bars ORDER BY s, at DESC');
SELECT giver FROM look('SELECT s, (array_agg(size ORDER BY at DESC))[1] FROM bars GROUP BY s', false);
SELECT giver FROM look('SELECT DISTINCT ON (s) s, at, size FROM bars ORDER BY s, at DESC', false);
-- Rows in the middle may be at one position.
SELECT * FROM look('SELECT s, (array_agg(size ORDER BY at))[1] FROM bars GROUP BY s');
SELECT * FROM look('SELECT DISTINCT ON (s) s, at, size FROM bars ORDER BY s, at DESC, size');
ROLLBACK;
BEGIN;
INSERT INTO bars SELECT 's9', kind, at, price, size, note, exact FROM bars WHERE at = '2026-04-05Z';
SELECT * FROM look('SELECT (array_agg(price ORDER BY at DESC))[1] FROM bars');
SELECT * FROM look('SELECT s, (array_agg(price ORDER BY at DESC))[1] FROM bars GROUP BY s');
ROLLBACK;
-- Further columns of the order decide, where they differ.
BEGIN;
INSERT INTO bars SELECT s, kind, at, price, size + i, CASE i % 3 WHEN 0 THEN 'B' WHEN 1 THEN 'a' END, i / 2 FROM bars, generate_series(1, 5) i WHERE at IN ('2026-04-05Z', '2026-03-26Z');
TRUNCATE questions;
INSERT INTO questions (query) SELECT format('SELECT s, (array_agg(size ORDER BY at %s, %s))[1], (array_agg(note ORDER BY at, %2$s))[1] FROM bars GROUP BY s', way, further)
FROM unnest(ARRAY['ASC', 'DESC']) way, unnest(ARRAY['size', 'size DESC', 'exact, size', 'exact DESC NULLS LAST, size DESC', 'note, exact, size', 'note COLLATE "C", size', 'note DESC, exact NULLS FIRST, size', 'note NULLS FIRST, price, size']) further;
INSERT INTO questions (query) SELECT unnest(ARRAY['SELECT DISTINCT ON (s) s, at, note FROM bars ORDER BY s, at DESC, size', 'SELECT DISTINCT ON (s) * FROM bars ORDER BY s, at DESC, note NULLS FIRST, size DESC',
    'SELECT DISTINCT ON (s) * FROM bars ORDER BY s, at DESC, note, s, exact DESC, kind, size']);
SELECT l.*, query FROM questions, look(query) l;
SELECT giver FROM look('SELECT s, (array_agg(size ORDER BY at DESC, note NULLS FIRST))[1] FROM bars GROUP BY s', false);
SELECT giver FROM look('SELECT DISTINCT ON (s) s, size FROM bars ORDER BY s, at DESC, note NULLS FIRST', false);
ROLLBACK;
-- NULL beside a value, and the other way round.
BEGIN;
INSERT INTO bars VALUES ('s1', 1, '2026-04-05Z', NULL);
SELECT giver FROM look('SELECT s, (array_agg(price ORDER BY at DESC))[1] FROM bars GROUP BY s', false);
ROLLBACK;

-- One's own changes, in parameters too.
SET plan_cache_mode = force_generic_plan;
PREPARE last(text, timestamptz) AS SELECT s, (array_agg(size ORDER BY at DESC) FILTER (WHERE at < $2))[1] FROM bars WHERE s >= $1 GROUP BY s ORDER BY s;
EXECUTE last('s3', '2026-03-28');
EXECUTE last('s4', '2026-04-28');
BEGIN;
INSERT INTO bars (s, kind, at, size) VALUES ('s4', 3, '2026-04-06', 12345);
EXECUTE last('s4', '2026-04-28');
DELETE FROM bars WHERE s = 's4' AND at > '2026-03-29';
EXECUTE last('s4', '2026-04-28');
ROLLBACK;
RESET plan_cache_mode;
DEALLOCATE last;
-- A scrollable cursor, as of when it was opened.
BEGIN;
DECLARE ends SCROLL CURSOR FOR SELECT DISTINCT ON (s) s, size FROM bars ORDER BY s, at DESC;
UPDATE bars SET size = -1;
FETCH ALL FROM ends;
FETCH BACKWARD 2 FROM ends;
ROLLBACK;

-- Rights are those of the query; the owner of the table looks the rows up.
CREATE ROLE regress_reader;
GRANT SELECT (s, at, size) ON bars TO regress_reader;
CREATE VIEW notes AS SELECT s, at, note, length(note) AS long FROM bars;
GRANT SELECT ON notes TO regress_reader;
SET ROLE regress_reader;
SELECT s, (array_agg(size ORDER BY at DESC))[1] AS size FROM bars GROUP BY s ORDER BY s;
SELECT s, (array_agg(price ORDER BY at DESC))[1] AS size FROM bars GROUP BY s ORDER BY s;
SELECT DISTINCT ON (s) s, at, price FROM bars ORDER BY s, at DESC;
SELECT DISTINCT ON (s) s, long FROM notes ORDER BY s, at DESC;
SELECT s, (array_agg(left(note, 10) ORDER BY at DESC))[1] AS note FROM notes WHERE at > '2026-03-29' GROUP BY s ORDER BY s;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION array_agg(anynonarray) FROM public;
SET ROLE regress_reader;
SELECT s, (array_agg(size ORDER BY at DESC))[1] AS size FROM bars GROUP BY s ORDER BY s;
RESET ROLE;
GRANT EXECUTE ON FUNCTION array_agg(anynonarray) TO public;
DROP VIEW notes;
REVOKE ALL ON bars FROM regress_reader;
DROP ROLE regress_reader;

-- Partitions, other types of positions, a tree without series, no index.
CREATE TABLE parts (at bigint NOT NULL, x numeric, who name) PARTITION BY RANGE (at);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
CREATE TABLE parts_2 (who name, at bigint NOT NULL, gone int, x numeric);
ALTER TABLE parts_2 DROP COLUMN gone;
ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES FROM (1000) TO (10000);
INSERT INTO parts SELECT i, i / 10.0, 'name ' || i FROM generate_series(0, 4999) i;
SELECT powertree_create('parts', at => 'at', "values" => '{x}', leaf => '100');
CALL powertree_compact('parts');
ANALYZE parts;
SELECT * FROM look('SELECT at / 900, (array_agg(who ORDER BY at))[1], (array_agg(x ORDER BY at DESC))[1] FROM parts GROUP BY 1');
SELECT * FROM look('SELECT DISTINCT ON (at / 900) * FROM parts ORDER BY at / 900, at');
CREATE INDEX ON parts (x, at);
CREATE INDEX ON parts (at) WHERE x > 5;
SELECT * FROM look('SELECT at / 900, (array_agg(who ORDER BY at))[1], (array_agg(x ORDER BY at DESC))[1] FROM parts GROUP BY 1');
CREATE INDEX ON parts (at);
SELECT * FROM look('SELECT at / 900, (array_agg(who ORDER BY at))[1], (array_agg(x ORDER BY at DESC))[1] FROM parts GROUP BY 1');
SELECT * FROM look('SELECT DISTINCT ON (at / 900) * FROM parts ORDER BY at / 900, at');
-- More groups than are worth looking up.
SELECT powertree_rebuild('parts', '1');
CALL powertree_compact('parts');
SELECT giver FROM look('SELECT at / 1, (array_agg(who ORDER BY at))[1], (array_agg(x ORDER BY at DESC))[1] FROM parts GROUP BY 1', false);
-- More than a hash table may have in memory.
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT * FROM look('SELECT count(*), count(a), max(a), sum(b) FROM (
    SELECT at / 9, (array_agg(who ORDER BY at))[1] AS a, (array_agg(x ORDER BY at DESC))[1] AS b FROM parts GROUP BY 1) q');
RESET work_mem;
RESET hash_mem_multiplier;
-- Groups that do not fit into memory are looked up in batches.
CREATE TABLE many (at bigint NOT NULL, x int, who text);
INSERT INTO many SELECT i, i % 1000, CASE WHEN i % 4 > 0 THEN 'name ' || i END FROM generate_series(0, 59999) i;
CREATE INDEX ON many (at);
SELECT powertree_create('many', at => 'at', "values" => '{x}', leaf => '3');
CALL powertree_compact('many');
ANALYZE many;
SET work_mem = '1MB';
SET hash_mem_multiplier = 1;
CREATE FUNCTION batches(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, COSTS off, TIMING off) ' || query INTO plan;
    RETURN coalesce(jsonb_path_query_first(plan, '$.** ? (@."Answered From" == "tree")."Batches"'), '0')::int;
END $$;
SELECT batches('SELECT at / 6, (array_agg(who ORDER BY at))[1], (array_agg(x ORDER BY at DESC) FILTER (WHERE at > 59000))[1] FROM many GROUP BY 1') > 1 AS in_batches;
CREATE TABLE found AS SELECT at / 6 AS k, (array_agg(who ORDER BY at))[1] AS first, (array_agg(x ORDER BY at DESC) FILTER (WHERE at > 59000))[1] AS last FROM many GROUP BY 1;
SET pg_tally.answer_from_trees = off;
RESET work_mem;
RESET hash_mem_multiplier;
CREATE TABLE expected AS SELECT at / 6 AS k, (array_agg(who ORDER BY at))[1] AS first, (array_agg(x ORDER BY at DESC) FILTER (WHERE at > 59000))[1] AS last FROM many GROUP BY 1;
SELECT (SELECT count(*) FROM found) AS groups, (SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE found) d) AS missing, (SELECT count(*) FROM (TABLE found EXCEPT ALL TABLE expected) d) AS wrong;
DROP TABLE many, found, expected;
DROP FUNCTION batches;
DROP TABLE bars, parts, questions;
DROP FUNCTION look, plan_of;
