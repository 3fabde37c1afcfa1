-- Whatever happens to the table: the tree is right, or stale and answered from the table.
SET client_min_messages = warning;
CREATE TABLE ev (at timestamptz, s text, x float8) PARTITION BY RANGE (at);
CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
CREATE TABLE ev_2 PARTITION OF ev FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z') PARTITION BY LIST (s);
CREATE TABLE ev_2a PARTITION OF ev_2 FOR VALUES IN ('a');
CREATE TABLE ev_2b PARTITION OF ev_2 DEFAULT;
CREATE INDEX ON ev (s, at);
INSERT INTO ev SELECT '2026-01-01Z'::timestamptz + i * interval '1 hour', substr('ab', 1 + i % 2, 1), i FROM generate_series(0, 1400) i;
SELECT powertree_create('ev', at => 'at', "values" => '{x}', series => '{s}', leaf => '1 hour');
CALL powertree_compact('ev');
-- What the tree says beside what the table says, and whether the tree was asked at all.
CREATE FUNCTION ev_check(OUT answers boolean, OUT state text) LANGUAGE sql AS $$
    SELECT bool_and(powertree_tally('ev', 'x', a, b, k) = (SELECT tally(x) FROM ev WHERE s = k AND at >= a AND at < b)
        AND (SELECT t.tally FROM powertree_last('ev', 'x', 100, k) t)
            = (SELECT tally(x) FROM (SELECT x FROM ev WHERE s = k AND x IS NOT NULL ORDER BY at DESC, x DESC LIMIT 100) l)
        AND (SELECT tally(t.tally) FROM powertree_buckets('ev', 'x', a, b, '10 days 1 minute', k) t)
            = (SELECT tally(x) FROM ev WHERE s = k AND at >= a AND at < b)),
        (SELECT p.state FROM powertrees p WHERE name = 'ev')
    FROM (VALUES ('a'), ('b')) k(k),
        (VALUES ('2026-01-01Z'::timestamptz, '2026-04-01Z'::timestamptz), ('2026-01-03 10:10Z', '2026-02-13 10:30Z')) r(a, b)
$$;
SELECT * FROM ev_check();

-- Through the parent, into partitions of partitions, into the default.
INSERT INTO ev VALUES ('2026-01-05Z', 'a', 1), ('2026-02-05Z', 'a', 2), ('2026-02-05Z', 'b', NULL), ('2026-02-06Z', NULL, 3);
SELECT * FROM ev_check();
-- Into a partition, and into one between.
INSERT INTO ev_1 VALUES ('2026-01-05Z', 'b', 10);
INSERT INTO ev_2 VALUES ('2026-02-05Z', 'b', 20);
INSERT INTO ev_2b VALUES ('2026-02-05Z', 'c', 30);
SELECT * FROM ev_check();
-- COPY to the parent and to a partition.
COPY ev FROM stdin;
2026-01-07Z	a	5
2026-02-07Z	b	6
\.
COPY ev_2a FROM stdin;
2026-02-08Z	a	7
\.
SELECT * FROM ev_check();
-- Updates, across partitions too; one that changes nothing that the tree sees leaves no log.
UPDATE ev SET x = x + 1 WHERE at < '2026-01-02Z';
UPDATE ev SET at = at + interval '31 days' WHERE at < '2026-01-03Z';
UPDATE ev_2a SET x = -1 WHERE x = 7;
SELECT * FROM ev_check();
CALL powertree_compact('ev');
UPDATE ev SET x = x;
SELECT log_rows FROM powertrees WHERE name = 'ev';
-- Deletes.
DELETE FROM ev WHERE x::int % 10 = 3;
DELETE FROM ev_1 WHERE x::int % 10 = 4;
SELECT * FROM ev_check();
-- MERGE and ON CONFLICT.
CREATE TABLE news AS SELECT * FROM ev WHERE x::int % 7 = 0;
MERGE INTO ev USING news n ON ev.at = n.at AND ev.s = n.s
    WHEN MATCHED AND n.x::int % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET x = n.x * 2
    WHEN NOT MATCHED THEN INSERT VALUES (n.at, n.s, n.x);
SELECT * FROM ev_check();
CREATE UNIQUE INDEX ON ev_1 (at, s, x);
INSERT INTO ev_1 SELECT * FROM ev_1 WHERE x::int % 5 = 0 ON CONFLICT (at, s, x) DO UPDATE SET x = EXCLUDED.x + 0.5;
INSERT INTO ev_1 SELECT * FROM ev_1 WHERE x::int % 5 = 1 ON CONFLICT DO NOTHING;
SELECT * FROM ev_check();
CALL powertree_compact('ev');
SELECT * FROM ev_check();

-- In one's own transaction, with savepoints.
BEGIN;
INSERT INTO ev VALUES ('2026-01-09Z', 'a', 1000);
SAVEPOINT one;
DELETE FROM ev WHERE s = 'a';
SELECT * FROM ev_check();
ROLLBACK TO one;
SELECT * FROM ev_check();
CALL powertree_compact('ev');
SELECT * FROM ev_check();
ROLLBACK;
SELECT * FROM ev_check();

-- Partitions that come: empty, with rows, and go: detached, dropped, truncated.
CREATE TABLE ev_3 PARTITION OF ev FOR VALUES FROM ('2026-03-01Z') TO ('2026-03-15Z');
INSERT INTO ev_3 VALUES ('2026-03-01Z', 'a', 5);
SELECT * FROM ev_check();
CREATE TABLE ev_4 (x float8, extra int, s text, at timestamptz);
ALTER TABLE ev_4 DROP extra;
INSERT INTO ev_4 VALUES (77, 'b', '2026-03-20Z'), (78, 'a', '2026-03-21Z');
ALTER TABLE ev ATTACH PARTITION ev_4 FOR VALUES FROM ('2026-03-15Z') TO ('2026-04-01Z');
SELECT * FROM ev_check();
SELECT bool_and(first > -9223372036854775808 AND last < 9223372036854775807) AS bounded FROM powertree_span;
CALL powertree_compact('ev');
INSERT INTO ev_4 (at, s, x) VALUES ('2026-03-20Z', 'b', 79);
INSERT INTO ev (at, s, x) VALUES ('2026-03-20Z', 'b', 80);
SELECT * FROM ev_check();
ALTER TABLE ev DETACH PARTITION ev_2 CONCURRENTLY;
ALTER TABLE ev DETACH PARTITION ev_2;
SELECT * FROM ev_check();
INSERT INTO ev_2 VALUES ('2026-02-20Z', 'b', 80);
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid IN ('ev_2'::regclass, 'ev_2a'::regclass, 'ev_2b'::regclass);
CALL powertree_compact('ev');
SELECT * FROM ev_check();
ALTER TABLE ev ATTACH PARTITION ev_2 FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z');
UPDATE ev_2a SET x = x + 1 WHERE at > '2026-02-10Z';
SELECT * FROM ev_check();
CALL powertree_compact('ev');
DROP TABLE ev_2b;
SELECT * FROM ev_check();
SELECT bool_and(first > -9223372036854775808 AND last < 9223372036854775807) AS bounded FROM powertree_span;
CALL powertree_compact('ev');
TRUNCATE ev_1;
SELECT * FROM ev_check();
SELECT bool_and(first > -9223372036854775808 AND last < 9223372036854775807) AS bounded FROM powertree_span;
CALL powertree_compact('ev');
SELECT * FROM ev_check();
-- A partition that goes with its schema, and one whose end was taken back before.
CREATE SCHEMA passing;
CREATE TABLE passing.ev_5 PARTITION OF ev FOR VALUES FROM ('2026-04-01Z') TO ('2026-05-01Z');
INSERT INTO ev VALUES ('2026-04-02Z', 'a', 55), ('2026-04-03Z', 'b', 56);
CALL powertree_compact('ev');
BEGIN;
SAVEPOINT before;
DROP TABLE passing.ev_5;
SELECT * FROM ev_check();
ROLLBACK TO before;
SELECT * FROM ev_check();
DROP SCHEMA passing CASCADE;
SELECT * FROM ev_check();
COMMIT;
CALL powertree_compact('ev');
SELECT * FROM ev_check();
-- The snapshot of before sees an empty partition, as PostgreSQL has it; the tree must not remember more.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT 1 AS snapshot;
\setenv PGDATABASE :DBNAME
\! psql -X -q -c "SET lock_timeout = '60s'" -c "TRUNCATE ev_3" -c "CALL powertree_compact('ev')"
SELECT * FROM ev_check();
COMMIT;
SELECT * FROM ev_check();

-- session_replication_role = replica, as logical replication has it.
SET session_replication_role = replica;
INSERT INTO ev VALUES ('2026-03-02Z', 'a', 11), ('2026-03-03Z', 'b', 12);
INSERT INTO ev_3 VALUES ('2026-03-02Z', 'b', 13);
UPDATE ev SET x = x + 1 WHERE x > 11;
DELETE FROM ev WHERE x = 11;
SELECT * FROM ev_check();
TRUNCATE ev_2a;
-- What a publisher of all tables would send of its own trees.
INSERT INTO powertree_log (series, leaf, tree, key) SELECT series, leaf, tree, key FROM powertree_log;
DELETE FROM powertree_node;
UPDATE powertree_state SET stale = 'not here';
SELECT count(*) > 0 AS nodes FROM powertree_node;
CREATE TABLE ev_6 PARTITION OF ev FOR VALUES FROM ('2026-05-01Z') TO ('2026-06-01Z');
RESET session_replication_role;
INSERT INTO ev_6 VALUES ('2026-05-02Z', 'a', 60), ('2026-05-02Z', 'b', 61);
SELECT * FROM ev_check();
CALL powertree_compact('ev');
SELECT * FROM ev_check();

-- Foreign keys that cascade.
CREATE TABLE names (s text PRIMARY KEY);
INSERT INTO names VALUES ('a'), ('b');
ALTER TABLE ev ADD FOREIGN KEY (s) REFERENCES names ON DELETE CASCADE ON UPDATE CASCADE;
UPDATE names SET s = 'z' WHERE s = 'b';
SELECT * FROM ev_check();
UPDATE names SET s = 'b' WHERE s = 'z';
DELETE FROM names WHERE s = 'a';
SELECT * FROM ev_check();
CALL powertree_compact('ev');

-- Bulk loads.
INSERT INTO names VALUES ('a');
SET pg_tally.powertree_bulk = on;
INSERT INTO ev SELECT '2026-03-01Z'::timestamptz + i * interval '10 minutes', substr('ab', 1 + i % 2, 1), i FROM generate_series(0, 4000) i;
DELETE FROM ev WHERE x::int % 100 = 7;
RESET pg_tally.powertree_bulk;
SELECT answers, log_rows FROM ev_check(), powertrees WHERE name = 'ev';
CALL powertree_compact('ev');
SELECT * FROM ev_check();

-- Renamed tables, columns and schemas.
ALTER TABLE ev RENAME TO events;
ALTER TABLE events RENAME x TO amount;
ALTER TABLE events RENAME s TO sort;
CREATE SCHEMA moved;
ALTER TABLE events SET SCHEMA moved;
ALTER SCHEMA moved RENAME TO "Moved Again";
INSERT INTO "Moved Again".events VALUES ('2026-03-04Z', 'a', 1e6);
SELECT powertree_tally('ev', 'amount', NULL, NULL, 'a') = (SELECT tally(amount) FROM "Moved Again".events WHERE sort = 'a') AS answers;
SELECT name, at, "values", series, state FROM powertrees;
ALTER SCHEMA "Moved Again" RENAME TO moved;
ALTER TABLE moved.events SET SCHEMA public;
ALTER TABLE events RENAME amount TO x;
ALTER TABLE events RENAME sort TO s;
ALTER TABLE events RENAME TO ev;
SELECT * FROM ev_check();
DROP SCHEMA moved;

-- Rows rewritten, triggers that are disabled, types that change, columns that go: stale until rebuilt.
ALTER TABLE ev ADD extra int DEFAULT 7, ADD another timestamptz DEFAULT clock_timestamp();
SELECT * FROM ev_check();
CALL powertree_compact('ev');
SET client_min_messages = error;
ALTER TABLE ev DISABLE TRIGGER ALL;
INSERT INTO ev VALUES ('2026-03-05Z', 'a', 100);
SELECT * FROM ev_check();
ALTER TABLE ev ENABLE TRIGGER ALL;
SELECT * FROM ev_check();
SELECT powertree_rebuild('ev');
SELECT * FROM ev_check();
CALL powertree_compact('ev');
SELECT * FROM ev_check();
DO $$ BEGIN EXECUTE format('DROP TRIGGER powertree_%s_insert ON ev_1', (SELECT id FROM powertree_definition)); END $$;
SELECT count(*) > 0 AS one FROM pg_trigger WHERE tgrelid = 'ev_1'::regclass AND tgname LIKE 'powertree%insert';
INSERT INTO ev_1 VALUES ('2026-01-05Z', 'a', 100);
SELECT * FROM ev_check();
SELECT powertree_rebuild('ev');
CALL powertree_compact('ev');
ALTER TABLE ev ALTER x TYPE numeric(12, 1) USING x + 0.25;
SELECT * FROM ev_check();
SELECT powertree_rebuild('ev');
CALL powertree_compact('ev');
SELECT * FROM ev_check();
ALTER TABLE ev ALTER x TYPE numeric(12) USING x * 3;
SELECT * FROM ev_check();
CALL powertree_compact('ev');
SELECT * FROM ev_check();
ALTER TABLE ev DROP x;
SELECT state FROM powertrees;
SELECT powertree_tally('ev', 'x', NULL, NULL, 'a');
SELECT powertree_rebuild('ev');
INSERT INTO ev VALUES ('2026-03-05Z', 'a');
SELECT powertree_drop('ev');
SELECT count(*) FROM powertrees;
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'powertree%';

-- Tables that are dropped.
SELECT powertree_create('ev', at => 'at', "values" => '{extra}', leaf => '1 hour');
DROP TABLE ev;
SELECT count(*) FROM powertrees;
SELECT (SELECT count(*) FROM powertree_definition) + (SELECT count(*) FROM powertree_state) + (SELECT count(*) FROM powertree_span)
    + (SELECT count(*) FROM powertree_log) + (SELECT count(*) FROM powertree_node) + (SELECT count(*) FROM powertree_series) AS left_behind;

-- Tables that become something that no trigger sees.
CREATE TABLE plain (at bigint, x int);
SELECT powertree_create('plain', at => 'at', "values" => '{x}', leaf => '10');
CREATE TABLE child () INHERITS (plain);
INSERT INTO child VALUES (1, 1);
SELECT state, powertree_tally('plain', 'x', 0, 10) = (SELECT tally(x) FROM plain) AS answers FROM powertrees;
DROP TABLE child;
SELECT powertree_rebuild('plain');
CALL powertree_compact('plain');
INSERT INTO plain VALUES (5, 1);
SELECT state, powertree_tally('plain', 'x', 0, 10) = (SELECT tally(x) FROM plain) AS answers FROM powertrees;
ALTER TABLE plain SET UNLOGGED;
SELECT state, powertree_tally('plain', 'x', 0, 10) = (SELECT tally(x) FROM plain) AS answers FROM powertrees;
ALTER TABLE plain SET LOGGED;
SELECT powertree_rebuild('plain');
CALL powertree_compact('plain');
CREATE TABLE whole (at bigint, x int) PARTITION BY RANGE (at);
ALTER TABLE whole ATTACH PARTITION plain DEFAULT;
INSERT INTO whole VALUES (6, 6);
SELECT state, powertree_tally('plain', 'x', 0, 10) = (SELECT tally(x) FROM plain) AS answers FROM powertrees;
DROP TABLE whole;
SELECT count(*) FROM powertrees;
-- A trigger that came with a table from elsewhere and bears the number of a tree here.
CREATE TABLE here (at bigint, x int);
SELECT powertree_create('here', at => 'at', "values" => '{x}', leaf => '10');
CALL powertree_compact('here');
CREATE TABLE elsewhere (LIKE here);
DO $$ BEGIN
    SET LOCAL session_replication_role = replica;
    EXECUTE format('CREATE TRIGGER powertree_%s_delete AFTER DELETE ON elsewhere FOR EACH ROW EXECUTE FUNCTION powertree_capture(%L)', id, id) FROM powertree_definition;
    EXECUTE format('CREATE TRIGGER foreign_trigger AFTER INSERT ON elsewhere REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION powertree_capture(%L)', id) FROM powertree_definition;
END $$;
INSERT INTO elsewhere VALUES (1, 1);
INSERT INTO here VALUES (5, 5);
SELECT powertree_tally('here', 'x', 0, 10) = (SELECT tally(x) FROM here) AS answers;
DROP TABLE here, elsewhere;
DROP TABLE news, names;
DROP FUNCTION ev_check;
RESET client_min_messages;

-- What the extension does as a superuser finds no operator of the caller's.
CREATE SCHEMA trap;
CREATE FUNCTION trap.sprung(name, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung by %', current_user; END $$;
CREATE OPERATOR trap.~~ (LEFTARG = name, RIGHTARG = text, FUNCTION = trap.sprung);
CREATE TABLE trapped (at timestamptz, x float8);
SET search_path = trap, pg_catalog, public;
SELECT public.powertree_create('public.trapped', at => 'at', "values" => '{x}', leaf => '1 hour');
ALTER TABLE public.trapped ADD COLUMN y int;
RESET search_path;
DROP TABLE trapped;
SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;
RESET client_min_messages;
