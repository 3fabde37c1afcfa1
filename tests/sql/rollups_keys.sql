-- Keys that are equal, but displayed in different ways: each group shows a key as one of its own rows has it.
SET client_min_messages = warning;
LOAD 'pg_tally';
SET seq_page_cost = 1e6;
SET timezone = 'UTC';
CREATE TABLE rows (s text NOT NULL, at timestamptz NOT NULL, n int);
-- One series a day, and on the last day two of which the keys differ.
INSERT INTO rows SELECT chr(97 + i / 48 % 3), '2026-01-01Z'::timestamptz + i * interval '30 minutes', i FROM generate_series(0, 287) i;
INSERT INTO rows SELECT 'd', at, n FROM rows WHERE at >= '2026-01-06Z';
SELECT powertree_create('rows', at => 'at', "values" => '{n}', series => '{s}', leaf => '1 hour');
CALL powertree_compact();
CREATE FUNCTION shown(answer text) RETURNS TABLE (key numeric, day date, count bigint, tree boolean) LANGUAGE plpgsql AS $$
DECLARE
    line text;
    query text := 'SELECT CASE s WHEN ''a'' THEN 1 WHEN ''b'' THEN 1.0 WHEN ''c'' THEN 1.00 ELSE 2 END, at::date, count(*), false FROM rows GROUP BY 1, 2';
BEGIN
    PERFORM set_config('pg_tally.answer_from_trees', answer, true);
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        tree := coalesce(tree, false) OR line ~ 'Answered From: tree';
    END LOOP;
    RETURN QUERY EXECUTE 'SELECT a, b, c, $1 FROM (' || query || ') q(a, b, c, d) ORDER BY 2, 1' USING tree;
END $$;
SELECT * FROM shown('on');
SELECT * FROM shown('off');
DROP TABLE rows;
DROP FUNCTION shown;
-- Few of the combinations of series and hours have a group: each series has rows on a day of its own, and once more weeks later.
CREATE TABLE rows (s int NOT NULL, at timestamptz NOT NULL, n int);
INSERT INTO rows SELECT s, '2026-01-01Z'::timestamptz + (s * 24 + i + 1000 * late) * interval '1 hour', i
FROM generate_series(1, 30) s, generate_series(0, 23) i, generate_series(0, 1) late;
SELECT powertree_create('rows', at => 'at', "values" => '{n}', series => '{s}', leaf => '1 hour');
CALL powertree_compact();
\set query 'SELECT s, s % 7 AS seventh, date_trunc(''hour'', at) AS hour, sum(n), count(*) FROM rows GROUP BY GROUPING SETS ((1, 3), (2, 3), (1, 2, 3))'
SET pg_tally.answer_from_trees = on;
CREATE TEMP TABLE of_tree AS :query;
SET pg_tally.answer_from_trees = off;
SELECT count(*) FROM of_tree;
(:query EXCEPT ALL TABLE of_tree) UNION ALL (TABLE of_tree EXCEPT ALL :query);
SET pg_tally.answer_from_trees = on;
SELECT answers FROM powertree_explain(:'query');
DROP TABLE of_tree, rows;
-- Keys without a column are the same for all rows; so are the conditions, filters and arguments that they are a part of.
CREATE TABLE rows (s int NOT NULL, at timestamptz NOT NULL, n int);
INSERT INTO rows SELECT i % 3, '2026-01-01Z'::timestamptz + i * interval '1 hour', i FROM generate_series(0, 299) i;
SELECT powertree_create('rows', at => 'at', "values" => '{n}', series => '{s}', leaf => '1 hour');
CALL powertree_compact();
SET plan_cache_mode = force_generic_plan;
PREPARE parameter(int) AS SELECT $1 AS k, count(*), sum(n + $1), count(*) FILTER (WHERE s >= $1) FROM rows WHERE s = $1 GROUP BY $1;
SELECT q.query, e.answers, (SELECT sum(times) FROM powertree_verify(q.query)) AS differences
FROM (VALUES ('SELECT now(), count(*) FROM rows GROUP BY 1'),
    ('SELECT s, count(*), sum(n) FROM rows WHERE now() > ''2000-01-01'' GROUP BY s, now()'),
    ('SELECT date_trunc(''day'', at), count(*) FILTER (WHERE at < now()) FROM rows WHERE at < now() GROUP BY 1, now()'),
    ('SELECT now() - interval ''1 day'', s, max(n) FROM rows WHERE at < now() - interval ''1 day'' GROUP BY 1, 2 HAVING now() - interval ''1 day'' > ''2000-01-01'''),
    ('SELECT DISTINCT s, now() FROM rows WHERE now() > ''2000-01-01'''),
    ('SELECT s, now(), grouping(s) FROM rows WHERE now() > ''2000-01-01'' GROUP BY GROUPING SETS ((s), (s, now()))')) q(query), powertree_explain(q.query) e;
EXECUTE parameter(1);
SET pg_tally.answer_from_trees = off;
EXECUTE parameter(1);
RESET pg_tally.answer_from_trees;
RESET plan_cache_mode;
DROP TABLE rows;
