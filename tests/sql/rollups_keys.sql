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
