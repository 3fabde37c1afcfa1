-- Aggregates whose arguments are more than a column: what series and time decide is evaluated once for each cell, and stands for
-- all of its rows. Each query is answered from the tree as from the table, to the byte, or fails with the same SQLSTATE.
\set ECHO errors
SET client_min_messages = warning;
LOAD 'pg_tally';
SET seq_page_cost = 1000;
SET timezone = 'Europe/Berlin';
CREATE TYPE mood AS ENUM ('sad', 'calm', 'happy');
CREATE TABLE rows (g text NOT NULL, kind int NOT NULL, m mood NOT NULL, at timestamptz NOT NULL, i4 int, i8 bigint, f8 float8, f4 float4, n2 numeric(10, 2), plain numeric,
    product float8 GENERATED ALWAYS AS (f8 * i4) STORED, doubled bigint GENERATED ALWAYS AS (i8 + i8) STORED);
INSERT INTO rows SELECT 'g' || i % 4, i % 3, (ARRAY['sad', 'calm', 'happy'])[1 + i % 3]::mood, '2026-03-27Z'::timestamptz + i * interval '7 minutes',
    CASE WHEN i % 5 > 0 THEN i END, CASE WHEN i % 6 > 0 THEN i * 1000000007::bigint END, CASE WHEN i % 7 > 0 THEN i / 8.0 END, CASE WHEN i % 4 > 0 THEN i / 4.0 END,
    CASE WHEN i % 3 > 0 THEN i / 100.0 END, i FROM generate_series(1, 2000) i;
-- Nothing but NULL, and zeros of both signs.
INSERT INTO rows SELECT 'null', 1, 'calm', '2026-03-28Z'::timestamptz + i * interval '1 hour' FROM generate_series(1, 9) i;
INSERT INTO rows (g, kind, m, at, f8) SELECT 'zero', 2, 'sad', '2026-03-28Z'::timestamptz + i * interval '1 hour', '-0' FROM generate_series(1, 9) i;
SELECT powertree_create('rows', at => 'at', "values" => '{i4,i8,f8,f4,n2,plain,product,doubled}', series => '{g,kind,m}', leaf => '30 minutes');
CALL powertree_compact();
INSERT INTO rows VALUES ('new', 7, 'happy', '2026-03-29 00:30Z', 1, 1, 1, 1, 1, 1);
UPDATE rows SET i4 = i4 + 1 WHERE at BETWEEN '2026-03-28Z' AND '2026-03-28 02:10Z';

\i sql/include/outcome.sql
CREATE TABLE arguments (aggregate text, argument text);
INSERT INTO arguments SELECT f, a FROM unnest('{sum,avg,min,max,count,var_pop,stddev}'::text[]) f, unnest(ARRAY[
    -- Numbers that are the same for all rows of a cell.
    '1', '1.50', '2.5::float8', 'NULL::int', 'kind', 'kind * 0.10', 'length(g)', 'extract(hour FROM at)', 'extract(dow FROM at)::int', 'CASE WHEN g = ''g1'' THEN 1 ELSE 0 END',
    'CASE WHEN g = ''g1'' THEN 1.5 WHEN kind = 2 THEN 0.125 END', 'CASE g WHEN ''g1'' THEN 1 WHEN ''g2'' THEN 2::bigint END', '(extract(hour FROM at) > 8)::int', 'kind::real / 3',
    -- Columns, chosen by series and time.
    'CASE WHEN g = ''g1'' THEN i4 END', 'CASE WHEN g = ''g1'' THEN i4 ELSE 0 END', 'CASE WHEN kind = 1 THEN i8 WHEN kind = 2 THEN i4 ELSE 7 END', 'CASE m WHEN ''sad'' THEN f8 WHEN ''calm'' THEN f4 END',
    'CASE WHEN extract(hour FROM at) BETWEEN 9 AND 16 THEN f8 ELSE 0 END', 'CASE WHEN g = ''g3'' THEN n2 END', 'CASE WHEN g = ''g3'' THEN n2 ELSE 0 END', 'CASE WHEN g = ''g3'' THEN n2 ELSE 0.125 END',
    'CASE WHEN at >= ''2026-03-29 02:30+02'' THEN n2 ELSE i4 END', '(CASE WHEN kind = 0 THEN i4 ELSE 1 END)::numeric', 'CASE WHEN g = ''g1'' THEN plain ELSE 0 END',
    -- Columns with something in place of NULL.
    'coalesce(i4, 0)', 'coalesce(i8, kind)', 'coalesce(f8, 0.5)', 'coalesce(n2, 0)', 'coalesce(n2, 0.125)', 'coalesce(i4, extract(hour FROM at)::int)', 'coalesce(i4, NULL)',
    'CASE WHEN g = ''g2'' THEN coalesce(i4, -1) ELSE coalesce(i4, kind) END',
    -- Casts that may round.
    'i8::double precision', 'n2::double precision', 'abs(n2)::double precision', 'i8::real',
    -- Expressions of which a stored column has the values; and others.
    'f8 * i4', 'i8 + i8', 'CASE WHEN kind = 1 THEN i8 + i8 ELSE 0 END', 'coalesce(f8 * i4, 0)', 'i4 * f8', 'i8 + i4']) a;
INSERT INTO arguments VALUES ('count', '*'), ('count', 'DISTINCT g'), ('count', 'DISTINCT m'), ('count', 'DISTINCT date_trunc(''day'', at)'), ('count', 'DISTINCT at::date'), ('count', 'DISTINCT CASE WHEN kind = 1 THEN g END'),
    ('count', 'DISTINCT lower(g) || kind'), ('count', 'DISTINCT (g, kind)'), ('count', 'DISTINCT (kind, at::date, ROW(g, NULL::int))'), ('count', 'DISTINCT ROW(NULL::text, NULL::int)'), ('count', 'DISTINCT (kind * 1.0, upper(g) COLLATE "C")'), ('count', 'DISTINCT (kind, ''{}''::json)'), ('count', 'DISTINCT NULL::text'), ('count', 'DISTINCT kind * 0.5'), ('min', 'g'), ('max', 'g'), ('max', 'upper(g) COLLATE "C"'), ('min', 'm'), ('max', 'm'),
    ('min', 'at'), ('max', 'at'), ('min', 'DISTINCT at'), ('min', 'at::date'), ('max', 'date_trunc(''hour'', at)'), ('max', 'date_trunc(''hour'', at AT TIME ZONE ''UTC'')'), ('max', 'to_char(at, ''HH24'')'), ('max', 'DISTINCT kind'), ('bool_and', 'kind = 1'), ('bool_or', 'm = ''calm'''), ('every', 'g <> ''g1'''),
    ('tally', 'CASE WHEN g = ''g1'' THEN f8 END'), ('tally', 'CASE WHEN g = ''g1'' THEN i8 ELSE 3 END'), ('sum', 'CASE WHEN g = ''none'' THEN 1 / 0 ELSE kind END'), ('sum', 'CASE WHEN g = ''g1'' THEN 1 / (kind - 1) END'), ('sum', '1 / (kind - 1)'),
    ('count', 'at'), ('count', 'g'), ('count', '1'), ('max', 'kind * 1.10');
-- Floating-point results are equal but for the rounding of PostgreSQL's own sums, and tallies as what they report.
CREATE TABLE results AS
SELECT a.*, template, query, e.v AS expected, e.failure AS expected_failure, t.v AS found, t.failure, t.tree
FROM arguments a, (VALUES ('SELECT %s FROM rows WHERE at < ''2026-04-01''', ''), ('SELECT g, %s FROM rows GROUP BY g', ''), ('SELECT %s, count(*) FROM rows WHERE g = ''nobody''', ''),
        ('SELECT date_trunc(''day'', at), %s FROM rows GROUP BY 1', ' FILTER (WHERE kind > 0)'), ('SELECT kind, %s FROM rows GROUP BY 1 HAVING count(*) > 100', '')) forms(template, filter),
    LATERAL (SELECT format('%s(%s)%s', aggregate, argument, filter) AS plain) p,
    LATERAL (SELECT format(template, CASE WHEN aggregate = 'tally' THEN format('num_vals(%1$s), sum(%1$s), max(%1$s)', plain)
        WHEN aggregate <> 'count' AND argument ~ 'f8|f4|real|double' THEN format('round(%s::numeric, %s)', plain, CASE aggregate WHEN 'var_pop' THEN 2 ELSE 9 END) ELSE plain END) AS query) q,
    LATERAL outcome(query, 'off') e, LATERAL outcome(query, 'on') t;
-- What differs; but nothing may.
SELECT query, expected, expected_failure, found, failure FROM results WHERE expected IS DISTINCT FROM found OR failure IS DISTINCT FROM expected_failure ORDER BY query LIMIT 20;
SELECT count(*) > 1000 AS many, count(*) FILTER (WHERE tree) * 10 > count(*) * 8 AS mostly_from_the_tree, count(expected_failure) AS failures FROM results;
-- What only the table can answer, in some or in all queries.
SELECT aggregate, argument, bool_or(tree) AS sometimes_from_the_tree FROM results WHERE failure IS NULL GROUP BY 1, 2 HAVING NOT bool_and(tree) ORDER BY 1, 2;
-- Parameters are constants of one execution; the same plan has another answer with others.
SET plan_cache_mode = force_generic_plan;
SET pg_tally.answer_from_trees = on;
PREPARE chosen(text, int) AS SELECT sum(CASE WHEN g = $1 THEN i4 ELSE $2 END), sum($2), max($1 || g), count(DISTINCT g = $1) FROM rows;
EXECUTE chosen('g1', 0);
EXECUTE chosen('g2', -1);
EXECUTE chosen(NULL, NULL);
SET pg_tally.answer_from_trees = off;
DISCARD PLANS;
EXECUTE chosen('g1', 0);
EXECUTE chosen('g2', -1);
EXECUTE chosen(NULL, NULL);
-- Exact answers leave out sums of floating-point numbers only.
SET pg_tally.answer_from_trees = exact;
SET pg_tally.tree_notices = on;
SET client_min_messages = notice;
SELECT count(CASE WHEN g = 'g1' THEN f8 END) > 0 AS counted, max(kind * 0.5::float8) FROM rows;
SELECT round(sum(CASE WHEN g = 'g1' THEN f8 ELSE 0 END)) > 0 AS summed FROM rows;
SELECT count(DISTINCT f8) > 0 AS values, sum(i4 * kind) > 0 AS products FROM rows;
RESET pg_tally.tree_notices;
DROP TABLE rows, arguments, results;
DROP FUNCTION outcome;
DROP TYPE mood;
