-- More groups than fit into memory: they are spilled, and each query has the same rows from the tree as from the table, or fails with
-- the same SQLSTATE.
\set ECHO errors
SET client_min_messages = warning;
LOAD 'pg_tally';
SET seq_page_cost = 1000;
SET random_page_cost = 1000;
SET max_parallel_workers_per_gather = 0;
SET timezone = 'UTC';
SET work_mem = '256kB';
SET hash_mem_multiplier = 1;
CREATE TABLE rows (s text NOT NULL, at timestamptz NOT NULL, n int, big bigint, d numeric(12, 2), x float8);
INSERT INTO rows SELECT 'series ' || s, '2026-01-01Z'::timestamptz + i * interval '30 minutes', CASE WHEN (i + s) % 7 > 0 THEN i % 1000 END, i * 1000003::bigint, (i * s) / 100.0, i / 8.0
FROM generate_series(1, 40) s, generate_series(0, 599) i;
CREATE INDEX ON rows (s, at);
SELECT powertree_create('rows', at => 'at', "values" => '{n,big,d,x}', series => '{s}', leaf => '1 hour');
CALL powertree_compact();
-- What other tests have left there counts for the length of the log.
VACUUM powertree_log;
INSERT INTO rows SELECT 'late', '2026-01-01Z'::timestamptz + i * interval '1 hour', i, i, i, i FROM generate_series(1, 300) i;
UPDATE rows SET n = n + 1 WHERE at BETWEEN '2026-01-02Z' AND '2026-01-02 12:10Z';
ANALYZE rows;
CREATE FUNCTION outcome(query text, answer text, OUT v text[], OUT failure text, OUT batches int) LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    PERFORM set_config('pg_tally.answer_from_trees', answer, true);
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        batches := coalesce(batches, CASE WHEN line ~ 'Answered From: tree' THEN 1 WHEN line ~ 'Answered From: table' THEN 0 END);
        batches := CASE WHEN line ~ 'Batches: ' AND batches = 1 THEN substring(line FROM 'Batches: (\d+)')::int ELSE batches END;
    END LOOP;
    EXECUTE format('SELECT array_agg(q::text ORDER BY q::text COLLATE "C") FROM (SELECT * FROM (%s) _ OFFSET 0) q', query) INTO v;
EXCEPTION WHEN data_exception THEN
    failure := SQLSTATE;
END $$;
CREATE TABLE questions (number int GENERATED ALWAYS AS IDENTITY, template text);
INSERT INTO questions (template) VALUES
    ('SELECT s, date_trunc(''hour'', at) AS h, count(*), sum(n), max(big) FROM rows GROUP BY 1, 2'),
    ('SELECT date_trunc(''hour'', at) AS h, upper(s) AS u, avg(n), sum(d), min(d), var_pop(n) FROM rows GROUP BY 1, 2'),
    ('SELECT s, date_trunc(''hour'', at) AS h, count(*) FILTER (WHERE s < ''series 3'') AS f, sum(n) FILTER (WHERE extract(hour FROM at) > 5) AS g, max(at) FROM rows GROUP BY 1, 2'),
    ('SELECT s, date_trunc(''hour'', at) AS h, min(at), count(DISTINCT at::date), max(s || ''!''), sum(CASE WHEN s = ''series 7'' THEN n ELSE 1 END) FROM rows GROUP BY 1, 2'),
    ('SELECT s, date_trunc(''hour'', at) AS h, grouping(s, date_trunc(''hour'', at)), count(*), sum(d) FROM rows GROUP BY CUBE (s, date_trunc(''hour'', at))'),
    ('SELECT s, date_trunc(''hour'', at) AS h, sum(n) FROM rows GROUP BY ROLLUP (s, date_trunc(''hour'', at)) HAVING count(*) > 1 AND sum(n) > 300'),
    ('SELECT DISTINCT s, date_trunc(''hour'', at) AS h FROM rows'),
    ('SELECT s, date_trunc(''hour'', at) AS h, sum(n) FROM rows GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 7 OFFSET 5000'),
    ('SELECT h::date AS day, count(*), sum(c) FROM (SELECT s, date_trunc(''hour'', at) AS h, count(*) AS c FROM rows GROUP BY 1, 2) q GROUP BY 1'),
    -- The rows are asked for again, with and without another parameter.
    ('SELECT k, (SELECT count(*) FROM (SELECT s, date_trunc(''hour'', at) AS h, count(*) AS c FROM rows WHERE at > ''2026-01-01Z''::timestamptz + k * interval ''1 day'' GROUP BY 1, 2) q) AS groups FROM generate_series(0, 3) k'),
    -- Errors; what the table must answer; keys for which there is no memory, since each depends on series and time.
    ('SELECT s, date_trunc(''hour'', at) AS h, 1 / (count(*) - 1) AS fails FROM rows GROUP BY 1, 2'),
    ('SELECT s, date_trunc(''hour'', at) AS h, max(big * 0 + 9007199254740993) FROM rows GROUP BY 1, 2'),
    ('SELECT s || extract(epoch FROM date_trunc(''hour'', at)) AS both, count(*) FROM rows GROUP BY 1');
CREATE TABLE results AS
SELECT q.*, e.v AS expected, e.failure AS expected_failure, t.v AS found, t.failure, t.batches
FROM questions q, LATERAL outcome(template, 'off') e, LATERAL outcome(template, 'on') t;
-- What differs; but nothing may.
SELECT template, failure, expected_failure FROM results WHERE (expected, expected_failure) IS DISTINCT FROM (found, failure) ORDER BY number;
SELECT number, coalesce(failure, CASE WHEN batches > 1 THEN 'spilled' WHEN batches = 1 THEN 'in memory' ELSE 'table' END) AS place FROM results ORDER BY number;
SET pg_tally.answer_from_trees = on;
-- A loop around the groups reads them again; a cursor stops halfway.
SET enable_material = off;
SELECT k, count(*), sum(c) FROM generate_series(1, 3) k LEFT JOIN (SELECT s, date_trunc('hour', at) AS h, count(*) AS c FROM rows GROUP BY 1, 2 OFFSET 0) q ON k > 0 GROUP BY 1 ORDER BY 1;
BEGIN;
DECLARE groups CURSOR FOR SELECT s, date_trunc('hour', at) AS h, count(*) AS c FROM rows GROUP BY 1, 2;
MOVE 3000 FROM groups;
SAVEPOINT before;
DELETE FROM rows;
ROLLBACK TO before;
MOVE 9000 FROM groups;
CLOSE groups;
COMMIT;
-- A limit of temporary files holds for them too, and none is left behind by any of the queries.
\set VERBOSITY sqlstate
SET temp_file_limit = '64kB';
SELECT count(*) FROM (SELECT s, date_trunc('hour', at) AS h, avg(n) AS a, sum(d) AS b FROM rows GROUP BY 1, 2 OFFSET 0) q;
RESET temp_file_limit;
\set VERBOSITY terse
SELECT count(*) AS files FROM pg_ls_tmpdir() WHERE name LIKE 'pgsql_tmp' || pg_backend_pid() || '%';
-- A row of a late group that only the table can answer exactly: no group is handed out before.
INSERT INTO rows VALUES ('series 9', '2026-01-21 05:00Z', 1, 9007199254740993, 1, 1);
SELECT max(m) FROM (SELECT s, date_trunc('hour', at) AS h, max(big) AS m FROM rows GROUP BY 1, 2) q;
DROP TABLE rows, questions, results;
DROP FUNCTION outcome;
