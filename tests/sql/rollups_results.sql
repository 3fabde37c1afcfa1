-- Every aggregate over every type: a power tree returns the digits that the table does, or lets the table answer. Sums of
-- floating-point numbers are correctly rounded, where PostgreSQL's own depend on the order of rows.
\set ECHO errors
SET client_min_messages = warning;
LOAD 'pg_tally';
-- Reading a few rows of a small table is cheaper than any tree.
SET seq_page_cost = 1000;
CREATE TABLE data (g text NOT NULL, at timestamptz NOT NULL, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n0 numeric(20), n2 numeric(12, 2), n10 numeric(30, 10), round numeric(4, -2), plain numeric);
CREATE FUNCTION put(name text, VARIADIC rows text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. cardinality(rows) LOOP
        EXECUTE format('INSERT INTO data (g, at, %s) SELECT %L, %L::timestamptz + %s * interval ''17 minutes'', %s',
            split_part(rows[i], ' = ', 1), name, '2026-01-01Z', i, split_part(rows[i], ' = ', 2));
    END LOOP;
END $$;
\o /dev/null
-- Each group is a set of values that some aggregate has got wrong somewhere.
SELECT put('none', VARIADIC array_fill('i4 = NULL'::text, '{5}')), put('one', 'i2, i4, i8, f4, f8, n0, n2, n10, round, plain = 7, -7, 7, 0.1, 0.1, 7, 0.10, 0.1, 700, 1.10'),
    put('same', VARIADIC array_fill('i2, i4, i8, f4, f8, n0, n2, n10, round, plain = 3, 3, 3, 0.75, 0.75, 3, 0.70, 0.7, 300, 0.70'::text, '{7}')),
    put('zeros', VARIADIC array_fill('i2, i4, i8, f4, f8, n0, n2, n10, round = 0, 0, 0, ''-0'', ''-0'', 0, 0, 0, 0'::text, '{3}')),
    put('plus zero', VARIADIC array_fill('f4, f8 = ''0'', ''0'''::text, '{3}')),
    put('cancelling', 'i2, i4, i8, f4, f8, n2, n10 = 5, 5, 5, 1.5, 1e300, 0.01, 0.0000000001', 'i2, i4, i8, f4, f8, n2, n10 = -5, -5, -5, -1.5, -1e300, -0.01, -0.0000000001'),
    put('ends of types', 'i2, i4, f4, f8 = 32767, 2147483647, 3.4028235e38, 1e154', 'i2, i4, f4, f8 = -32768, -2147483648, -3.4028235e38, 1'),
    put('below 2^53', 'i8, n0 = 9007199254740991, 1000000000000000', 'i8, n0 = -9007199254740991, -999999999999999', 'i8, n0 = 1, 1'),
    put('2^53', 'i8, n0 = 9007199254740992, 9007199254740992', 'i8, n0 = 9007199254740990, 9007199254740990'),
    put('above 2^53', 'i8, n0 = 9007199254740993, 9007199254740993', 'i8, n0 = 9007199254740995, 9007199254740995', 'i8, n0 = 5, 5'),
    put('ends of bigint', 'i8, n0 = 9223372036854775807, 99999999999999999999', 'i8, n0 = -9223372036854775808, -99999999999999999999', 'i8, n0 = 9223372036854775807, 1'),
    put('ends of numerics', 'n2, n10, round = 9999999999.99, 99999999999999999999.9999999999, 999900', 'n2, n10, round = -9999999999.99, -99999999999999999999.9999999999, -100', 'n2, n10 = 0.01, 0.0000000001'),
    put('NaN', 'f4, f8, n2, plain = ''NaN'', ''NaN'', ''NaN'', ''NaN''', 'f4, f8, n2, plain = 1, 1, 1, 1'),
    put('only NaN', 'f4, f8, n2, plain = ''NaN'', ''NaN'', ''NaN'', ''NaN'''),
    put('infinities', 'f4, f8 = ''Infinity'', ''-Infinity''', 'f4, f8 = 1, 1'), put('both infinities', 'f4, f8 = ''Infinity'', ''-Infinity''', 'f4, f8 = ''-Infinity'', ''Infinity'''),
    put('overflow', 'f4, f8 = 3e38, 1e308', 'f4, f8 = 3e38, 1.7e308'), put('squares overflow', 'f4, f8 = 1e38, 1e200', 'f4, f8 = 1e-38, -1e200'),
    put('small', 'f4, f8 = 1e-45, 5e-324', 'f4, f8 = 1e-45, 5e-324', 'f4, f8 = 3e-45, 15e-324'),
    put('middle', VARIADIC array_fill('i4, n2 = 1, 0.01'::text, '{2}') || array_fill('i4, n2 = 2, 0.02'::text, '{1}')),
    put('scales', 'n10, plain = 1.1, 1.1', 'n10, plain = 1.10, 1.10', 'n10, plain = 12345678.0123456789, 100');
SELECT setseed(0.1);
\o
-- Eighths are exact in any order. A thousand of them; and digits as they come.
INSERT INTO data SELECT 'many', '2026-01-01Z'::timestamptz + i * interval '13 minutes', random() * 60000 - 30000, random() * 4e9 - 2e9, random() * 1e15 - 4e14,
    floor(random() * 64) / 8, floor(random() * 1e6) / 8, random() * 1e15, random() * 1e6, random() * 1e3, random() * 1e5, random() * 1e3 FROM generate_series(1, 1000) i;
INSERT INTO data SELECT 'random ' || i % 40, '2026-01-01Z'::timestamptz + i * interval '5 minutes', x * 100, x * power(10, i % 7), x * power(10, i % 40 % 13),
    NULL, NULL, x * power(10, i % 40 % 13), x * power(10, i % 40 % 8), x * power(10, i % 40 % 6), x * 1000, NULL FROM generate_series(1, 400) i, LATERAL (SELECT random() - 0.3 + i * 0 AS x) r;
SELECT powertree_create('data', at => 'at', "values" => '{i2,i4,i8,f4,f8}', series => '{g}', leaf => '1 hour', name => 'binary');
SELECT powertree_create('data', at => 'at', "values" => '{n0,n2,n10,round,plain}', series => '{g}', leaf => '1 hour', name => 'numeric');
CALL powertree_compact();
-- Leaves in the log, and one that is read from the table.
INSERT INTO data (g, at, i4, f8, n2) VALUES ('many', '2026-01-03 00:10Z', 1, 0.125, 0.01);
UPDATE data SET i8 = i8 + 1 WHERE g = 'many' AND at < '2026-01-01 01:00Z';

CREATE FUNCTION outcome(query text, answer text, OUT v text, OUT failure text, OUT tree boolean) LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    PERFORM set_config('pg_tally.answer_from_trees', answer, true);
    EXECUTE query INTO v;
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        tree := coalesce(tree, line ~ 'Answered From: tree');
        tree := tree OR line ~ 'Answered From: tree';
    END LOOP;
EXCEPTION WHEN data_exception THEN
    failure := SQLSTATE;
END $$;
CREATE TABLE results AS
SELECT g, f AS aggregate, c AS argument, query, e.v AS expected, e.failure AS expected_failure, t.v AS found, t.failure, t.tree
FROM (SELECT DISTINCT g FROM data) groups,
    unnest('{count,sum,avg,min,max,var_pop,var_samp,variance,stddev,stddev_pop,stddev_samp,tally}'::text[]) f,
    unnest('{i2,i4,i8,f4,f8,n0,n2,n10,round,plain,i2::int4,i4::int8,i2::numeric,i4::numeric,i8::numeric,i2::float4,i2::float8,i4::float8,f4::float8}'::text[]) c,
    LATERAL (SELECT format('SELECT %s(%s)::text FROM data WHERE g = %L', f, c, g) AS query) q,
    LATERAL outcome(query, 'off') e, LATERAL outcome(query, 'on') t
-- There is no tally of smaller numbers but by a cast.
WHERE f <> 'tally' OR c IN ('i8', 'f8', 'n0', 'n2', 'n10', 'plain', 'i4::int8', 'i4::float8', 'f4::float8');
CREATE FUNCTION same(aggregate text, argument text, a text, b text) RETURNS boolean LANGUAGE sql AS $$
    SELECT CASE
        WHEN aggregate = 'tally' THEN a::tally = b::tally
        -- Of floating-point numbers; NaN is equal to itself. Reals are added up as such.
        WHEN a IS NOT NULL AND argument ~ 'f[48]|float' AND aggregate !~ 'count|min|max' THEN
            a::float8 = b::float8 OR abs(a::float8 - b::float8) <= 1e-300 + CASE WHEN argument ~ 'f4$|float4' THEN 1e-6 ELSE 1e-12 END * abs(a::float8)
        ELSE a IS NOT DISTINCT FROM b
    END
$$;
-- What differs; but nothing may.
SELECT query, expected, expected_failure, found, failure FROM results
WHERE NOT coalesce(same(aggregate, argument, expected, found), false) AND NOT (expected IS NULL AND found IS NULL) OR failure IS DISTINCT FROM expected_failure ORDER BY query;
-- How many were answered from the tree; and which were not though there is one of the column, by group.
SELECT count(*) > 8000 AS many, count(*) FILTER (WHERE tree) > 7000 AS mostly_from_the_tree FROM results;
SELECT regexp_replace(g, '^random.*', 'random') AS values, argument, string_agg(DISTINCT aggregate, ' ' ORDER BY aggregate) AS answered_from_the_table
FROM results WHERE NOT tree AND failure IS NULL AND argument <> 'plain' GROUP BY 1, 2 ORDER BY 1, 2;
-- Numerics of any scale are only counted, and tallied.
SELECT aggregate, bool_or(tree) FROM results WHERE argument = 'plain' GROUP BY aggregate HAVING bool_or(tree) ORDER BY aggregate;
-- Types of results are those of the aggregates.
SELECT answer, (SELECT string_agg(pg_typeof(v)::text, ' ') FROM (SELECT set_config('pg_tally.answer_from_trees', answer, true)) s,
    LATERAL (SELECT sum(i4) FROM data UNION ALL SELECT sum(i2) FROM data) q(v)) AS integers FROM unnest('{off,on}'::text[]) answer;
-- The very last digit of a sum that PostgreSQL rounds at every row.
SET pg_tally.answer_from_trees = on;
CREATE TABLE tenths (at bigint NOT NULL, x float8, r float4);
INSERT INTO tenths SELECT i, 0.1, 0.1 FROM generate_series(1, 100000) i;
SELECT powertree_create('tenths', at => 'at', "values" => '{x,r}', leaf => '1000');
CALL powertree_compact();
SELECT sum(x), avg(x), var_pop(x), sum(r), avg(r) FROM tenths WHERE at > 0;
-- Those of floating-point numbers are left to PostgreSQL where answers must be its own.
SET pg_tally.answer_from_trees = exact;
SELECT sum(x) = 10000 AS rounded_once, min(x), count(x) FROM tenths WHERE at > 0;
DROP TABLE data, results, tenths;
DROP FUNCTION put, outcome, same;
