-- Power trees: every answer is that of tally(x) over the rows.
SET client_min_messages = warning;
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE DOMAIN label AS varchar(20);
-- A tree for each type of position, of value and of series.
CREATE TABLE pt (
    ts timestamptz, local timestamp, day date, pos bigint,
    f4 real, f8 double precision, i2 smallint, i4 integer, i8 bigint, d numeric,
    name text, sort label, fixed char(5), c colour, u uuid, flag boolean, number int
);
INSERT INTO pt SELECT t, t AT TIME ZONE 'UTC', t::date, i * 1000003::bigint - 1e9::bigint,
    i / 3.0, CASE WHEN i % 500 = 0 THEN 'NaN' WHEN i % 777 = 0 THEN '-Infinity' WHEN i % 11 = 0 THEN NULL ELSE sqrt(i) END, i % 1000, i, i * 900000000000007, i / 7.0,
    'n' || i % 3, 's' || i % 2, 'x' || i % 3, CASE WHEN i % 5 > 0 THEN 'red' ELSE 'green' END::colour,
    md5((i % 3)::text)::uuid, i % 2 = 0, i % 4
FROM (SELECT i, '1999-12-28 00:00Z'::timestamptz + i * interval '7 minutes 11 seconds' AS t FROM generate_series(0, 3000) i) s;
INSERT INTO pt (ts, f8, name, i8, local, day, pos) VALUES ('infinity', 1, 'n0', 1, 'infinity', 'infinity', 9223372036854775807),
    ('-infinity', 2, 'n0', 2, '-infinity', '-infinity', -9223372036854775808), (NULL, 3, 'n0', 3, NULL, NULL, NULL), ('2000-01-01Z', 4, NULL, 4, NULL, NULL, NULL);
CREATE INDEX ON pt (name, ts);
SELECT powertree_create('pt', at => 'ts', "values" => '{f8,f4,i2,i4,i8,d}', series => '{name}', leaf => '1 hour', name => 'by time');
SELECT powertree_create('pt', at => 'local', "values" => '{f8}', series => '{sort,fixed}', leaf => '1 day', name => 'by local time');
SELECT powertree_create('pt', at => 'day', "values" => '{i8}', series => '{c,u,flag,number}', leaf => '2 days', name => 'by day');
SELECT powertree_create('pt', at => 'pos', "values" => '{d}', leaf => '10000000', name => 'by number');
-- Each is asked before it is built, when it is, with a log on top, and compacted.
CREATE FUNCTION wrong() RETURNS TABLE (tree text, what text) LANGUAGE sql AS $$
    SELECT 'by time', format('%s %s %s', k, a, b)
    FROM (VALUES ('n0'), ('n1'), ('nobody')) k(k), (VALUES ('1999-12-28 00:00:00Z'::timestamptz, '2000-01-10Z'::timestamptz),
        ('1999-12-31 22:13Z', '2000-01-01 03:00Z'), ('2000-01-01Z', '2000-01-01Z'), ('2000-01-02 03:04:05Z', '2000-01-02 03:04:59Z'),
        ('-infinity', 'infinity'), (NULL, NULL), (NULL, '2000-01-01Z'), ('2000-01-01 00:30Z', NULL)) r(a, b),
        LATERAL (SELECT tally(f8) f8, tally(f4) f4, tally(i2::bigint) i2, tally(i4::bigint) i4, tally(i8) i8, tally(d) d FROM pt
            WHERE name = k AND ts >= coalesce(a, '-infinity') AND (b IS NULL OR ts < b)) t
    WHERE powertree_tally('by time', 'f8', a, b, k) <> t.f8 OR powertree_tally('by time', 'f4', a, b, k) <> t.f4
        OR powertree_tally('by time', 'i2', a, b, k) <> t.i2 OR powertree_tally('by time', 'i4', a, b, k) <> t.i4
        OR powertree_tally('by time', 'i8', a, b, k) <> t.i8 OR powertree_tally('by time', 'd', a, b, k) <> t.d
    UNION ALL
    SELECT 'by local time', format('%s %s %s', a, s, f)
    FROM (VALUES ('1999-12-29 10:00'::timestamp), ('1999-12-30')) r(a), (VALUES ('s0', 'x0'), ('s1', 'x1   ')) k(s, f)
    WHERE powertree_tally('by local time', 'f8', a, '2000-01-03 00:00'::timestamp, s, f)
        <> (SELECT tally(f8) FROM pt WHERE local >= a AND local < '2000-01-03 00:00' AND sort = s AND fixed = f::char(5))
    UNION ALL
    SELECT 'by day', a::text
    FROM (VALUES ('1999-12-29'::date), ('1999-12-31')) r(a)
    WHERE powertree_tally('by day', 'i8', a, '2000-01-05'::date, 'red', md5('1')::text, 'false', '1')
        <> (SELECT tally(i8) FROM pt WHERE day >= a AND day < '2000-01-05' AND c = 'red' AND u = md5('1')::uuid AND NOT flag AND number = 1)
    UNION ALL
    SELECT 'by number', a::text
    FROM (VALUES (-999999999::bigint, 1999999999::bigint), (0, 77), (NULL, NULL), (-9223372036854775808, 9223372036854775807)) r(a, b)
    WHERE powertree_tally('by number', 'd', a, b)
        <> (SELECT tally(d) FROM pt WHERE pos >= coalesce(a, pos) AND (b IS NULL AND pos IS NOT NULL OR pos < b))
    UNION ALL
    SELECT 'last', format('%s %s: %s', k, n, l)
    FROM (VALUES ('n0'), ('n1'), ('nobody')) k(k), (VALUES (1), (2), (17), (300), (5000)) c(n), powertree_last('by time', 'f8', n, k) l,
        LATERAL (SELECT tally(f8), (array_agg(f8))[count(*)], (array_agg(f8))[1] FROM (
            SELECT f8 FROM pt WHERE name = k AND ts IS NOT NULL AND f8 IS NOT NULL ORDER BY ts DESC, f8 DESC LIMIT n) p) r
    WHERE l::text <> r::text
    UNION ALL
    SELECT 'buckets', format('%s %s', step, bucket)
    FROM (VALUES ('1 hour'), ('13 minutes'), ('1 day'), ('36 hours'), ('1 month')) s(step),
        powertree_buckets('by time', 'f8', '1999-12-28 05:00Z', '2000-01-10 05:30Z', step, 'n1') b
    WHERE b.tally <> (SELECT tally(f8) FROM pt WHERE name = 'n1' AND ts >= bucket AND ts < least(bucket + step::interval, '2000-01-10 05:30Z'))
$$;
-- A width as text and as an interval is the same.
SELECT count(*) FROM powertree_buckets('by time', 'f8', '1999-12-28 05:00Z'::timestamptz, '2000-01-10 05:30Z', '13 minutes', 'n1') a
FULL JOIN powertree_buckets('by time', 'f8', '1999-12-28 05:00Z'::timestamptz, '2000-01-10 05:30Z', interval '13 minutes', 'n1') b USING (bucket)
WHERE a.tally IS DISTINCT FROM b.tally;
SELECT * FROM wrong();
CALL powertree_compact();
SELECT * FROM wrong();
INSERT INTO pt SELECT ts + interval '13 hours', local + interval '13 hours', day + 1, pos + 7, f4, f8, i2, i4, i8, d, name, sort, fixed, c, u, flag, number
    FROM pt WHERE i4 % 17 = 3;
UPDATE pt SET f8 = f8 / 3, d = d + 1 WHERE i4 % 23 = 0;
UPDATE pt SET name = 'n1', ts = ts - interval '100 minutes' WHERE i4 % 101 = 0;
DELETE FROM pt WHERE i4 % 31 = 0;
SELECT log_rows > 0 AS logged FROM powertrees WHERE name = 'by time';
SELECT * FROM wrong();
CALL powertree_compact('by time');
SELECT name, base, at, "values", series, leaf, state, num_vals > 0 AS has_values, num_series, log_rows = 0 AS folded, compactions
FROM powertrees ORDER BY name;
CALL powertree_compact();
SELECT * FROM wrong();

-- Buckets by the calendar of the time zone: a day of 23 hours, a month, and what is empty.
SET timezone = 'Europe/Berlin';
SELECT bucket, num_vals(tally) FROM powertree_buckets('by time', 'f8', '1999-12-31', '2000-01-03', '1 day', 'n1');
SELECT bucket, lead(bucket) OVER (ORDER BY bucket) - bucket AS length
FROM powertree_buckets('by time', 'f8', '2000-03-25', '2000-03-29', '1 day', 'n1');
SELECT bucket, num_vals(tally) FROM powertree_buckets('by time', 'f8', '1999-11-30', '2000-03-15', '1 month', 'n1');
RESET timezone;
SELECT bucket, num_vals(tally) FROM powertree_buckets('by local time', 'f8', timestamp '1999-12-28', timestamp '2000-01-02', '3 days', 's0', 'x0');
SELECT bucket, num_vals(tally) FROM powertree_buckets('by day', 'i8', date '1999-12-28', date '2000-03-02', '1 month', 'red', md5('1'), 'f', '1');
SELECT bucket, num_vals(tally) FROM powertree_buckets('by number', 'd', -1000000000, 2500000000, '1000000000');

-- A tree is rebuilt, with the same result.
SELECT powertree_rebuild('by time');
SELECT state FROM powertrees WHERE name = 'by time';
SELECT * FROM wrong();
CALL powertree_compact('by time');
SELECT * FROM wrong();

-- One that is compacted in a transaction that goes back is as before; one snapshot may not miss what another did.
BEGIN;
INSERT INTO pt (ts, f8, name) VALUES ('2000-01-01', 1, 'n1');
CALL powertree_compact();
SELECT * FROM wrong();
ROLLBACK;
SELECT * FROM wrong();
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) > 0 AS some FROM pt;
\setenv PGDATABASE :DBNAME
\! psql -X -q -c "CALL powertree_compact('by time')"
CALL powertree_compact('by time');
ROLLBACK;

-- What is wrong is refused.
CREATE VIEW v AS SELECT * FROM pt;
CREATE UNLOGGED TABLE passing (LIKE pt);
CREATE FUNCTION refused(query text, OUT code text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE query;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;
\x on
SELECT query, r.* FROM unnest(ARRAY[
    $q$SELECT powertree_create('v', at => 'ts', "values" => '{f8}', leaf => '1 hour')$q$,
    $q$SELECT powertree_create('passing', at => 'ts', "values" => '{f8}', leaf => '1 hour')$q$,
    $q$SELECT powertree_create('pg_class', at => 'oid', "values" => '{relpages}', leaf => '1')$q$,
    $q$SELECT powertree_create('pt', at => 'nowhere', "values" => '{f8}', leaf => '1 hour')$q$,
    $q$SELECT powertree_create('pt', at => 'name', "values" => '{f8}', leaf => '1 hour')$q$,
    $q$SELECT powertree_create('pt', at => 'ts', "values" => '{name}', leaf => '1 hour')$q$,
    $q$SELECT powertree_create('pt', at => 'ts', "values" => '{}', leaf => '1 hour')$q$,
    $q$SELECT powertree_create('pt', at => 'ts', "values" => '{f8,f8}', leaf => '1 hour')$q$,
    $q$SELECT powertree_create('pt', at => 'ts', "values" => '{f8}', series => '{f8}', leaf => '1 hour')$q$,
    $q$SELECT powertree_create('pt', at => 'ts', "values" => '{f8}', leaf => '0')$q$,
    $q$SELECT powertree_create('pt', at => 'ts', "values" => '{f8}', leaf => '-1 hour')$q$,
    $q$SELECT powertree_create('pt', at => 'ts', "values" => '{f8}', leaf => '1 month')$q$,
    $q$SELECT powertree_create('pt', at => 'pos', "values" => '{f8}', leaf => '1 hour')$q$,
    $q$SELECT powertree_create('pt', at => NULL, "values" => '{f8}', leaf => '1 hour')$q$,
    $q$SELECT powertree_create('pt', at => 'ts', "values" => '{f8}', leaf => '1 hour', name => 'by time')$q$,
    $q$SELECT powertree_tally('nothing', 'f8', NULL, NULL, 'n1')$q$,
    $q$SELECT powertree_tally('by time', 'f9', NULL, NULL, 'n1')$q$,
    $q$SELECT powertree_tally('by time', 'f8', '2000-01-02', '2000-01-01', 'n1')$q$,
    $q$SELECT powertree_tally('by time', 'f8', 'yesterdayish', '2000-01-01', 'n1')$q$,
    $q$SELECT powertree_tally('by time', 'f8', NULL, NULL)$q$,
    $q$SELECT powertree_tally('by time', 'f8', NULL, NULL, 'n1', 'n2')$q$,
    $q$SELECT powertree_tally('by time', 'f8', NULL, NULL, NULL)$q$,
    $q$SELECT powertree_tally('by day', 'i8', NULL, NULL, 'blue', md5('1'), 'f', '1')$q$,
    $q$SELECT powertree_last('by time', 'f8', 0, 'n1')$q$,
    $q$SELECT powertree_buckets('by time', 'f8', '-infinity', '2000-01-01', '1 hour', 'n1')$q$,
    $q$SELECT powertree_buckets('by time', 'f8', '2000-01-02', '2000-01-01', '1 hour', 'n1')$q$,
    $q$SELECT powertree_buckets('by time', 'f8', '2000-01-01', '2000-01-02', '0 hours', 'n1')$q$,
    $q$SELECT powertree_buckets('by time', 'f8', '2000-01-01', '2000-01-02', '1 microsecond', 'n1')$q$,
    $q$SELECT powertree_buckets('by day', 'i8', '2000-01-01', '2000-01-02', '1 day', 'red', md5('1'), 'f', '1')$q$,
    $q$SELECT powertree_drop('nothing')$q$,
    $q$SELECT powertree_capture()$q$
]) WITH ORDINALITY q(query, i), refused(query) r ORDER BY i;
\x off

-- Who may ask, and whom row security hides rows from.
CREATE ROLE regress_tally_reader;
SET ROLE regress_tally_reader;
SELECT powertree_tally('by time', 'f8', NULL, NULL, 'n1');
CALL powertree_compact('by time');
SELECT powertree_drop('by time');
SELECT powertree_create('pt', at => 'ts', "values" => '{f8}', leaf => '1 hour', name => 'mine');
SELECT count(*) FROM powertrees;
SELECT count(*) FROM powertree_node;
RESET ROLE;
GRANT SELECT (ts, f8, name) ON pt TO regress_tally_reader;
GRANT INSERT ON pt TO regress_tally_reader;
SET ROLE regress_tally_reader;
SELECT num_vals(powertree_tally('by time', 'f8', NULL, NULL, 'n1')) > 0 AS may_read;
SELECT powertree_tally('by time', 'd', NULL, NULL, 'n1');
INSERT INTO pt (ts, f8, name) VALUES ('2000-01-01', 1, 'n1');
SELECT powertree_tally('by time', 'f8', NULL, NULL, 'n1') = (SELECT tally(f8) FROM pt WHERE name = 'n1') AS answers;
RESET ROLE;
ALTER TABLE pt ENABLE ROW LEVEL SECURITY;
CREATE POLICY early ON pt FOR SELECT USING (ts < '2000-01-02Z');
SET ROLE regress_tally_reader;
SELECT powertree_tally('by time', 'f8', NULL, NULL, 'n1') = (SELECT tally(f8) FROM pt WHERE name = 'n1') AS answers,
    num_vals(powertree_tally('by time', 'f8', '2000-01-02Z', NULL, 'n1')) AS hidden,
    (powertree_last('by time', 'f8', 3, 'n1')).tally = (SELECT tally(f8) FROM (SELECT f8 FROM pt WHERE name = 'n1' AND f8 IS NOT NULL ORDER BY ts DESC, f8 DESC LIMIT 3) l) AS last;
RESET ROLE;
SELECT * FROM wrong();
SELECT powertree_drop('by time'), powertree_drop('by local time'), powertree_drop('by day'), powertree_drop('by number');
SELECT count(*) FROM powertrees;
DROP FUNCTION wrong, refused;
DROP VIEW v;
DROP TABLE passing, pt;
DROP DOMAIN label;
DROP TYPE colour;
DROP ROLE regress_tally_reader;
RESET client_min_messages;
