-- Code of a table's owner runs as that owner and leaves nothing behind; what calls or replaces a tree's triggers is noticed.
SET client_min_messages = warning;
CREATE ROLE regress_alice;
CREATE ROLE regress_bob;
CREATE SCHEMA alice AUTHORIZATION regress_alice;
CREATE SCHEMA bob AUTHORIZATION regress_bob;
GRANT USAGE ON SCHEMA alice, bob TO PUBLIC;

-- Says something only if it runs as anybody else.
CREATE FUNCTION alice.trap(place text) RETURNS int IMMUTABLE COST 1 LANGUAGE plpgsql AS $$ BEGIN
    IF current_user <> 'regress_alice' THEN RAISE WARNING '% ran as %', place, current_user; END IF; RETURN 1; END $$;
SET ROLE regress_alice;
CREATE TABLE alice.t (at timestamptz, x float8, CHECK (x > -1e9 OR alice.trap('check') = 1)) PARTITION BY RANGE (at);
CREATE TABLE alice.t1 PARTITION OF alice.t FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
CREATE TABLE alice.t2 PARTITION OF alice.t DEFAULT;
INSERT INTO alice.t VALUES ('2026-01-10Z', 1), ('2026-05-10Z', 2);
SELECT powertree_create('alice.t', 'at', '{x}', '1 hour', name => 'fence');
CREATE INDEX ON alice.t1 (at) WHERE alice.trap('predicate') = 1;
CREATE INDEX ON alice.t2 (at) WHERE alice.trap('predicate') = 1;
CREATE INDEX ON alice.t1 ((alice.trap('expression') + x));
CREATE STATISTICS alice.s ON (alice.trap('statistics') + x), at FROM alice.t2;
ANALYZE alice.t;
RESET ROLE;
CALL powertree_compact('fence');
CREATE FUNCTION fence() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', powertree_tally('fence', 'x', NULL::timestamptz, NULL), (SELECT tally(x) FROM alice.t), (SELECT state FROM powertrees WHERE name = 'fence'))
$$;
GRANT EXECUTE ON FUNCTION fence() TO PUBLIC;
-- By the owner, as the functions must be his; every command finds out which leaves the partition held.
SET ROLE regress_alice;
TRUNCATE alice.t2;
SELECT fence();
INSERT INTO alice.t VALUES ('2026-05-10Z', 3);
ALTER TABLE alice.t DETACH PARTITION alice.t2;
SELECT fence();
ALTER TABLE alice.t ATTACH PARTITION alice.t2 DEFAULT;
SELECT fence();
CALL powertree_compact('fence');
DROP TABLE alice.t2;
SELECT fence();
CREATE TABLE alice.t2 PARTITION OF alice.t DEFAULT;
RESET ROLE;
CALL powertree_compact('fence');

-- What an owner's function sets is gone afterwards, in the session of whoever compacts.
SET ROLE regress_alice;
CREATE FUNCTION alice.meddle(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
    PERFORM set_config('search_path', 'alice', false), set_config('work_mem', '77kB', false), set_config('row_security', 'off', false); RETURN 1; END $$;
CREATE TABLE alice.q (at timestamptz, x float8);
CREATE INDEX ON alice.q (at) WHERE alice.meddle(1) = 1;
SELECT powertree_create('alice.q', 'at', '{x}', '1 hour');
RESET ROLE;
SELECT current_setting('search_path') AS path, current_setting('work_mem') AS memory \gset
CALL powertree_compact('q');
SELECT current_setting('search_path') = :'path', current_setting('work_mem') = :'memory', current_setting('row_security');

-- A name that would end a string if backslashes meant anything.
CREATE SCHEMA "a\x22.s\'); SELECT 1/0; --";
SET standard_conforming_strings = off;
SET escape_string_warning = off;
CREATE TABLE "a\x22.s\'); SELECT 1/0; --"."x\'y" (at timestamptz, "\'x" float8);
SELECT powertree_create('"a\\x22.s\\''); SELECT 1/0; --"."x\\''y"', 'at', array[E'\\\'x'], '1 hour', name => 'quoted');
INSERT INTO "a\x22.s\'); SELECT 1/0; --"."x\'y" VALUES (now(), 1);
CALL powertree_compact('quoted');
SELECT num_vals FROM powertrees WHERE name = 'quoted';
SELECT powertree_drop('quoted');
RESET standard_conforming_strings;
RESET escape_string_warning;

-- Overloads that would be better matches of literals are not called.
CREATE TABLE days (at date, x smallint);
INSERT INTO days VALUES ('2026-01-01', 1);
CREATE FUNCTION powertree_leaf(date, int) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'overloaded'; END $$;
CREATE FUNCTION tally_step(tally, smallint) RETURNS tally LANGUAGE sql AS 'SELECT 1/0; SELECT $1';
CREATE AGGREGATE tally(smallint) (sfunc = tally_step, stype = tally);
SELECT powertree_create('days', 'at', '{x}', '7 days');
CALL powertree_compact('days');
UPDATE days SET x = 2;
CALL powertree_compact('days');
SELECT powertree_tally('days', 'x', NULL::date, NULL), (powertree_last('days', 'x', 1)).tally;
DROP AGGREGATE tally(smallint);
DROP FUNCTION powertree_leaf(date, int), tally_step(tally, smallint);
DROP TABLE days;

-- Partitions of different owners: answered, but not compacted, for one's code would run as the other.
ALTER TABLE alice.t2 OWNER TO regress_bob;
INSERT INTO alice.t VALUES ('2026-06-10Z', 4);
CALL powertree_compact('fence');
SELECT fence();
ALTER TABLE alice.t2 OWNER TO regress_alice;
CALL powertree_compact('fence');
SELECT fence();
ALTER TABLE alice.t1 OWNER TO SESSION_USER;
CALL powertree_compact('fence');
ALTER TABLE alice.t OWNER TO SESSION_USER;
CALL powertree_compact('fence');
ALTER TABLE alice.t OWNER TO regress_alice;

-- One tree that fails does not keep the others from their turn.
CREATE TABLE bob.forced (at timestamptz, x float8);
ALTER TABLE bob.forced OWNER TO regress_bob;
SELECT powertree_create('bob.forced', 'at', '{x}', '1 hour');
ALTER TABLE bob.forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE TABLE later (at timestamptz, x float8);
SELECT powertree_create('later', 'at', '{x}', '1 hour');
CALL powertree_compact();
SELECT name, state FROM powertrees WHERE name IN ('fence', 'forced', 'later') ORDER BY name;
BEGIN;
INSERT INTO later VALUES (now(), 1);
CALL powertree_compact();
COMMIT;
SELECT num_vals, log_rows FROM powertrees WHERE name = 'later';
CALL powertree_compact('forced');
DROP TABLE bob.forced;

-- Other triggers that call the function count nothing, and say so; one that takes the place of ours is noticed.
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
SELECT id FROM powertree_definition WHERE name = 'later' \gset
CREATE TRIGGER again AFTER INSERT ON later REFERENCING NEW TABLE AS powertree_new FOR EACH STATEMENT EXECUTE FUNCTION powertree_capture(:id);
INSERT INTO later VALUES (now(), 1);
DROP TRIGGER again ON later;
CREATE TRIGGER again BEFORE INSERT ON later FOR EACH ROW EXECUTE FUNCTION powertree_capture(:id);
INSERT INTO later VALUES (now(), 1);
DROP TRIGGER again ON later;
CREATE TRIGGER again AFTER INSERT ON later FOR EACH STATEMENT EXECUTE FUNCTION powertree_capture();
INSERT INTO later VALUES (now(), 1);
DROP TRIGGER again ON later;
-- Nor does one whose name and argument mean the tree in other letters.
DO $$ DECLARE id text := (SELECT id FROM powertree_definition WHERE name = 'later'); BEGIN
    EXECUTE format('CREATE TRIGGER powertree_0%s_insert AFTER INSERT ON later REFERENCING NEW TABLE AS powertree_new FOR EACH STATEMENT EXECUTE FUNCTION powertree_capture(''0%s'')', id, id);
    INSERT INTO later VALUES (now(), 1);
EXCEPTION WHEN trigger_protocol_violated THEN RAISE WARNING 'refused';
END $$;
SELECT count(*), powertree_tally('later', 'x', NULL::timestamptz, NULL) = tally(x) FROM later;
CREATE FUNCTION replaced(definition text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    PERFORM powertree_rebuild('later');
    EXECUTE format('CREATE OR REPLACE TRIGGER powertree_%s_insert ', (SELECT id FROM powertree_definition WHERE name = 'later'))
        || replace(definition, '$', (SELECT id::text FROM powertree_definition WHERE name = 'later'));
    RETURN (SELECT split_part(state, ' of ', 1) FROM powertrees WHERE name = 'later');
END $$;
SELECT replaced(definition) FROM (VALUES
    ('AFTER INSERT ON later FOR EACH STATEMENT EXECUTE FUNCTION nothing()'),
    ('AFTER INSERT ON later REFERENCING NEW TABLE AS powertree_new FOR EACH STATEMENT EXECUTE FUNCTION nothing($)'),
    ('AFTER INSERT ON later FOR EACH STATEMENT EXECUTE FUNCTION powertree_capture($)'),
    ('AFTER INSERT ON later REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION powertree_capture($)'),
    ('AFTER INSERT ON later REFERENCING NEW TABLE AS powertree_new FOR EACH STATEMENT EXECUTE FUNCTION powertree_capture($, 1)'),
    ('AFTER INSERT ON later REFERENCING NEW TABLE AS powertree_new FOR EACH STATEMENT EXECUTE FUNCTION powertree_capture(1$)'),
    ('AFTER INSERT ON later REFERENCING NEW TABLE AS powertree_new FOR EACH STATEMENT WHEN (now() < ''2000-01-01'') EXECUTE FUNCTION powertree_capture($)'),
    ('BEFORE INSERT ON later FOR EACH STATEMENT EXECUTE FUNCTION powertree_capture($)'),
    ('AFTER INSERT ON later REFERENCING NEW TABLE AS powertree_new FOR EACH STATEMENT EXECUTE FUNCTION powertree_capture($)')) d(definition);
DROP TABLE later;

-- Commands on tables by other names than ALTER TABLE.
CREATE TYPE reading AS (at timestamptz, x float8);
CREATE TABLE typed OF reading;
SELECT powertree_create('typed', 'at', '{x}', '1 hour');
INSERT INTO typed VALUES (now(), 1);
ALTER TYPE reading RENAME ATTRIBUTE x TO y CASCADE;
INSERT INTO typed VALUES (now(), 2);
SELECT "values", powertree_tally('typed', 'y', NULL::timestamptz, NULL) = (SELECT tally(y) FROM typed) FROM powertrees WHERE name = 'typed';
CREATE TABLE plain (at timestamptz, x float8);
SELECT powertree_create('plain', 'at', '{x}', '1 hour');
ALTER VIEW plain RENAME COLUMN x TO y;
ALTER MATERIALIZED VIEW plain RENAME COLUMN y TO z;
INSERT INTO plain VALUES (now(), 1);
SELECT "values", powertree_tally('plain', 'z', NULL::timestamptz, NULL) = (SELECT tally(z) FROM plain) FROM powertrees WHERE name = 'plain';
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
CREATE FOREIGN TABLE far (at timestamptz, z float8) SERVER nowhere;
ALTER FOREIGN TABLE far INHERIT plain;
SELECT state FROM powertrees WHERE name = 'plain';
-- A command inside of another one ends first; what the outer one has done is looked at all the same.
CREATE TABLE around (at timestamptz, x float8) PARTITION BY RANGE (at);
CREATE TABLE around_1 PARTITION OF around DEFAULT;
INSERT INTO around VALUES (now(), 1);
SELECT powertree_create('around', 'at', '{x}', '1 hour');
CREATE FUNCTION nested(float8) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE nested (); DROP TABLE nested; RETURN true; END $$;
ALTER TABLE around_1 ADD CHECK (nested(x)), DISABLE TRIGGER USER;
SELECT state FROM powertrees WHERE name = 'around';
DROP OWNED BY regress_alice CASCADE;
SELECT name FROM powertrees WHERE name IN ('fence', 'q');
DROP OWNED BY regress_bob CASCADE;
DROP ROLE regress_alice, regress_bob;
DROP TABLE typed, around;
DROP FOREIGN TABLE far;
DROP TABLE plain;
DROP FUNCTION nested(float8);
DROP TYPE reading;
DROP SERVER nowhere;
DROP FOREIGN DATA WRAPPER nowhere;
