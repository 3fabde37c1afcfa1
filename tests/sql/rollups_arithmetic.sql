-- Arithmetic on values in arguments of aggregates: multiples, sums and differences follow from the tallies of the values. Each query is
-- answered from the tree as from the table, to the byte, or fails with the same SQLSTATE.
\set ECHO errors
SET client_min_messages = warning;
LOAD 'pg_tally';
SET seq_page_cost = 1000;
SET timezone = 'Europe/Berlin';
CREATE TABLE rows (g text NOT NULL, kind int NOT NULL, at timestamptz NOT NULL, i2 smallint, i4 int, i8 bigint, f4 real, f8 float8, n numeric(10, 2), m numeric(12, 3), part int, plain numeric);
INSERT INTO rows SELECT 'g' || i % 4, i % 3, '2026-03-27Z'::timestamptz + i * interval '7 minutes', i % 200 - 100, CASE WHEN i % 4 > 0 THEN i END, i * 1000000007::bigint, i / 4.0, i / 8.0,
    i / 100.0 - 7, i / 1000.0, CASE WHEN i % 5 > 0 THEN i END, i FROM generate_series(1, 2000) i;
INSERT INTO rows (g, kind, at) SELECT 'null', 1, '2026-03-28Z'::timestamptz + i * interval '1 hour' FROM generate_series(1, 9) i;
INSERT INTO rows (g, kind, at, i2, i4, i8, f8, n) SELECT 'large', 2, '2026-03-28Z'::timestamptz + i * interval '1 hour', 32767, 2147483647, 9007199254740993, 1e300, 99999999.99 FROM generate_series(1, 9) i;
INSERT INTO rows (g, kind, at, i4, f8) SELECT 'odd', i % 3, '2026-03-28Z'::timestamptz + i * interval '1 hour', 0, (ARRAY['NaN', 'Infinity', '-Infinity', '0'])[1 + i % 4]::float8 FROM generate_series(1, 9) i;
SELECT powertree_create('rows', at => 'at', "values" => '{i2,i4,i8,f4,f8,n,m,part}', series => '{g,kind}', leaf => '30 minutes');
CALL powertree_compact();
INSERT INTO rows VALUES ('new', 7, '2026-03-29 00:30Z', 1, 1, 1, 1, 1, 1, 1, 1);
UPDATE rows SET i4 = i4 + 1 WHERE at BETWEEN '2026-03-27Z' AND '2026-03-28 02:10Z' AND g <> 'large';
CREATE TABLE kinds (kind int, name text, factor numeric, weight float8);
INSERT INTO kinds VALUES (0, 'none', 0, 0), (1, 'one', 1.25, 0.5), (2, 'two', -2, 4), (2, 'again', 0.001, NULL), (9, 'nobody', 9, 9);
ANALYZE;

\i sql/include/outcome.sql
CREATE TABLE arguments (aggregates text, argument text, is_answered boolean);
INSERT INTO arguments SELECT 'sum,avg', a, true FROM unnest(ARRAY[
    'i4 * 2', '2 * i4', '-i4', 'i4 + 1', '7 - i4', 'i2 * 3::smallint', 'i2 - i4', 'i8 * 2', 'i8 - 5', '-i8', 'i8 - 1000000007', 'i4 * 2.5', 'n * 1.19', 'n - m', 'n + m * 2', '-n', 'n + 1', '(n - 1.005) * 0.1',
    'i2 - n', 'f8 * 8', 'f8 / 4', '-f8', 'f8 + 0.5', '1000 - f8', 'f8 - f4', 'f4 * 2', '-f4', 'f4 / 8::float8', 'i2 / 4.0::float8', '(f8 - 32) * 0.25', 'i2 * kind', 'n * extract(hour FROM at)', 'f8 * (kind - 1)',
    'coalesce(i4, 0) * 2', 'coalesce(i4 * 2, 7)', 'coalesce(i4, 0) + coalesce(part, 0)', 'coalesce(n * 2, 0.125)', 'CASE WHEN kind = 1 THEN i4 * 2 ELSE 0 END', 'CASE kind WHEN 1 THEN i4 WHEN 2 THEN -i4 END', '(i4 * 2)::bigint', '(i4 * 2)::numeric',
    'i2 * NULL::int', 'i4 * 0', 'f8 * 0', '(i2 * 2 + 1) * 3', 'i4 - i4',
    -- Quotients that are exact, and of which the longest is known.
    'i4 / 100.0', 'i2 / 100.0', 'i8 / 1000.0', 'i4::numeric / -8', 'i4 / 0.25', 'i4 / 1e3', 'i8 / 0.0001', 'coalesce(i4, 0) / 100.0', 'i4 / 100.0 * 1.19', 'i4 / 100.0 - n', 'i4 / (kind + 1.25 * (1 - kind) * (2 - kind) / 2)', 'i2 / 100.0 + i8 / 1000.0', 'CASE WHEN kind = 1 THEN i4 / 100.0 END',
    -- Whether a value is NULL.
    'CASE WHEN i4 IS NULL THEN 1 ELSE 0 END', 'CASE WHEN i4 IS NOT NULL THEN 1.5 END', 'CASE WHEN n IS NULL THEN 0 ELSE n END', 'CASE WHEN part IS NOT NULL THEN kind ELSE part END']) a;
INSERT INTO arguments SELECT 'min,max,variance,stddev_pop,tally', a, true FROM unnest(ARRAY['i4 * 2', '-i4', 'i4 + 1', '7 - i4', 'i2 * 3::smallint', '(i4 - 3) * -2', 'f8 * 8', 'f8 / -4', '1000 - f8', 'f4 * 2', 'i8 * 2']) a;
INSERT INTO arguments SELECT 'min,max,count', a, true FROM unnest(ARRAY['i8::float8', 'n::float8', 'm::float8']) a;
INSERT INTO arguments VALUES ('sum,avg', 'i8::float8', true), ('sum', 'n::float8', false), ('stddev', 'm::float8', false), ('tally', 'n::float8', false);
INSERT INTO arguments SELECT 'variance,stddev_pop', a, true FROM unnest(ARRAY['n * 1.5', '-n', 'm * 0.1']) a;
INSERT INTO arguments VALUES ('count', 'i4 * 2', true), ('count', 'f8 - f4', true), ('count', 'CASE WHEN i4 IS NULL THEN ''x'' END', true), ('sum', 'i4 * 1000000', true), ('sum', 'i2 * 300::smallint', true), ('sum', 'f8 / kind', true), ('sum', 'f8 / nullif(kind, 0)', true), ('count', 'f8 * 1e308', true), ('count', 'i4 * 1000000000', true);
-- Why not.
INSERT INTO arguments VALUES ('sum', 'i4 * i2', false), ('sum', 'i2 * n * 0', false), ('sum', 'i4 / 2', false), ('sum', 'n / 3', false), ('sum', 'n / 100', false), ('sum', 'i4 / 3.0', false), ('sum', 'i8 / 1024.0', false), ('sum', 'i2 / 10.0', false), ('sum', 'i4 / (kind * 0.5)', false), ('sum', '(i4 - i2) / 100.0', false), ('variance', 'i4 / 100.0', false), ('max', 'i4 / 100.0', false), ('sum', 'i4 / ''NaN''::numeric', false),
    ('sum', 'f4 * 2::real', false), ('sum', 'abs(i4)', false), ('sum', 'plain * 2', false), ('max', 'n * 2', false), ('max', 'f8 - f4', false),
    ('variance', 'n + 1', false), ('sum', 'n * 1.1 * 1.1 * 1.1', false), ('tally', 'f8 - f4', false), ('sum', 'DISTINCT i4 * 2', false), ('sum', 'CASE WHEN i4 IS NULL THEN n ELSE 1 END', false), ('sum', 'CASE WHEN i4 > 5 THEN 1 ELSE 0 END', false);
CREATE TABLE results AS
SELECT aggregate, argument, is_answered, query, e.v AS expected, e.failure AS expected_failure, t.v AS found, t.failure, t.tree,
    CASE WHEN form = 1 AND NOT (t.tree AND is_answered) THEN (SELECT reason FROM powertree_explain(query) LIMIT 1) END AS reason
FROM arguments, LATERAL string_to_table(aggregates, ',') aggregate,
    unnest(ARRAY['SELECT g, %s FROM rows WHERE g LIKE ''g_'' GROUP BY g', 'SELECT date_trunc(''day'', at), kind, %s FROM rows WHERE g <> ALL (''{odd,large}'') GROUP BY 1, 2', 'SELECT %s FROM rows WHERE g = ''nobody''',
        'SELECT g, %s FROM rows WHERE g = ''large'' GROUP BY g', 'SELECT kind, %s FROM rows WHERE g = ''odd'' GROUP BY 1', 'SELECT name, %s FROM kinds LEFT JOIN rows ON rows.kind = kinds.kind AND g LIKE ''g_'' GROUP BY 1']) WITH ORDINALITY forms(template, form),
    LATERAL (SELECT format('%s(%s)%s', aggregate, argument, CASE WHEN form = 2 THEN ' FILTER (WHERE g <> ''g1'')' ELSE '' END) AS call) c,
    LATERAL (SELECT format(template, CASE WHEN aggregate = 'tally' THEN format('num_vals(%1$s), sum(%1$s), max(%1$s)', call) WHEN aggregate ~ 'var|stddev' AND argument ~ 'f[48]' THEN format('round(%s::numeric, 6)', call) ELSE call END) AS query) q,
    LATERAL outcome(query, 'off') e, LATERAL outcome(query, 'on') t
WHERE form < 6 OR argument !~ 'kind';
\echo Queries with another answer:
SELECT query, expected, expected_failure, found, failure FROM results WHERE (found, failure) IS DISTINCT FROM (expected, expected_failure);
\echo Arguments answered otherwise than expected:
SELECT argument, string_agg(DISTINCT aggregate, ',' ORDER BY aggregate) AS aggregates, min(reason) FROM results WHERE query ~ 'LIKE ''g_'' GROUP BY g' AND failure IS NULL AND tree <> is_answered GROUP BY argument ORDER BY argument COLLATE "C";
\echo Why not:
SELECT aggregate, argument, min(reason) FROM results WHERE NOT is_answered GROUP BY 1, 2 ORDER BY 1, argument COLLATE "C";
\echo Errors:
SELECT failure, string_agg(DISTINCT argument, ', ' ORDER BY argument) FROM results WHERE failure IS NOT NULL GROUP BY 1;
\echo Factors of joined rows:
SET pg_tally.answer_from_trees = on;
SELECT name, sum(n * factor), sum(f8 * weight), avg(i4 * factor), sum(i2 + factor) FROM rows JOIN kinds USING (kind) WHERE g LIKE 'g_' GROUP BY 1 ORDER BY 1;
SET pg_tally.answer_from_trees = off;
SELECT name, sum(n * factor), sum(f8 * weight), avg(i4 * factor), sum(i2 + factor) FROM rows JOIN kinds USING (kind) WHERE g LIKE 'g_' GROUP BY 1 ORDER BY 1;
\echo Reasons that are known when it runs:
SET pg_tally.answer_from_trees = on;
CREATE FUNCTION reason(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        IF line ~ 'Reason:' THEN
            RETURN trim(line);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
SELECT argument, reason(format('SELECT g, sum(%s) FROM rows WHERE g <> ''large'' GROUP BY g', argument)) FROM unnest(ARRAY['i4 + part', 'f8 * 2', 'coalesce(i4, 0) + part']) argument;
DROP TABLE results, arguments, kinds, rows;
DROP FUNCTION outcome, reason;
