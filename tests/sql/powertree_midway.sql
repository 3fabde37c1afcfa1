-- In the middle of a statement the tree says what the table says, to whoever can see rows that are not logged yet.
SET client_min_messages = warning;
CREATE TABLE parent (s text PRIMARY KEY);
CREATE TABLE mid (s text REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE, at bigint, x float8) PARTITION BY RANGE (at);
CREATE TABLE mid_1 PARTITION OF mid FOR VALUES FROM (0) TO (1000);
CREATE TABLE mid_2 PARTITION OF mid FOR VALUES FROM (1000) TO (2000);
CREATE INDEX ON mid (s, at);
INSERT INTO parent VALUES ('a'), ('b');
INSERT INTO mid SELECT 'a', i, i FROM generate_series(0, 299) i;
SELECT powertree_create('mid', at => 'at', "values" => '{x}', series => '{s}', leaf => '100');
CALL powertree_compact('mid');
CREATE TABLE found (who text, tree bigint, rows bigint);
CREATE SEQUENCE asked;
-- What differs, and how often was asked.
CREATE FUNCTION look(who text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    tree tally := powertree_tally('mid', 'x', NULL, NULL, 'a');
    rows tally := (SELECT tally(x) FROM mid WHERE s = 'a');
BEGIN
    PERFORM nextval('asked');
    IF tree <> rows OR (powertree_last('mid', 'x', 1, 'a')).last IS DISTINCT FROM (SELECT x FROM mid WHERE s = 'a' ORDER BY at DESC, x DESC LIMIT 1) THEN
        INSERT INTO found VALUES (who, num_vals(tree), num_vals(rows));
    END IF;
    RETURN num_vals(rows);
END $$;
CREATE FUNCTION looks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM look(TG_NAME); RETURN coalesce(NEW, OLD); END $$;
CREATE FUNCTION looking(table_name text, except_for text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    kind text;
BEGIN
    -- Names that sort before and after those of the tree's triggers.
    FOREACH kind IN ARRAY '{a_before,z_before,a_after,z_after}'::text[] LOOP
        EXECUTE format('CREATE TRIGGER %s_%s_row %2$s INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION looks()', left(kind, 1), substr(kind, 3), table_name);
        EXECUTE format('CREATE TRIGGER %s_%s %2$s INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION looks()', left(kind, 1), substr(kind, 3), table_name);
    END LOOP;
END $$;
SELECT looking('mid'), looking('parent');
CREATE FUNCTION report(OUT asked boolean, OUT wrong bigint, OUT rows bigint) LANGUAGE plpgsql AS $$
BEGIN
    asked := (SELECT is_called FROM asked);
    wrong := (SELECT count(*) FROM found);
    rows := look('afterwards');
    PERFORM setval('asked', 1, false);
END $$;

INSERT INTO mid VALUES ('a', 7, 1), ('a', 1007, 2), ('b', 8, 3);
SELECT * FROM report();
INSERT INTO mid SELECT 'a', 200 + i, i FROM generate_series(1, 3) i RETURNING look('returning');
SELECT * FROM report();
WITH i AS (INSERT INTO mid VALUES ('a', 300, 4) RETURNING x), u AS (UPDATE mid SET x = x + 1 WHERE at = 10 RETURNING x)
SELECT x, look('with') FROM i UNION ALL SELECT x, look('with') FROM u;
SELECT * FROM report();
UPDATE mid SET at = at + 1000 WHERE at < 3 AND look('condition') > 0;
SELECT * FROM report();
DELETE FROM mid WHERE at BETWEEN 100 AND 102 RETURNING look('deleted');
SELECT * FROM report();
INSERT INTO mid_1 VALUES ('a', 5, 5), ('a', look('default') - look('default'), 6);
SELECT * FROM report();
COPY mid FROM stdin;
a	150	7
a	1150	8
\.
SELECT * FROM report();
MERGE INTO mid USING (VALUES ('a', 150), ('a', 160)) v(s, at) ON mid.s = v.s AND mid.at = v.at
    WHEN MATCHED AND mid.at = 150 THEN DELETE WHEN MATCHED THEN UPDATE SET x = -1 WHEN NOT MATCHED THEN INSERT VALUES (v.s, v.at, 9);
SELECT * FROM report();
-- What fails leaves nothing behind, and what goes on after it is noticed.
DO $$
BEGIN
    BEGIN
        INSERT INTO mid SELECT 'a', i, 1 / (i - 3) FROM generate_series(1, 5) i;
    EXCEPTION WHEN division_by_zero THEN
        PERFORM look('after a failure');
    END;
    INSERT INTO mid VALUES ('a', 11, 11);
    PERFORM look('after another');
END $$;
SELECT * FROM report();
-- A statement inside of another one's, of the same table.
CREATE FUNCTION more() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN INSERT INTO mid VALUES ('a', 12, 12); RETURN look('inside'); END $$;
INSERT INTO mid VALUES ('a', 13, 13), ('a', 14, 14) RETURNING more() > 0, look('outside') > 0;
SELECT * FROM report();
BEGIN;
SAVEPOINT s;
DELETE FROM mid WHERE at = 13;
SELECT look('in a savepoint') > 0;
ROLLBACK TO s;
SELECT look('rolled back') > 0;
COMMIT;
SELECT * FROM report();
-- Foreign keys: rows go before the table's own triggers fire.
UPDATE parent SET s = 'c' WHERE s = 'a';
UPDATE parent SET s = 'a' WHERE s = 'c';
SELECT * FROM report();
DELETE FROM parent;
SELECT * FROM report();
-- As a replica.
INSERT INTO parent VALUES ('a');
ALTER TABLE mid ENABLE ALWAYS TRIGGER a_after_row;
SET session_replication_role = replica;
WITH i AS (INSERT INTO mid SELECT 'a', i, i FROM generate_series(0, 29) i RETURNING look('replica')) SELECT count(*) FROM i;
RESET session_replication_role;
SELECT * FROM report();
CALL powertree_compact('mid');
SELECT * FROM report();
TABLE found;
SELECT state FROM powertrees WHERE name = 'mid';
SELECT powertree_drop('mid');
DROP TABLE mid, parent, found;
DROP SEQUENCE asked;
DROP FUNCTION look, looks, looking, report, more;

-- Cursors see what there was when they were opened, whenever they are asked: of a statement that is under way, the rows that were there.
CREATE TABLE parent (s text PRIMARY KEY);
CREATE TABLE mid (s text REFERENCES parent ON DELETE CASCADE, at bigint, x float8) PARTITION BY RANGE (at);
CREATE TABLE mid_1 PARTITION OF mid FOR VALUES FROM (0) TO (1000);
CREATE TABLE mid_2 PARTITION OF mid FOR VALUES FROM (1000) TO (2000);
CREATE INDEX ON mid (s, at);
INSERT INTO parent VALUES ('a'), ('b');
INSERT INTO mid SELECT 'a', i, i FROM generate_series(0, 299) i;
SELECT powertree_create('mid', at => 'at', "values" => '{x}', series => '{s}', leaf => '100');
CALL powertree_compact('mid');
-- Does not keep the table open, as a query of it would.
CREATE FUNCTION answers(OUT tree tally, OUT rows tally) LANGUAGE plpgsql STABLE AS $$
BEGIN
    tree := powertree_tally('mid', 'x', NULL, NULL, 'a');
    rows := (SELECT tally(x) FROM mid WHERE s = 'a');
END $$;
CREATE SEQUENCE opened;
CREATE FUNCTION open(hold text DEFAULT '') RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    EXECUTE format('DECLARE %I CURSOR %s FOR SELECT * FROM answers()', 'look ' || nextval('opened'), hold);
    RETURN 1;
END $$;
CREATE FUNCTION opens() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM open(current_setting('tally_test.hold', true)); RETURN coalesce(NEW, OLD); END $$;
-- Asks them all. They see different numbers of rows: which, is seen from the counts of the table.
CREATE FUNCTION fetched(OUT cursors bigint, OUT wrong text, OUT rows text) LANGUAGE plpgsql AS $$
DECLARE
    cursor refcursor;
    tree tally;
    counted tally;
    counts bigint[];
BEGIN
    cursors := 0;
    FOR cursor IN SELECT name FROM pg_cursors WHERE name LIKE 'look %' ORDER BY substr(name, 6)::int LOOP
        FETCH cursor INTO tree, counted;
        CLOSE cursor;
        cursors := cursors + 1;
        counts := counts || num_vals(counted);
        IF tree <> counted THEN
            wrong := concat_ws(', ', wrong, format('%s: %s, not %s', cursor, num_vals(tree), num_vals(counted)));
        END IF;
    END LOOP;
    rows := (SELECT string_agg(DISTINCT n::text, ' ') FROM unnest(counts) n);
    PERFORM setval('opened', 1, false);
END $$;
SELECT format('CREATE TRIGGER %s_%s_%s %2$s INSERT OR UPDATE OR DELETE ON mid FOR EACH %3$s EXECUTE FUNCTION opens()', n, t, l)
FROM unnest('{a,z}'::text[]) n, unnest('{before,after}'::text[]) t, unnest('{row,statement}'::text[]) l ORDER BY n, t, l
\gexec
-- Before the statement, by triggers of all kinds in the middle of it, between two statements, and after them.
BEGIN;
SELECT open();
INSERT INTO mid VALUES ('a', 7, 1), ('a', 1007, 2), ('b', 8, 3);
SELECT open();
DELETE FROM mid WHERE at = 5 RETURNING open();
UPDATE mid SET at = at + 1000 WHERE at IN (8, 9) RETURNING open();
MERGE INTO mid USING (VALUES ('a', 150), ('a', 1500)) v(s, at) ON mid.s = v.s AND mid.at = v.at
    WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (v.s, v.at, 9);
SELECT open();
COPY mid FROM stdin;
a	151	7
a	1151	8
a	1152	8
\.
SELECT open();
SELECT * FROM fetched();
COMMIT;
-- While a statement is under way, after it, and after a compaction.
CALL powertree_compact('mid');
BEGIN;
SELECT open();
WITH i AS (INSERT INTO mid SELECT 'a', 200 + i, i FROM generate_series(1, 3) i RETURNING open()) SELECT count(*) FROM i;
INSERT INTO mid VALUES ('a', 220, 20) RETURNING (fetched()).wrong;
SELECT * FROM fetched();
INSERT INTO mid VALUES ('a', 221, 21), ('a', 222, 22);
DELETE FROM mid WHERE at = 222;
CALL powertree_compact('mid');
SELECT open();
SELECT * FROM fetched();
COMMIT;
-- Held until after the transaction, over each COMMIT of a procedure too.
SET tally_test.hold = 'WITH HOLD';
BEGIN;
INSERT INTO mid VALUES ('a', 223, 23), ('a', 224, 24);
COMMIT;
SELECT * FROM fetched();
CREATE PROCEDURE committing() LANGUAGE plpgsql AS $$
DECLARE
    seen record;
BEGIN
    FOR seen IN SELECT i, b.* FROM generate_series(1, 3) i, LATERAL (SELECT * FROM answers() WHERE i > 0) b LOOP
        INSERT INTO mid VALUES ('a', 224 + seen.i, 1);
        IF seen.tree <> seen.rows THEN RAISE WARNING '%: %, not %', seen.i, seen.tree, seen.rows; END IF;
        COMMIT;
    END LOOP;
END $$;
CALL committing();
SELECT * FROM fetched();
RESET tally_test.hold;
-- What a subtransaction did that failed, and one that did not.
BEGIN;
SELECT open();
SAVEPOINT s;
INSERT INTO mid VALUES ('a', 230, 30), ('a', 231, 31);
SELECT open();
ROLLBACK TO s;
SELECT open();
DELETE FROM mid WHERE at = 29;
RELEASE s;
SELECT open();
SELECT * FROM fetched();
COMMIT;
-- One statement has one snapshot, however often its functions write.
CREATE FUNCTION add(at bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$ INSERT INTO mid VALUES ('a', add.at, 1) RETURNING 1 $$;
SELECT i, add(40 + i) AS added, b.tree <> b.rows AS wrong, num_vals(b.rows) - min(num_vals(b.rows)) OVER () AS more
FROM generate_series(1, 3) i, LATERAL (SELECT add(50 + i) AS a) a, LATERAL (SELECT * FROM answers() WHERE a.a + i > 0) b;
-- Foreign keys.
CALL powertree_compact('mid');
BEGIN;
INSERT INTO parent VALUES ('c');
UPDATE mid SET s = 'c' WHERE at IN (100, 101);
SELECT wrong FROM fetched();
DELETE FROM parent WHERE s = 'a';
SELECT open();
SELECT cursors > 10 AS many, wrong, rows FROM fetched();
ROLLBACK;
-- Of what reaches snapshots of before, a cursor knows as the table does.
BEGIN;
SELECT open();
TRUNCATE mid_2;
SELECT open();
INSERT INTO mid VALUES ('a', 1100, 1);
ALTER TABLE mid DETACH PARTITION mid_1;
SELECT open();
ALTER TABLE mid ATTACH PARTITION mid_1 FOR VALUES FROM (0) TO (1000);
SELECT * FROM fetched();
ROLLBACK;
BEGIN;
SELECT open();
SELECT powertree_rebuild('mid');
TRUNCATE mid;
INSERT INTO mid VALUES ('a', 1100, 1);
SELECT * FROM fetched();
ROLLBACK;
SELECT tree = rows AS right FROM answers();
-- To fold the log in the middle of a statement would count its rows twice; nor may the tree go, or its triggers change.
CREATE FUNCTION meddles() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE TG_ARGV[0]; RETURN NULL; END $$;
CREATE FUNCTION meddling(command text, kind text, OUT code text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER m %s ON mid_1 FOR EACH %s EXECUTE FUNCTION meddles(%L)', CASE kind WHEN 'ROW' THEN 'AFTER INSERT' ELSE 'BEFORE INSERT' END, kind, command);
    INSERT INTO mid_1 VALUES ('a', 60, 60);
    RAISE 'done' USING ERRCODE = '00001';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;
SELECT command, kind, m.* FROM unnest(ARRAY[
    $q$CALL powertree_compact('mid')$q$, $q$SELECT powertree_rebuild('mid')$q$, $q$SELECT powertree_drop('mid')$q$,
    $q$SELECT powertree_create('mid', at => 'at', "values" => '{x}', leaf => '100', name => 'second')$q$
]) WITH ORDINALITY c(command, i), unnest('{ROW,STATEMENT}'::text[]) kind, meddling(command, kind) m ORDER BY i, kind;
SELECT powertree_drop('mid') FROM mid LIMIT 1;
BEGIN;
DECLARE c CURSOR FOR TABLE mid_1;
SELECT powertree_rebuild('mid');
ROLLBACK;
SELECT tree = rows AS right, num_vals(rows) FROM answers();
CALL powertree_compact('mid');
SELECT tree = rows AS right, num_vals(rows) FROM answers();
SELECT powertree_drop('mid');
DROP TABLE mid, parent;
DROP SEQUENCE opened;
DROP FUNCTION answers, open, opens, fetched, add, meddles, meddling;
DROP PROCEDURE committing;

-- Stored generated columns of partitions that have their columns in other places.
CREATE TABLE gen (p int, s text, at bigint, x float8, y float8 GENERATED ALWAYS AS (x * 2) STORED, t text GENERATED ALWAYS AS (s || 't') STORED) PARTITION BY LIST (p);
CREATE TABLE gen_0 PARTITION OF gen FOR VALUES IN (0);
ALTER TABLE gen ADD COLUMN note text;
ALTER TABLE gen DROP COLUMN note;
CREATE TABLE gen_1 PARTITION OF gen FOR VALUES IN (1);
CREATE TABLE gen_2 (y float8 GENERATED ALWAYS AS (x * 2) STORED, at bigint, x float8, t text GENERATED ALWAYS AS (s || 't') STORED, s text, p int);
ALTER TABLE gen ATTACH PARTITION gen_2 FOR VALUES IN (2);
SELECT powertree_create('gen', at => 'at', "values" => '{x,y}', series => '{s}', leaf => '100');
SELECT powertree_create('gen', at => 'at', "values" => '{y}', series => '{t}', leaf => '100', name => 'gen by t');
CREATE FUNCTION wrong() RETURNS TABLE (s text, x bigint, y bigint, y_by_t bigint) LANGUAGE sql AS $$
    SELECT k, num_vals(powertree_tally('gen', 'x', NULL, NULL, k)), num_vals(powertree_tally('gen', 'y', NULL, NULL, k)),
        num_vals(powertree_tally('gen by t', 'y', NULL, NULL, k || 't'))
    FROM unnest('{a,b}'::text[]) k, LATERAL (SELECT tally(g.x) x, tally(g.y) y FROM gen g WHERE g.s = k) r
    WHERE powertree_tally('gen', 'x', NULL, NULL, k) <> r.x OR powertree_tally('gen', 'y', NULL, NULL, k) <> r.y
        OR powertree_tally('gen by t', 'y', NULL, NULL, k || 't') <> r.y
$$;
CALL powertree_compact();
INSERT INTO gen SELECT i % 3, 'a', i, i FROM generate_series(0, 299) i;
SELECT * FROM wrong();
CALL powertree_compact();
SELECT * FROM wrong();
UPDATE gen SET p = (p + 1) % 3 WHERE at % 10 = 0;
UPDATE gen SET x = x + 1 WHERE at % 10 = 1;
UPDATE gen SET x = x + 1, p = (p + 1) % 3, s = 'b' WHERE at % 10 = 2;
SELECT * FROM wrong();
CALL powertree_compact();
SELECT * FROM wrong();
COPY gen (p, s, at, x) FROM stdin;
1	a	500	1
2	b	501	2
\.
INSERT INTO gen_2 (p, s, at, x) VALUES (2, 'a', 502, 3);
-- Of one leaf, some that triggers see and some that they do not, in either order.
INSERT INTO gen (p, s, at, x) VALUES (0, 'a', 600, 1), (1, 'a', 601, 2), (0, 'a', 602, NULL), (1, 'a', 603, 4);
INSERT INTO gen (p, s, at, x) VALUES (0, 'b', 600, 1), (0, 'b', 700, 1), (1, 'b', 601, 2), (2, 'b', 701, 2);
DELETE FROM gen WHERE at BETWEEN 7 AND 11;
SELECT * FROM wrong();
CALL powertree_compact();
SELECT * FROM wrong();
SELECT count(*), count(y), count(t) FROM gen;
DROP TABLE gen;
DROP FUNCTION wrong;
RESET client_min_messages;
