-- In the middle of statements, in old snapshots and from kept plans, grouped queries say what the table says, whether the tree answers or not.
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE parent (s text PRIMARY KEY);
CREATE TABLE mid (s text NOT NULL REFERENCES parent ON DELETE CASCADE, at bigint NOT NULL, x float8, n int) PARTITION BY RANGE (at);
CREATE TABLE mid_1 PARTITION OF mid FOR VALUES FROM (0) TO (10000);
CREATE TABLE mid_2 PARTITION OF mid FOR VALUES FROM (10000) TO (20000);
CREATE INDEX ON mid (s, at);
INSERT INTO parent VALUES ('a'), ('b'), ('c');
INSERT INTO mid SELECT substr('ab', 1 + i % 2, 1), i, CASE WHEN i % 3 > 0 THEN i END, i % 100 FROM generate_series(0, 14999) i;
ANALYZE mid;
SELECT powertree_create('mid', at => 'at', "values" => '{x,n}', series => '{s}', leaf => '100');
CALL powertree_compact('mid');
VACUUM ANALYZE mid;
-- The answer of a query with the tree and without, and who gave the first.
CREATE FUNCTION answered(query text, OUT giver text, OUT reason text) LANGUAGE plpgsql AS $$
DECLARE
    plan text;
    node jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, COSTS off, TIMING off) ' || query INTO plan;
    node := jsonb_path_query_first(plan::jsonb, '$.** ? (@."Custom Plan Provider" == "pg_tally power tree")');
    giver := coalesce(node ->> 'Answered From', CASE WHEN node IS NULL THEN 'nobody' ELSE 'not asked' END);
    reason := node ->> 'Reason';
END $$;
CREATE TABLE asked (who text, num_rows bigint, wrong text);
CREATE FUNCTION off(query text) RETURNS text LANGUAGE plpgsql VOLATILE SET pg_tally.answer_from_trees = off AS $$
DECLARE result text; BEGIN EXECUTE query INTO result; RETURN result; END $$;
CREATE FUNCTION tree(query text) RETURNS text LANGUAGE plpgsql VOLATILE SET pg_tally.answer_from_trees = on AS $$
DECLARE result text; BEGIN EXECUTE query INTO result; RETURN result; END $$;
CREATE FUNCTION look(who text) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    inner_query text;
    query text;
    a text;
    b text;
    total bigint := 0;
BEGIN
    FOREACH inner_query IN ARRAY ARRAY[
        'SELECT s, count(*) AS c, count(x), sum(n), min(x), max(n) FROM mid GROUP BY s',
        'SELECT at / 1000, s, count(*) AS c, sum(n), max(x) FROM mid WHERE at BETWEEN 1234 AND 17654 GROUP BY 1, 2',
        'SELECT count(*) AS c, avg(n), min(n) FROM mid WHERE s = ''a'''] LOOP
        query := format('SELECT string_agg(q::text, '' '' ORDER BY q::text) FROM (%s) q', inner_query);
        a := tree(query);
        b := off(query);
        IF a IS DISTINCT FROM b THEN
            INSERT INTO asked VALUES (who, 0, format('%s: %s but %s', inner_query, left(a, 200), left(b, 200)));
        END IF;
    END LOOP;
    SELECT count(*) INTO total FROM mid;
    RETURN total;
END $$;
SELECT * FROM answered('SELECT s, count(*), avg(x) FROM mid GROUP BY s');
SELECT look('before');
CREATE FUNCTION looks() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM look(TG_NAME || ' ' || TG_WHEN || ' ' || TG_LEVEL || ' ' || TG_OP); RETURN coalesce(NEW, OLD); END $$;
DO $$
DECLARE kind text; of text;
BEGIN
    FOREACH kind IN ARRAY '{BEFORE,AFTER}'::text[] LOOP
        FOREACH of IN ARRAY '{a,z}'::text[] LOOP
            EXECUTE format('CREATE TRIGGER %s_%s_row %2$s INSERT OR UPDATE OR DELETE ON mid FOR EACH ROW EXECUTE FUNCTION looks()', of, kind);
            EXECUTE format('CREATE TRIGGER %s_%s %2$s INSERT OR UPDATE OR DELETE ON mid FOR EACH STATEMENT EXECUTE FUNCTION looks()', of, kind);
        END LOOP;
    END LOOP;
END $$;
INSERT INTO mid VALUES ('a', 7, 1, 1), ('a', 10007, 2, 2), ('c', 8, 3, 3);
INSERT INTO mid SELECT 'a', 200 + i, i, i FROM generate_series(1, 3) i RETURNING look('returning') > 0;
INSERT INTO mid SELECT 'b', 300 + i, look('volatile'), i FROM generate_series(1, 3) i;
WITH i AS (INSERT INTO mid VALUES ('a', 300, 4, 4) RETURNING x), u AS (UPDATE mid SET x = x + 1 WHERE at = 11 RETURNING x)
SELECT x, look('with') > 0 FROM i UNION ALL SELECT x, look('with') > 0 FROM u;
UPDATE mid SET at = at + 10000 WHERE at < 3;
UPDATE mid SET x = (SELECT max(x) FROM mid m WHERE m.s = mid.s GROUP BY m.s) WHERE at BETWEEN 15 AND 17;
DELETE FROM mid WHERE at BETWEEN 100 AND 102;
COPY mid FROM stdin;
a	150	7	7
a	11150	8	8
\.
MERGE INTO mid USING (VALUES ('a', 150), ('a', 160)) v(s, at) ON mid.s = v.s AND mid.at = v.at
    WHEN MATCHED AND mid.at = 150 THEN DELETE WHEN MATCHED THEN UPDATE SET x = -1 WHEN NOT MATCHED THEN INSERT VALUES (v.s, v.at, 9, 9);
DELETE FROM parent WHERE s = 'c';
DO $$
BEGIN
    BEGIN
        INSERT INTO mid SELECT 'a', i, 1 / (i - 3), 1 FROM generate_series(1, 5) i;
    EXCEPTION WHEN division_by_zero THEN
        PERFORM look('after a failure');
    END;
    INSERT INTO mid VALUES ('a', 11, 11, 11);
    PERFORM look('after another');
END $$;
BEGIN;
SAVEPOINT s;
DELETE FROM mid WHERE at = 13;
SELECT look('in a savepoint') > 0;
ROLLBACK TO s;
SELECT look('rolled back') > 0;
COMMIT;
TABLE asked;
-- The statement itself: its query sees neither its own rows nor those of its triggers.
INSERT INTO mid SELECT 'b', 19000 + count(*) % 100, avg(x), 1 FROM mid GROUP BY s RETURNING s, at;
SELECT look('afterwards');
TABLE asked;
DROP TRIGGER a_before ON mid;
DROP TRIGGER z_before ON mid;
DROP TRIGGER a_after ON mid;
DROP TRIGGER z_after ON mid;
DROP TRIGGER a_before_row ON mid;
DROP TRIGGER z_before_row ON mid;
DROP TRIGGER a_after_row ON mid;
DROP TRIGGER z_after_row ON mid;

-- Queries that trees themselves ask are nobody's to answer from a tree, nor to say why not.
SET client_min_messages = notice;
SET pg_tally.tree_notices = on;
SELECT count(DISTINCT n) FROM mid;
SELECT num_vals(powertree_tally('mid', 'x', 155, 14033, 'a')), count(*) FROM powertree_tallies('mid', 'x', 155, 14033);
SELECT s, count(*), sum(n) FROM mid WHERE at BETWEEN 155 AND 14033 GROUP BY s ORDER BY s;
CALL powertree_compact('mid');
RESET pg_tally.tree_notices;
SET client_min_messages = warning;

-- Cursors see what there was when they were opened.
SET plan_cache_mode = auto;
BEGIN;
DECLARE from_tree CURSOR FOR SELECT s, count(*), sum(n) FROM mid GROUP BY s ORDER BY s;
DECLARE scrolled SCROLL CURSOR FOR SELECT s, count(*), sum(n) FROM mid GROUP BY s ORDER BY s;
DECLARE kept CURSOR WITH HOLD FOR SELECT s, count(*), sum(n) FROM mid GROUP BY s ORDER BY s;
SELECT s, count(*), sum(n) FROM mid GROUP BY s ORDER BY s;
INSERT INTO mid SELECT 'a', i, i, 1 FROM generate_series(5000, 5099) i;
DELETE FROM mid WHERE at BETWEEN 2000 AND 2099;
CALL powertree_compact('mid');
FETCH ALL FROM from_tree;
FETCH ALL FROM scrolled;
FETCH BACKWARD 1 FROM scrolled;
COMMIT;
FETCH ALL FROM kept;
CLOSE kept;
SELECT look('after the cursors');

-- Snapshots of the transaction.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT giver FROM answered('SELECT s, count(*) FROM mid GROUP BY s');
INSERT INTO mid VALUES ('b', 1, 1, 1);
SELECT look('repeatable read') > 0;
SAVEPOINT s;
DELETE FROM mid WHERE at < 500;
SELECT look('deleted') > 0;
ROLLBACK TO s;
SELECT look('rolled back') > 0;
TRUNCATE mid_2;
SELECT look('truncated') > 0, giver FROM answered('SELECT s, count(*) FROM mid GROUP BY s');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT giver FROM answered('SELECT s, count(*) FROM mid GROUP BY s');
UPDATE mid SET n = 0 WHERE at = 5;
SELECT look('serializable') > 0;
COMMIT;

-- Plans that are kept, over everything that happens to the tree and to the partitions.
PREPARE grouped(bigint, bigint) AS SELECT s, count(*), sum(n), min(x) FROM mid WHERE at >= $1 AND at < $2 GROUP BY s ORDER BY s;
CREATE FUNCTION always(a bigint, b bigint) RETURNS TABLE (who text, result text) LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
    who := (SELECT coalesce(jsonb_path_query_first(q, '$.** ? (@."Custom Plan Provider" == "pg_tally power tree")') ->> 'Answered From', 'nobody')
        FROM (SELECT explained(format('EXECUTE grouped(%s, %s)', a, b)) AS q) q);
    EXECUTE format('SELECT string_agg(q::text, '' '' ORDER BY q::text) FROM kept_query(%s, %s) q', a, b) INTO r;
    result := CASE WHEN r IS NOT DISTINCT FROM off(format('SELECT string_agg(q::text, '' '' ORDER BY q::text) FROM (SELECT s, count(*), sum(n), min(x) FROM mid WHERE at >= %s AND at < %s GROUP BY s) q', a, b)) THEN 'as the table' ELSE 'WRONG ' || r END;
    RETURN NEXT;
END $$;
CREATE FUNCTION explained(statement text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE plan text; BEGIN EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, COSTS off, TIMING off) ' || statement INTO plan; RETURN plan::jsonb; END $$;
CREATE FUNCTION kept_query(a bigint, b bigint) RETURNS TABLE (s text, c bigint, n bigint, x float8) LANGUAGE plpgsql AS $$
BEGIN RETURN QUERY SELECT m.s, count(*), sum(m.n), min(m.x) FROM mid m WHERE at >= a AND at < b GROUP BY m.s; END $$;
SET plan_cache_mode = force_generic_plan;
SELECT * FROM always(1000, 14000);
-- By whom depends on what the plan that is kept makes of the partitions.
SELECT result FROM always(1050, 1060);
INSERT INTO mid SELECT 'a', i, i, 1 FROM generate_series(6000, 6010) i;
SELECT * FROM always(1000, 14000);
TRUNCATE mid_2;
SELECT * FROM always(1000, 14000);
CALL powertree_compact('mid');
SELECT * FROM always(1000, 14000);
CREATE TABLE mid_3 (LIKE mid);
INSERT INTO mid_3 SELECT 'a', i, i, 2 FROM generate_series(20000, 25000) i;
ALTER TABLE mid ATTACH PARTITION mid_3 FOR VALUES FROM (20000) TO (30000);
SELECT * FROM always(1000, 24000);
CALL powertree_compact('mid');
SELECT * FROM always(1000, 24000);
ALTER TABLE mid DETACH PARTITION mid_1;
SELECT * FROM always(1000, 24000);
CALL powertree_compact('mid');
ALTER TABLE mid ATTACH PARTITION mid_1 FOR VALUES FROM (0) TO (10000);
CALL powertree_compact('mid');
SELECT * FROM always(1000, 24000);
SELECT powertree_drop('mid');
SELECT * FROM always(1000, 24000);
SELECT powertree_create('mid', at => 'at', "values" => '{x,n}', series => '{s}', leaf => '10', name => 'other');
CALL powertree_compact('other');
SELECT * FROM always(1000, 24000);
ALTER TABLE mid RENAME COLUMN n TO m;
ALTER TABLE mid RENAME COLUMN m TO n;
SELECT * FROM always(1000, 24000);
SELECT powertree_rebuild('other', '100');
CALL powertree_compact('other');
SELECT * FROM always(1000, 24000);
RESET plan_cache_mode;
SELECT look('at the end') > 0;
TABLE asked;
SELECT powertree_drop('other');
DROP TABLE mid, parent, asked;
DROP FUNCTION look, looks, off, tree, always, explained, kept_query, answered;
