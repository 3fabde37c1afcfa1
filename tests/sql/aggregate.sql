-- An accessor bears the name of the built-in aggregate it equals.
CREATE TABLE numbers (g int, x double precision);
INSERT INTO numbers VALUES
    (1, 1), (1, 2), (1, 4), (1, NULL), (2, 7), (3, NULL), (4, 'NaN'), (4, 1), (5, 'Infinity'), (5, 1),
    (6, 'Infinity'), (6, '-Infinity'), (7, '-Infinity'), (8, 0), (8, '-0'), (9, 5), (9, 5), (10, 'NaN');

CREATE FUNCTION same(a double precision, b double precision) RETURNS boolean
    LANGUAGE sql IMMUTABLE RETURN a IS NOT DISTINCT FROM b;
SELECT g, tally(x),
    num_vals(tally(x)) = count(x) AS count, same(sum(tally(x)), sum(x)) AS sum, same(avg(tally(x)), avg(x)) AS avg,
    same(var_samp(tally(x)), var_samp(x)) AND same(variance(tally(x)), variance(x)) AS var_samp,
    same(var_pop(tally(x)), var_pop(x)) AS var_pop,
    same(stddev_samp(tally(x)), stddev_samp(x)) AND same(stddev(tally(x)), stddev(x)) AS stddev_samp,
    same(stddev_pop(tally(x)), stddev_pop(x)) AS stddev_pop,
    same(min(tally(x)), min(x)) AS min, same(max(tally(x)), max(x)) AS max
FROM numbers GROUP BY g ORDER BY g;

-- No rows, or only NULLs, give the empty tally, which is a value.
SELECT tally(x), num_vals(tally(x)), avg(tally(x)), sum(tally(x)), min(tally(x)), var_pop(tally(x))
FROM numbers WHERE g = 3;
SELECT tally(x) FROM numbers WHERE false;
SELECT tally(t) FROM (VALUES (NULL::tally), ('(0,,,,)'), (NULL)) v(t);

-- Every numeric type.
SELECT tally(x::smallint), tally(x::int), tally(x::bigint), tally(x::real), tally(x::float8), tally(x::numeric)
FROM generate_series(1, 4) x;
-- Integers and numerics keep more than 53 bits.
SELECT var_samp(tally(x)) AS variance FROM generate_series(9007199254740993, 9007199254740995) x;
SELECT tally(9223372036854775807::bigint);
SELECT tally(x) FROM unnest('{0.1,0.2,NaN,-0.3}'::numeric[]) x;
SELECT var_samp(tally(x)) = 1 AS exact FROM unnest('{10000000000000000001,10000000000000000002,10000000000000000003}'::numeric[]) x;
SELECT tally(1e400::numeric);
\set VERBOSITY sqlstate
SELECT tally(-1e400::numeric);
\set VERBOSITY default

-- PostgreSQL's functional notation, and all at once.
SELECT (tally(x)).avg, (tally(x)).num_vals, (tally(x)).stddev FROM generate_series(1, 3) x;
SELECT d.* FROM (SELECT tally(x) AS t FROM generate_series(1, 3) x) s, describe(s.t) d;
SELECT g, (describe(tally(x))).* FROM numbers WHERE g IN (1, 3) GROUP BY g ORDER BY g;
SELECT describe(NULL);

-- FILTER, DISTINCT, ORDER BY, grouping sets, and as an ordinary window aggregate.
SELECT tally(x) FILTER (WHERE g < 2), tally(DISTINCT x) FILTER (WHERE g = 9), tally(x ORDER BY x DESC) FILTER (WHERE g = 1)
FROM numbers;
SELECT g, num_vals(tally(x)) FROM numbers WHERE g < 4 GROUP BY ROLLUP (g) ORDER BY g;
SELECT x, tally(x::float8) OVER (ORDER BY x), tally(x::float8) OVER (ORDER BY x ROWS 1 PRECEDING) AS two
FROM generate_series(1, 4) x;

-- Stored tallies merge into the tally of all rows, whichever way the work was split, to the bit.
CREATE TABLE many AS
SELECT i, i % 17 AS g, 1e6 + sin(i) * exp(cos(i * 7.0) * 9) AS x FROM generate_series(1, 200000) i;
ANALYZE many;
CREATE TABLE parts AS SELECT g, tally(x) AS t FROM many GROUP BY g;
SELECT tally_send(tally(x)) = (SELECT tally_send(tally(t)) FROM parts) AS merged,
    tally_send(tally(x)) = (SELECT tally_send(tally(x)) FROM (SELECT x FROM many ORDER BY md5(i::text)) s) AS shuffled
FROM many;

-- Numerics of few digits are split as they are stored; windows split them as text, with the same bits.
CREATE TABLE decimals (n, x) AS SELECT row_number() OVER (), x FROM (
    SELECT unnest('{NaN,Infinity,-Infinity,0,0.00,-0.0001,1e22,1e23,1e-22,1e-23,9007199254740992,9007199254740993,-9007199254740993,1e300,10000,9999,99990000,0.00010000,12345678.90123456789}'::numeric[])
    UNION ALL SELECT (n * 7919 % 1000003)::numeric / 10::numeric ^ (n % 12) * (n % 2 - 0.5) FROM generate_series(1, 3000) AS n
    UNION ALL SELECT round((n * 104729 % 10000019)::numeric / 7, n % 25) * (n % 2 - 0.5) FROM generate_series(1, 3000) AS n
    UNION ALL SELECT trunc((n * 104729 % 10000019)::numeric * 10::numeric ^ (n % 30 - 6)) FROM generate_series(1, 3000) AS n) AS s (x);
SELECT count(*), count(*) FILTER (WHERE tally_send(stored) <> tally_send(as_text)) AS different
FROM (SELECT n, tally(x) AS stored FROM decimals GROUP BY n) AS s
JOIN (SELECT n, tally(x) OVER (ORDER BY n ROWS BETWEEN CURRENT ROW AND CURRENT ROW) AS as_text FROM decimals) AS w USING (n);
DROP TABLE decimals;

-- Parallel plans use the combine function.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
CREATE FUNCTION plan_has(query text, word text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
        IF line LIKE '%' || word || '%' THEN RETURN true; END IF;
    END LOOP;
    RETURN false;
END $$;
SELECT plan_has('SELECT tally(x) FROM many', 'Partial Aggregate') AS partial;
SELECT tally_send(tally(x)) AS parallel FROM many \gset
SET max_parallel_workers_per_gather = 0;
SELECT tally_send(tally(x)) = :'parallel' AS same_bits FROM many;
-- So do partition-wise and hashed aggregates that spill.
RESET max_parallel_workers_per_gather;
SET work_mem = '64kB';
SELECT count(*), sum(num_vals(t)) FROM (SELECT i % 20011 AS k, tally(x) AS t FROM many GROUP BY 1) s;
RESET ALL;

DROP FUNCTION same, plan_has;
DROP TABLE numbers, many, parts;
