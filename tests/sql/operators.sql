-- Merge, un-merge, add one value.
SELECT '(3,2,2,1,3)'::tally + '(1,5,0,5,5)'::tally AS merged;
SELECT '(3,2,2,1,3)'::tally + 5 AS integer, '(3,2,2,1,3)'::tally + 5.0 AS numeric, '(3,2,2,1,3)'::tally + 5::float8 AS double;
SELECT '(3,2,2,1,3)'::tally + NULL::float8 AS unknown;
SELECT '(0,,,,)'::tally + '(0,,,,)'::tally AS empty;

-- The operands stay as they are: only aggregates change a state in place.
CREATE TABLE stored AS SELECT '(3,2,2,1,3)'::tally AS t;
SELECT t + 7::float8, t + t, t FROM stored;
DO $$
DECLARE a tally := '(3,2,2,1,3)'; b tally;
BEGIN
    b := a + 7::float8;
    b := tally_merge(a, b);
    RAISE NOTICE 'a %, b %', a, b;
END $$;

-- a + b - b is a; the minimum is known only if b's lay inside.
SELECT a + b - b = a AS same, a + b - b
FROM (VALUES ('(3,2,2,1,3)'::tally, '(1,2,0,2,2)'::tally)) v(a, b);
SELECT r, min(r) IS NULL AS min_unknown, max(r) AS max, avg(r) AS avg
FROM (SELECT '(4,2.5,5,1,4)'::tally - '(2,1.5,0.5,1,2)'::tally AS r) s;
SELECT min(r + '(1,1,0,1,1)'::tally) AS known_again
FROM (SELECT '(4,2.5,5,1,4)'::tally - '(2,1.5,0.5,1,2)'::tally AS r) s;
SELECT '(3,2,2,1,3)'::tally - '(3,2,2,1,3)'::tally AS nothing;
SELECT '(3,2,2,1,3)'::tally - '(0,,,,)'::tally AS all;
SELECT '(1,2,0,2,2)'::tally - '(3,2,2,1,3)'::tally;
\set VERBOSITY sqlstate
SELECT '(1,2,0,2,2)'::tally - '(3,2,2,1,3)'::tally;
SELECT '(3,2,2,1,3)'::tally - '(1,100,0,100,100)'::tally;
SELECT '(3,2,2,1,3)'::tally - '(3,2,0,2,2)'::tally;
\set VERBOSITY default
-- NaN and infinities go as they came.
SELECT tally(x) - '(1,NaN,NaN,,) nonfinite[1 0 0]' AS healed FROM unnest('{1,2,3,NaN}'::float8[]) x;

-- Differences of running tallies are tallies of ranges.
WITH running AS (SELECT i, tally(i::float8) OVER (ORDER BY i) AS t FROM generate_series(1, 10) i)
SELECT b.i, avg(b.t - a.t), num_vals(b.t - a.t)
FROM running a JOIN running b ON b.i = a.i + 3 ORDER BY 1;

-- Equality and hash compare what the accessors report.
SELECT '(3,2,2,1,3)'::tally = tally(x::float8) AS equal, '(3,2,2,1,3)'::tally <> tally(x::float8) AS unequal
FROM generate_series(1, 3) x;
SELECT '(1,0,0,0,0)'::tally = '(1,-0,0,-0,-0)'::tally AS zeros, '(3,2,2,1,3)'::tally = '(3,2,3,1,3)'::tally AS m2_differs;
SELECT t, count(*) FROM (VALUES ('(3,2,2,1,3)'::tally), ('(0,,,,)'), ('(3,2,2,1,3)'), (NULL), ('(0,,,,)')) v(t)
GROUP BY t ORDER BY num_vals(t);
SET enable_sort = off;
SELECT count(DISTINCT t::text) FROM (SELECT DISTINCT t FROM (SELECT tally_of(2, i % 5, 0, i % 5, i % 5) AS t FROM generate_series(1, 100) i) s) s;
RESET enable_sort;
CREATE INDEX ON stored USING hash (t);
SET enable_seqscan = off;
SELECT * FROM stored WHERE t = '(3,2,2,1,3)';
RESET enable_seqscan;
CREATE TABLE by_hash (t tally) PARTITION BY HASH (t);
CREATE TABLE by_hash_0 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE by_hash_1 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO by_hash SELECT tally_of(1, i, 0, i, i) FROM generate_series(1, 100) i;
SELECT count(*) FROM by_hash WHERE t = tally_of(1, 42, 0, 42, 42);

DROP TABLE stored, by_hash;

-- One value, on either side, added and taken away.
SELECT t + 5, 5 + t, t + 5.5::float8, 5.5::float8 + t, 5::bigint + t, 0.1::numeric + t = t + 0.1::numeric AS commutes FROM (SELECT tally(x) AS t FROM unnest('{1,2,3}'::float8[]) x) s;
SELECT t - 2, t + 2::bigint - 2::bigint = t AS bigint, t + 2.1::numeric - 2.1::numeric = t AS numeric, t - 3::float8 AS no_maximum
FROM (SELECT tally(x) AS t FROM unnest('{1,2,3}'::float8[]) x) s;
SELECT t - 7 FROM (SELECT tally(x) AS t FROM unnest('{1,2,3}'::float8[]) x) s;
SELECT t + '1' FROM (SELECT tally(1) AS t) s;

-- Standard error, coefficient of variation, z-score.
SELECT sem(t) * sqrt(5) = stddev(t) AS sem, round(cv(t)::numeric, 9) AS cv, round(zscore(t, 9)::numeric, 9) AS z, zscore(t, avg(t)) FROM (SELECT tally(x) AS t FROM unnest('{2,4,4,4,6}'::float8[]) x) s;
SELECT n, sem(t), cv(t), round(zscore(t, 1)::numeric, 9) AS z FROM (SELECT n, tally(x) AS t FROM (VALUES (1, 1::float8), (2, 3), (2, 3), (3, -1), (3, 1), (4, 'NaN'), (4, 1)) v(n, x) GROUP BY n) s ORDER BY n;

-- Counts stick at the greatest bigint; the mean and the variance stay those of the values.
SELECT num_vals(t + t), avg(t + t), round(var_pop(t + t)::numeric, 9) AS var_pop, (t + t)::text::tally = t + t AS reads_back
FROM (SELECT tally_of(9223372036854775807, 1, 9223372036854775807, 0, 2) AS t) s;
SELECT t + t - t FROM (SELECT tally_of(9223372036854775807, 1, 0, 1, 1) AS t) s;

-- Numerics that are all the same have no variance, however they are grouped.
SELECT DISTINCT m2(a), m2(a + b), a + b = c AS equal, stddev_pop(d)
FROM (SELECT tally(x) FILTER (WHERE i <= 46) AS a, tally(x) FILTER (WHERE i > 46) AS b, tally(x) AS c FROM (SELECT i, (-1e300)::numeric AS x FROM generate_series(1, 92) i) s) s,
    (SELECT tally(0.868779609388189::numeric) AS d) v;
