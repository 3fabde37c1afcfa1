-- Archived rows: partitions that have gone still count, by whole leaves. The shadow keeps all rows.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE TABLE shadow (at timestamptz NOT NULL, symbol text, price float8, size int);
CREATE TABLE trades (LIKE shadow) PARTITION BY RANGE (at);
CREATE INDEX ON trades (symbol, at);
CREATE TABLE trades_1 PARTITION OF trades FOR VALUES FROM ('2026-01-01Z') TO ('2026-01-02Z');
CREATE TABLE trades_2 PARTITION OF trades FOR VALUES FROM ('2026-01-02Z') TO ('2026-01-03Z') PARTITION BY LIST (symbol);
CREATE TABLE trades_2_a PARTITION OF trades_2 FOR VALUES IN ('a', 'b');
CREATE TABLE trades_2_z PARTITION OF trades_2 DEFAULT;
CREATE TABLE trades_3 PARTITION OF trades FOR VALUES FROM ('2026-01-03Z') TO ('2026-01-04Z');
CREATE TABLE trades_4 PARTITION OF trades FOR VALUES FROM ('2026-01-04Z') TO ('2026-01-04 12:05Z');
CREATE TABLE trades_rest PARTITION OF trades DEFAULT;
INSERT INTO shadow SELECT '2026-01-01Z'::timestamptz + i * interval '97 seconds', chr(97 + i % 3), CASE WHEN i % 11 > 0 THEN i % 251 END, i
FROM generate_series(0, 3100) i;
INSERT INTO trades SELECT * FROM shadow;
SELECT powertree_create('trades', at => 'at', "values" => '{price,size}', series => '{symbol}', leaf => '10 minutes');
SELECT powertree_create('trades', at => 'at', "values" => '{size}', leaf => '1 hour', name => 'hourly');
CALL powertree_compact();

-- What differs from the shadow, asked in every way that cuts no leaf.
CREATE FUNCTION wrong() RETURNS TABLE (what text) LANGUAGE sql AS $$
    SELECT format('%s of %s from %s to %s: %s', v, s, a, b, t)
    FROM (VALUES (NULL::timestamptz, NULL::timestamptz), ('2026-01-01Z', '2026-01-03Z'), ('2026-01-01 10:10Z', '2026-01-02 20:20Z'), ('2026-01-02 23:50Z', '2026-01-03 00:03Z'),
            ('2026-01-03 01:02Z', '2026-01-04 03:04Z'), ('2026-01-01 05:10Z', '2026-01-01 05:20Z'), ('2025-01-01 00:00:01Z', '2026-01-02Z')) r(a, b),
        (VALUES ('a'), ('b'), ('d')) k(s), (VALUES ('price'), ('size')) c(v), powertree_tally('trades', v, a, b, s) t
    WHERE t <> (SELECT tally(CASE v WHEN 'size' THEN size ELSE price END) FROM shadow WHERE symbol = s AND at >= coalesce(a, '-infinity') AND at < coalesce(b, 'infinity'))
    UNION ALL
    SELECT format('bucket %s: %s', b.bucket, b.tally) FROM powertree_buckets('trades', 'price', '2026-01-01 03:00Z', '2026-01-03 23:40Z', '40 minutes', 'b') b
    WHERE tally <> (SELECT tally(price) FROM shadow WHERE symbol = 'b' AND at >= bucket AND at < bucket + interval '40 minutes')
    UNION ALL
    SELECT format('zoom %s: %s', z.bucket, z.tally)
    FROM (VALUES (2), (10), (300), (5000)) p(n), powertree_zoom('trades', 'price', '2026-01-01 03:33Z', '2026-01-04Z', n, 'b') z
    WHERE tally <> (SELECT tally(price) FROM shadow WHERE symbol = 'b' AND at >= bucket AND at < bucket + step)
    UNION ALL
    SELECT format('tallies: %s %s', series, t.tally)
    FROM (SELECT ARRAY[symbol] AS series, tally(size) FROM shadow WHERE at >= '2026-01-01 10:10Z' AND at < '2026-01-02 20:20Z' GROUP BY symbol) e
        FULL JOIN powertree_tallies('trades', 'size', '2026-01-01 10:10Z', '2026-01-02 20:20Z') t USING (series)
    WHERE e.tally IS DISTINCT FROM t.tally
    UNION ALL
    SELECT format('series: %s %s', series, t)
    FROM (SELECT ARRAY[symbol] AS series, min(at)::text AS first, max(at)::text AS last, count(*) AS num_rows FROM shadow GROUP BY symbol) e
        FULL JOIN powertree_series('trades') t USING (series)
    WHERE (e.first, e.last, e.num_rows) IS DISTINCT FROM (t.first, t.last, t.num_rows)
    UNION ALL
    SELECT format('hourly: %s', t) FROM powertree_tally('hourly', 'size', '2026-01-01 02:00Z', NULL) t
    WHERE t <> (SELECT tally(size) FROM shadow WHERE at >= '2026-01-01 02:00Z')
$$;
SELECT * FROM wrong();

-- Late rows wait in the log, an update is dirty, when two partitions go.
WITH late AS (INSERT INTO shadow SELECT '2026-01-01 05:06Z'::timestamptz + i * interval '3 seconds', 'a', i, i FROM generate_series(1, 50) i RETURNING *)
INSERT INTO trades SELECT * FROM late;
UPDATE trades SET price = -price WHERE at BETWEEN '2026-01-02 07:00Z' AND '2026-01-02 07:07Z';
UPDATE shadow SET price = -price WHERE at BETWEEN '2026-01-02 07:00Z' AND '2026-01-02 07:07Z';
SELECT powertree_archive('trades', 'trades_1');
SELECT powertree_archive('hourly', 'trades_2');
SELECT * FROM wrong();
SELECT count(*) FROM trades WHERE at < '2026-01-03Z';
-- Nothing has to be read again.
SELECT count(*) FROM powertree_span;
SELECT name, state, archived_rows, archived_until FROM powertrees ORDER BY name;
-- The detached tables are ordinary ones.
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('trades_1'::regclass, 'trades_2'::regclass, 'trades_2_a'::regclass);
CREATE TABLE kept_1 AS TABLE trades_1;
DROP TABLE trades_1;
SELECT * FROM wrong();
CALL powertree_compact();
SELECT * FROM wrong();
SELECT * FROM powertree_series('trades') ORDER BY series;

-- Late rows of what is archived go to the default partition, and count; so do changes of them.
WITH late AS (INSERT INTO shadow SELECT '2026-01-01 05:06Z'::timestamptz + i * interval '7 seconds', chr(97 + i % 4), i, i FROM generate_series(1, 90) i RETURNING *)
INSERT INTO trades SELECT * FROM late;
SELECT * FROM wrong();
UPDATE trades SET price = price + 1 WHERE at < '2026-01-02Z' AND size % 2 = 0;
UPDATE shadow SET price = price + 1 WHERE at < '2026-01-02Z' AND size % 2 = 0 AND (at, symbol, size) IN (SELECT at, symbol, size FROM trades);
DELETE FROM shadow WHERE at < '2026-01-02Z' AND size % 5 = 0 AND (at, symbol, size) IN (SELECT at, symbol, size FROM trades);
DELETE FROM trades WHERE at < '2026-01-02Z' AND size % 5 = 0;
SELECT * FROM wrong();
CALL powertree_compact();
SELECT * FROM wrong();
-- All of the tree is made again, and answers meanwhile.
SELECT powertree_rebuild('trades');
SELECT * FROM wrong();
CALL powertree_compact();
SELECT * FROM wrong();
BEGIN;
ALTER TABLE trades DISABLE TRIGGER ALL;
SELECT name, state FROM powertrees ORDER BY name;
SELECT * FROM wrong();
ROLLBACK;
-- Leaves may become wider.
SELECT powertree_rebuild('hourly', '2 hours');
SELECT * FROM wrong();
CALL powertree_compact();
SELECT * FROM wrong();

-- Ranges, buckets and last values that cut what is archived: errors that say where they need not.
SELECT powertree_tally('trades', 'price', '2026-01-01 05:07Z', '2026-01-03Z', 'a');
SELECT powertree_tally('trades', 'price', '2026-01-01 05:00Z', '2026-01-02 05:07Z', 'a');
SELECT powertree_tallies('trades', 'price', '2026-01-01 05:07Z', '2026-01-03Z');
SELECT powertree_buckets('trades', 'price', '2026-01-01 05:00Z', '2026-01-01 07:00Z', '10 minutes', 'a');
SELECT powertree_last('trades', 'size', 600, 'a');
-- The numbers that the error names are answered; what is first is not known.
SELECT num_vals(tally), first, last FROM powertree_last('trades', 'size', 592, 'a');
SELECT num_vals(tally), first, last FROM powertree_last('trades', 'size', 20, 'a');
SELECT num_vals(tally), first, last FROM powertree_last('trades', 'size', 1000000, 'a');
-- A cut where no row is archived, or none with a value, is none.
SELECT powertree_tally('trades', 'price', '2026-01-01 05:07Z', '2026-01-03Z', 'nobody') IS NOT NULL;
SELECT num_vals(powertree_tally('trades', 'price', '2026-01-03 05:07Z', '2026-01-04 00:01Z', 'a')) > 0;
SELECT min(step), count(*) FROM powertree_zoom('trades', 'price', '2026-01-01 05:07Z', '2026-01-01 06:07Z', 1000, 'a');
SELECT min(step), count(*) FROM powertree_zoom('trades', 'price', '2026-01-03 05:07Z', '2026-01-03 06:07Z', 10000, 'a');

-- Partitions that cannot go.
SELECT powertree_archive('trades', 'trades_4');
SELECT powertree_archive('trades', 'trades_rest');
SELECT powertree_archive('trades', 'kept_1');
SELECT powertree_archive('trades', NULL);
SELECT powertree_archive('nothing', 'trades_3');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT powertree_archive('trades', 'trades_3');
ROLLBACK;
BEGIN READ ONLY;
SELECT powertree_archive('trades', 'trades_3');
ROLLBACK;
CREATE TABLE trades_5 PARTITION OF trades FOR VALUES FROM ('2026-02-01Z') TO ('2026-02-02Z') PARTITION BY LIST (symbol);
CREATE TABLE trades_5_a PARTITION OF trades_5 FOR VALUES IN ('a');
SELECT powertree_archive('trades', 'trades_5_a');
-- One that is empty can.
SELECT powertree_archive('trades', 'trades_5');
SELECT archived_rows > 0, archived_until FROM powertrees ORDER BY name;
SELECT powertree_unarchive('trades', '2026-02-01Z', NULL);

-- What would lose or misread them is refused.
SELECT powertree_drop('trades');
SELECT powertree_rebuild('hourly', '3 hours');
SELECT powertree_rebuild('trades', '5 hours');
ALTER TABLE trades ALTER price TYPE numeric;
ALTER TABLE trades ALTER symbol TYPE varchar(10);
ALTER TABLE trades DROP size;
ALTER TABLE trades ATTACH PARTITION trades_2 FOR VALUES FROM ('2026-01-02Z') TO ('2026-01-03Z');
-- Also while the tree is stale: it reads its table, and the archived rows beside it.
BEGIN;
ALTER TABLE trades DISABLE TRIGGER ALL;
SAVEPOINT stale;
ALTER TABLE trades ATTACH PARTITION trades_2 FOR VALUES FROM ('2026-01-02Z') TO ('2026-01-03Z');
ROLLBACK TO stale;
CREATE TABLE trades_late (LIKE trades);
ALTER TABLE trades ATTACH PARTITION trades_late FOR VALUES FROM ('2026-01-02Z') TO ('2026-01-03Z');
INSERT INTO trades SELECT * FROM trades_2 LIMIT 1;
ALTER TABLE trades_late SET (fillfactor = 90);
ROLLBACK TO stale;
SELECT powertree_unarchive('trades', '2026-01-02Z', '2026-01-03Z') > 0;
ALTER TABLE trades ATTACH PARTITION trades_2 FOR VALUES FROM ('2026-01-02Z') TO ('2026-01-03Z');
SELECT * FROM wrong();
ROLLBACK;
ALTER TABLE trades RENAME symbol TO ticker;
SELECT num_rows FROM powertree_series('trades', 'a');
ALTER TABLE trades RENAME ticker TO symbol;
-- TRUNCATE empties the table, not the archive.
BEGIN;
TRUNCATE trades;
SELECT num_vals(powertree_tally('hourly', 'size', NULL::timestamptz, NULL)) = (SELECT archived_rows FROM powertrees WHERE name = 'hourly');
ROLLBACK;

-- Ordinary queries are about the rows of the table: a tree answers only where none are archived.
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
CREATE TABLE ticks (at timestamptz NOT NULL, symbol text NOT NULL, size int) PARTITION BY RANGE (at);
CREATE TABLE ticks_1 PARTITION OF ticks FOR VALUES FROM ('2026-01-01Z') TO ('2026-01-02Z');
CREATE TABLE ticks_2 PARTITION OF ticks FOR VALUES FROM ('2026-01-02Z') TO ('2026-02-01Z');
INSERT INTO ticks SELECT '2026-01-01Z'::timestamptz + i * interval '1 minute', 'a', i FROM generate_series(0, 40000) i;
SELECT powertree_create('ticks', 'at', '{size}', '1 hour', '{symbol}');
CALL powertree_compact('ticks');
SELECT powertree_archive('ticks', 'ticks_1');
ANALYZE ticks;
-- Reading a few rows of a small table is cheaper than any tree.
SET seq_page_cost = 1000;
CREATE FUNCTION ran(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
    RETURN coalesce(jsonb_path_query_first(plan, '$.**."Reason"'), jsonb_path_query_first(plan, '$.**."Answered From"'), '"not planned"') #>> '{}';
END $$;
SELECT ran('SELECT symbol, count(*), sum(size) FROM ticks GROUP BY symbol');
SELECT ran('SELECT symbol, count(*), sum(size) FROM ticks WHERE at >= ''2026-01-01 23:00Z'' GROUP BY symbol');
SELECT ran('SELECT symbol, count(*), sum(size) FROM ticks WHERE at >= ''2026-01-02Z'' GROUP BY symbol');
SELECT * FROM powertree_verify('SELECT symbol, count(*), sum(size) FROM ticks GROUP BY symbol');
SELECT * FROM powertree_verify('SELECT symbol, count(*), sum(size) FROM ticks WHERE at >= ''2026-01-02Z'' GROUP BY symbol');
SET pg_tally.answer_from_trees = off;
RESET seq_page_cost;
DROP TABLE ticks, ticks_1;
DROP FUNCTION ran(text);

-- Where row security hides rows, archived ones are hidden too.
CREATE ROLE archive_reader;
GRANT SELECT ON trades TO archive_reader;
GRANT USAGE ON SCHEMA public TO archive_reader;
ALTER TABLE trades ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON trades FOR SELECT USING (symbol = 'a');
SET ROLE archive_reader;
SELECT num_vals(powertree_tally('trades', 'size', NULL::timestamptz, NULL, 'a')) = (SELECT count(size) FROM trades WHERE symbol = 'a');
SELECT num_vals(powertree_tally('trades', 'size', '2026-01-01 05:07Z', NULL, 'b'));
SELECT archived_rows, archived_until FROM powertrees;
-- Only the owner archives.
SELECT powertree_archive('trades', 'trades_3');
SELECT powertree_unarchive('trades', NULL::timestamptz, NULL);
RESET ROLE;
ALTER TABLE trades DISABLE ROW LEVEL SECURITY;
DROP POLICY p ON trades;
REVOKE ALL ON SCHEMA public FROM archive_reader;
DROP OWNED BY archive_reader;
DROP ROLE archive_reader;

-- A tree that was made since has nothing archived: neither its column nor its leaves matter to what comes back.
ALTER TABLE trades ADD COLUMN seen bigint NOT NULL DEFAULT 0;
SELECT powertree_create('trades', at => 'seen', "values" => '{size}', leaf => '10', name => 'by_seen');
SELECT powertree_create('trades', at => 'at', "values" => '{size}', leaf => '7 hours', name => 'since');
SELECT powertree_unarchive('by_seen', 0::bigint, 10);
BEGIN;
SELECT powertree_unarchive('trades', '2026-01-02Z', '2026-01-03Z') > 0;
ROLLBACK;
SELECT powertree_drop('by_seen'), powertree_drop('since');
ALTER TABLE trades DROP COLUMN seen;

-- Rows come back: one partition is attached, the rows of another are inserted, a day in part.
SELECT powertree_unarchive('trades', '2026-01-01 00:15Z', '2026-01-02Z');
BEGIN;
SELECT powertree_unarchive('trades', '2026-01-02Z', '2026-01-03Z');
INSERT INTO trades SELECT * FROM trades_2;
SELECT * FROM wrong();
COMMIT;
SELECT archived_rows, archived_until FROM powertrees ORDER BY name;
BEGIN;
SELECT powertree_unarchive('trades', '2026-01-01 12:00Z', '2026-01-02Z');
INSERT INTO trades SELECT * FROM kept_1 WHERE at >= '2026-01-01 12:00Z';
COMMIT;
SELECT archived_rows, archived_until FROM powertrees ORDER BY name;
CALL powertree_compact();
SELECT * FROM wrong();
BEGIN;
SELECT powertree_unarchive('trades', NULL::timestamptz, NULL);
INSERT INTO trades SELECT * FROM kept_1 WHERE at < '2026-01-01 12:00Z';
COMMIT;
CALL powertree_compact();
SELECT * FROM wrong();
SELECT count(*) = (SELECT count(*) FROM shadow) FROM trades;
SELECT archived_rows, archived_until FROM powertrees ORDER BY name;
SELECT powertree_drop('hourly');

-- Positions of other types; keys that a dump does not keep.
CREATE TABLE days (day date NOT NULL, n bigint, sort regclass) PARTITION BY RANGE (day);
CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2026-01-29');
INSERT INTO days SELECT '2026-01-01'::date + i, i, 'days' FROM generate_series(0, 20) i;
SELECT powertree_create('days', at => 'day', "values" => '{n}', leaf => '7 days');
SELECT powertree_archive('days', 'days_1');
CREATE TABLE days_2 PARTITION OF days FOR VALUES FROM ('2026-03-07') TO ('2026-03-14');
INSERT INTO days VALUES ('2026-03-08', 1), ('2026-03-09', 2);
SELECT powertree_archive('days', 'days_2');
SELECT archived_rows, archived_until FROM powertrees WHERE name = 'days';
SELECT powertree_tally('days', 'n', '2026-03-07'::date, '2026-03-09') IS NULL;
SELECT powertree_create('days', at => 'day', "values" => '{n}', series => '{sort}', leaf => '7 days', name => 'sorted');
CREATE TABLE days_3 PARTITION OF days FOR VALUES FROM ('2026-03-14') TO ('2026-03-21');
SELECT powertree_archive('days', 'days_3');
-- A table takes what is archived along.
DROP FUNCTION wrong();
DROP TABLE days, days_1, days_2, trades, trades_2, kept_1, shadow CASCADE;
SELECT count(*) FROM powertree_archived, powertree_archive_leaf;
