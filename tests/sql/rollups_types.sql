-- Values of domains, enums, padded and varying text, and arrays, as series, keys, results, and what is joined: a tree answers as the table does.
SET client_min_messages = warning;
LOAD 'pg_tally';
SET max_parallel_workers_per_gather = 0;
SET seq_page_cost = 1000;
SET random_page_cost = 1000;
SET timezone = 'UTC';
CREATE DOMAIN label AS varchar(20) CHECK (value <> '');
CREATE TYPE mood AS ENUM ('good', 'bad', 'ugly');
CREATE TABLE typed (l label NOT NULL, m mood NOT NULL, b char(4) NOT NULL, v varchar(9) NOT NULL, at timestamptz NOT NULL, n int, note varchar, tags label[]);
CREATE INDEX ON typed (l, m, b, v, at);
INSERT INTO typed SELECT 'l' || i % 3, (ARRAY['good', 'bad', 'ugly'])[1 + i % 3]::mood, 'b' || i % 2, 'v' || i % 2,
    '2026-01-01Z'::timestamptz + i * interval '97 s', i, 'note ' || i, ARRAY['t' || i]::label[] FROM generate_series(0, 5999) i;
SELECT powertree_create('typed', at => 'at', "values" => '{n}', series => '{l,m,b,v}', leaf => '30 minutes');
CALL powertree_compact();
CREATE TABLE named (l label, m mood, v varchar(9), title text);
INSERT INTO named VALUES ('l0', 'good', 'v0', 'x'), ('l1', 'bad', 'v1', 'y');
ANALYZE typed, named;
-- Who answers, and whether the answers are the same.
CREATE FUNCTION compared(query text, OUT giver text, OUT is_same boolean) LANGUAGE plpgsql AS $$
DECLARE
    text_of text := 'SELECT string_agg(q::text, '' '' ORDER BY q::text COLLATE "C") FROM (' || query || ') q';
    line text;
    by_tree text;
    by_table text;
BEGIN
    PERFORM set_config('pg_tally.answer_from_trees', 'on', true);
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || query LOOP
        giver := coalesce(giver, substring(line FROM 'Answered From: (.*)'));
    END LOOP;
    EXECUTE text_of INTO by_tree;
    PERFORM set_config('pg_tally.answer_from_trees', 'off', true);
    EXECUTE text_of INTO by_table;
    is_same := by_tree = by_table;
END $$;
SELECT n, c.* FROM unnest(ARRAY[
    'SELECT l, count(*), sum(n) FROM typed GROUP BY l',
    'SELECT m, b, count(*), sum(n) FROM typed GROUP BY m, b',
    'SELECT v, ARRAY[b, b], date_trunc(''day'', at), count(*) FROM typed GROUP BY 1, 2, 3',
    'SELECT at::date, min(m), max(ARRAY[v, l]::text[]), min(v), max(l), min(b), count(DISTINCT m), count(DISTINCT v), count(DISTINCT l) FROM typed GROUP BY 1',
    'SELECT l, max(at), min(at), count(*) FROM typed WHERE l = ''l1'' GROUP BY l',
    'SELECT upper(l), count(*) FROM typed WHERE v IN (''v0'', ''v3'') AND m = ANY(ARRAY[''good'', ''bad'']::mood[]) GROUP BY 1',
    'SELECT title, count(*), sum(n) FROM typed JOIN named USING (l) GROUP BY title',
    'SELECT title, count(*), sum(n) FROM typed JOIN named USING (m) GROUP BY title',
    'SELECT title, count(*), sum(n) FROM typed LEFT JOIN named ON typed.v = named.v GROUP BY title',
    'SELECT named.l, named.m, count(*), sum(n) FROM typed JOIN named ON typed.v = named.v GROUP BY 1, 2',
    'SELECT GROUPING(l, m), l, m, count(*) FROM typed GROUP BY CUBE (l, m)',
    'SELECT DISTINCT l, v FROM typed',
    'SELECT l, m, (array_agg(note ORDER BY at DESC))[1], (array_agg(m ORDER BY at))[1], count(*) FROM typed GROUP BY l, m',
    'SELECT DISTINCT ON (l) l, b, note, tags FROM typed ORDER BY l, at DESC'
]) WITH ORDINALITY q(query, n), compared(query) c ORDER BY n;
DROP TABLE typed, named;
DROP FUNCTION compared;
DROP TYPE mood;
DROP DOMAIN label CASCADE;
