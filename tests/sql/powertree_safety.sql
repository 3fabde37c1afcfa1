-- What anybody may try: triggers and arguments that nobody foresaw, answers without end, and questions about others' tables.
SET client_min_messages = warning;
CREATE TABLE safe (s text, at timestamptz, x float8, y float8, secret text);
INSERT INTO safe SELECT 'a', '2026-01-01Z'::timestamptz + i * interval '1 minute', i, -i, 'z' FROM generate_series(1, 3000) i;
SELECT powertree_create('safe', at => 'at', "values" => '{x,y}', series => '{s}', leaf => '1 hour');
CALL powertree_compact('safe');
CREATE FUNCTION tried(query text, OUT code text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE query;
    code := 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;

-- Triggers of any kind, with any arguments, on any table; after each the rows are counted.
CREATE TABLE mine (s text, at timestamptz, x float8);
CREATE VIEW window_of_mine AS SELECT * FROM mine;
CREATE FUNCTION fire(what text, arguments text, target text, OUT code text, OUT message text, OUT rows bigint) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE %s EXECUTE FUNCTION %s', format(what, target), arguments);
    SELECT t.code, t.message INTO fire.code, fire.message FROM tried(format('INSERT INTO %s VALUES (''a'', ''2026-01-01Z'', 1)', target)) t;
    IF fire.code = 'done' THEN
        SELECT t.code, t.message INTO fire.code, fire.message FROM tried(format('UPDATE %1$s SET x = 2; DELETE FROM %1$s; TRUNCATE mine', target)) t;
    END IF;
    EXECUTE format('SELECT count(*) FROM %s', target) INTO fire.rows;
    EXECUTE format('DROP TRIGGER t ON %s', target);
    TRUNCATE mine;
END $$;
SELECT arguments, what, f.* FROM unnest(ARRAY[
    'TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW',
    'TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT',
    'TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW',
    'TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT',
    'CONSTRAINT TRIGGER t AFTER INSERT ON %s DEFERRABLE FOR EACH ROW',
    'TRIGGER t AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT',
    'TRIGGER t AFTER UPDATE ON %s REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT',
    'TRIGGER t AFTER TRUNCATE ON %s FOR EACH STATEMENT',
    'TRIGGER t BEFORE TRUNCATE ON %s FOR EACH STATEMENT'
]) WITH ORDINALITY w(what, i), unnest(ARRAY['powertree_capture()', 'powertree_capture(''1'')', 'powertree_capture(''x'', ''y'')', 'powertree_skip()'])
    WITH ORDINALITY a(arguments, j), fire(what, arguments, 'mine') f ORDER BY j, i;
SELECT f.* FROM fire('TRIGGER t INSTEAD OF INSERT ON %s FOR EACH ROW', 'powertree_capture(''1'')', 'window_of_mine') f;
-- One that is named like the tree's own is taken from a table that is not the tree's, which stays as it was.
SELECT id AS tree FROM powertree_definition WHERE name = 'safe' \gset
SELECT code FROM tried(format('CREATE TRIGGER powertree_%s_delete AFTER DELETE ON mine REFERENCING OLD TABLE AS powertree_old FOR EACH STATEMENT
    EXECUTE FUNCTION powertree_capture(%1$L)', :tree));
SELECT state, (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'mine'::regclass) AS triggers FROM powertrees WHERE name = 'safe';
-- On the tree's own table too: a second one does not count rows twice.
SELECT code, message, hint FROM unnest(ARRAY[
    'AFTER INSERT ON safe REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT', 'AFTER INSERT ON safe FOR EACH ROW',
    'AFTER INSERT ON safe FOR EACH STATEMENT', 'BEFORE INSERT ON safe FOR EACH ROW'
]) w(what), tried(format('CREATE TRIGGER second %s EXECUTE FUNCTION powertree_capture(%L);
    INSERT INTO safe (s, at, x) VALUES (''a'', ''2026-01-01Z'', 1)', what, :tree));
SELECT powertree_tally('safe', 'x', NULL, NULL, 'a') = (SELECT tally(x) FROM safe) AS right, count(*) FROM safe;

-- Bytes and numbers for the count of a node, which version 0.1.0 let everybody call.
CREATE FUNCTION count_of(bytea, integer) RETURNS bigint AS '$libdir/pg_tally', 'powertree_count_wrapper' LANGUAGE C STRICT;
SELECT DISTINCT count_of(b, n) FROM unnest('{"",\\x00,\\x0000,\\x01,\\xffff,\\x0100,\\x010002ffffffffffffffffff01,\\xffffffffffffffffffffffffffffffff}'::bytea[]) b,
    unnest('{0,1,-1,8,9,65536,1000000000,2147483647,-2147483648}'::int[]) n;
DROP FUNCTION count_of;

-- Buckets without end: so many that they go to disk, cancelled while they are computed. The memory of this session is that of its
-- process at its highest, without what is shared or mapped by now; work_mem is 4 MB.
CREATE TABLE numbers (p bigint, x float8);
INSERT INTO numbers SELECT i * 1000, i FROM generate_series(0, 1999) i;
SELECT powertree_create('numbers', at => 'p', "values" => '{x}', leaf => '10');
\c -
SET client_min_messages = warning;
CREATE FUNCTION highest() RETURNS int LANGUAGE sql VOLATILE AS
    $$ SELECT (substring(s FROM 'VmHWM:\s+(\d+)')::int - substring(s FROM 'RssFile:\s+(\d+)')::int - substring(s FROM 'RssShmem:\s+(\d+)')::int) / 1024
        FROM pg_read_file('/proc/self/status') f(s) $$;
CREATE TEMP TABLE memory AS SELECT 'before' AS what, highest() AS mb;
SELECT state, count(*), sum(num_vals(tally)) FROM powertrees, powertree_buckets('numbers', 'x', 0, 2000000, '2') WHERE name = 'numbers' GROUP BY 1;
CALL powertree_compact('numbers');
INSERT INTO numbers SELECT i, 1 FROM generate_series(0, 399999) i;
SELECT count(*), sum(num_vals(tally)), sum(sum(tally)) = (SELECT sum(x) FROM numbers) AS right FROM powertree_buckets('numbers', 'x', 0, 2000000, '2');
SELECT num_vals(powertree_tally('numbers', 'x', 0, 2000000)), num_vals((powertree_last('numbers', 'x', 401000)).tally);
INSERT INTO memory SELECT 'after', highest();
SELECT max(mb) - min(mb) < 68 AS little FROM memory;
SELECT count(*), sum(num_vals(tally)) FROM powertree_buckets('numbers', 'x', -2147483648, 4294967296, '10000');
SELECT count(*) FROM powertree_buckets('numbers', 'x', -9223372036854775807, 9223372036854775806, '1');
SELECT pg_stat_force_next_flush();
SELECT temp_bytes AS before FROM pg_stat_database WHERE datname = current_database() \gset
SET statement_timeout = '50ms';
SELECT count(*) FROM powertree_buckets('numbers', 'x', 0, 2000000, '2');
RESET statement_timeout;
SELECT pg_stat_force_next_flush();
-- All of them would be 120 MB.
SELECT temp_bytes - :before < 80e6 AS few_were_computed FROM pg_stat_database WHERE datname = current_database();
DROP FUNCTION highest;

-- Who may not read the table learns nothing from the tree: not its values, its series, or that its column is gone.
CREATE ROLE regress_tally_none;
CREATE ROLE regress_tally_some;
CREATE ROLE regress_tally_all;
GRANT SELECT ON safe TO regress_tally_all;
GRANT SELECT (s, at, x) ON safe TO regress_tally_some;
CREATE FUNCTION as_each(query text) RETURNS TABLE (who text, code text, message text, hint text) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH who IN ARRAY '{regress_tally_none,regress_tally_some,regress_tally_all}'::text[] LOOP
        EXECUTE format('SET LOCAL ROLE %I', who);
        SELECT t.* INTO code, message, hint FROM tried(query) t;
        RESET ROLE;
        RETURN NEXT;
    END LOOP;
END $$;
\x on
SELECT query, e.* FROM unnest(ARRAY[
    $q$SELECT powertree_tally('safe', 'x', NULL, NULL, 'a')$q$,
    $q$SELECT powertree_tally('safe', 'y', NULL, NULL, 'a')$q$,
    $q$SELECT powertree_last('safe', 'nothing', 1, 'a')$q$,
    $q$SELECT powertree_buckets('safe', 'x', '2026-01-01', '2026-01-02', '1 hour', 'too', 'many')$q$
]) WITH ORDINALITY q(query, i), as_each(query) e ORDER BY i, who;
\x off
-- The schema counts as in a SELECT, for ranges that end on leaves too.
CREATE SCHEMA walled;
ALTER TABLE safe SET SCHEMA walled;
SELECT who, code, message FROM as_each($q$SELECT powertree_tally('safe', 'x', '2026-01-01 01:00Z', '2026-01-01 02:00Z', 'a')$q$);
ALTER TABLE walled.safe SET SCHEMA public;
DROP SCHEMA walled;

-- The view shows a tree to those who may read all its columns, and evaluates nothing of theirs before that.
CREATE FUNCTION leak(text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'seen: %', $1; RETURN true; END $$;
CREATE FUNCTION shown() RETURNS TABLE (who text, name text, num_vals bigint, num_series bigint, log_rows bigint, has_bytes boolean) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH who IN ARRAY '{regress_tally_none,regress_tally_some,regress_tally_all}'::text[] LOOP
        EXECUTE format('SET LOCAL ROLE %I', who);
        RETURN QUERY SELECT who, p.name, p.num_vals, p.num_series, p.log_rows, p.bytes > 0 FROM powertrees p WHERE leak(p.name);
        RESET ROLE;
    END LOOP;
END $$;
INSERT INTO safe (s, at, x) VALUES ('b', '2026-01-01Z', 1);
SELECT * FROM shown();
GRANT SELECT (y) ON safe TO regress_tally_some;
ALTER TABLE safe ENABLE ROW LEVEL SECURITY;
CREATE POLICY none_of_it ON safe TO regress_tally_all USING (false);
CREATE POLICY some_of_it ON safe TO regress_tally_some USING (s = 'b');
SELECT * FROM shown();
ALTER TABLE safe DISABLE ROW LEVEL SECURITY;
SELECT * FROM shown() WHERE who = 'regress_tally_all';
-- What compactions count is what there is.
CREATE FUNCTION counted() RETURNS TABLE (name text, num_vals bigint, num_series bigint, bytes boolean) LANGUAGE sql AS $$
    SELECT p.name, p.num_vals, p.num_series, p.bytes = (SELECT sum(octet_length(n.block) + 82) FROM powertree_node n WHERE n.tree = d.id)
    FROM powertrees p JOIN powertree_definition d USING (name) ORDER BY 1
$$;
CALL powertree_compact();
SELECT * FROM counted();
UPDATE safe SET s = 'c', at = at + interval '10 days' WHERE x < 1000;
DELETE FROM safe WHERE x > 2000;
DELETE FROM numbers WHERE p < 1000;
CALL powertree_compact();
SELECT * FROM counted();
SELECT powertree_rebuild('safe');
CALL powertree_compact();
SELECT * FROM counted();
-- That a tree was not compacted is shown to whoever may read it; why, to its owner only, as an error may tell of rows.
CREATE TABLE refusing ();
GRANT SELECT ON refusing TO regress_tally_none;
CREATE FUNCTION refuse(integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS
    $$ BEGIN IF EXISTS (SELECT FROM public.refusing) THEN RAISE 'row % is refused', $1; END IF; RETURN 1; END $$;
CREATE TABLE failing (at bigint, x float8);
ALTER TABLE failing OWNER TO regress_tally_none;
GRANT SELECT ON failing TO regress_tally_all;
SET ROLE regress_tally_none;
SELECT powertree_create('failing', 'at', '{x}', '10');
INSERT INTO failing SELECT g, g FROM generate_series(1, 100) g;
CALL powertree_compact();
RESET ROLE;
CREATE INDEX ON failing (at) WHERE refuse(42) = 1;
INSERT INTO failing VALUES (101, 101);
UPDATE failing SET x = 7 WHERE at IN (5, 6, 15);
INSERT INTO refusing DEFAULT VALUES;
CREATE FUNCTION watched() RETURNS TABLE (who text, failed boolean, last_error text, log_rows bigint, dirty_leaves bigint, log_bytes boolean, served boolean) LANGUAGE plpgsql AS $$
BEGIN
    FOREACH who IN ARRAY ARRAY['regress_tally_none', 'regress_tally_all', session_user] LOOP
        EXECUTE format('SET LOCAL ROLE %I', who);
        RETURN QUERY SELECT CASE who WHEN session_user THEN 'superuser' ELSE who END, p.failed_at <= clock_timestamp(), p.last_error,
            p.log_rows, p.dirty_leaves, p.log_bytes > p.log_rows * 80, p.served FROM powertrees p WHERE p.name = 'failing';
        RESET ROLE;
    END LOOP;
END $$;
SELECT * FROM watched();
SET ROLE regress_tally_none;
CALL powertree_compact();
CALL powertree_compact();
RESET ROLE;
SELECT * FROM watched();
SELECT failures FROM powertree_failure;
-- The owner is told of row security too, which hides the totals.
SET ROLE regress_tally_none;
ALTER TABLE failing ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CALL powertree_compact();
RESET ROLE;
SELECT * FROM watched();
SET ROLE regress_tally_none;
ALTER TABLE failing DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
RESET ROLE;
TRUNCATE refusing;
SET ROLE regress_tally_none;
CALL powertree_compact();
RESET ROLE;
SELECT * FROM watched();
SELECT count(*) FROM powertree_failure;
DROP TABLE failing, refusing;
DROP FUNCTION watched, refuse;
ALTER TABLE safe DROP COLUMN y;
SELECT who, code, message FROM as_each($q$SELECT powertree_tally('safe', 'x', NULL, NULL, 'a')$q$);
SELECT powertree_drop('safe'), powertree_drop('numbers');
DROP FUNCTION counted, shown, leak, as_each, fire, tried;
DROP VIEW window_of_mine;
DROP TABLE safe, mine, numbers;
DROP ROLE regress_tally_none, regress_tally_some, regress_tally_all;
RESET client_min_messages;
