-- Grouped queries that power trees answer show what the rights of their users let them see, and run nobody's code as somebody else.
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
SET max_parallel_workers_per_gather = 0;
CREATE ROLE rollups_owner;
CREATE ROLE rollups_viewer;
CREATE ROLE rollups_reader;
CREATE ROLE rollups_clerk;
CREATE SCHEMA owned AUTHORIZATION rollups_owner;
GRANT USAGE ON SCHEMA owned TO rollups_viewer, rollups_reader, rollups_clerk;
-- Who gives the answer.
CREATE FUNCTION public.giver(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan text;
    node jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, COSTS off, TIMING off) ' || query INTO plan;
    node := jsonb_path_query_first(plan::jsonb, '$.** ? (@."Custom Plan Provider" == "pg_tally power tree")');
    RETURN CASE WHEN node IS NULL THEN 'nobody' ELSE concat_ws(': ', node ->> 'Answered From', node ->> 'Reason') END;
END $$;
SET ROLE rollups_owner;
CREATE TABLE owned.t (s text NOT NULL, at bigint NOT NULL, x float8, n int, secret int);
CREATE INDEX ON owned.t (s, at);
INSERT INTO owned.t SELECT substr('abc', 1 + i % 3, 1), i, i, i % 100, i FROM generate_series(0, 14999) i;
ANALYZE owned.t;
SELECT powertree_create('owned.t', at => 'at', "values" => '{x,n,secret}', series => '{s}', leaf => '100');
CALL powertree_compact('t');
-- Leaves that have to be read row by row.
UPDATE owned.t SET x = 0 WHERE at BETWEEN 3030 AND 3039;
-- Code of the owner, which whoever plans a query of the table runs, and nobody else does.
CREATE FUNCTION owned.shows(i int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF current_user NOT IN ('rollups_owner', session_user, current_setting('role')) THEN
        RAISE EXCEPTION 'code of the owner runs as %', current_user;
    END IF;
    RETURN true;
END $$;
CREATE INDEX ON owned.t (n) WHERE owned.shows(1);
GRANT SELECT ON owned.t TO rollups_viewer;
GRANT SELECT (s, at, x) ON owned.t TO rollups_clerk;
CREATE VIEW owned.all_rows AS SELECT * FROM owned.t;
CREATE VIEW owned.some_rows WITH (security_barrier) AS SELECT * FROM owned.t WHERE s = 'a';
CREATE VIEW owned.asking WITH (security_invoker) AS SELECT * FROM owned.t;
GRANT SELECT ON owned.all_rows, owned.some_rows, owned.asking TO rollups_reader;
RESET ROLE;
CREATE SCHEMA viewed AUTHORIZATION rollups_viewer;
GRANT USAGE ON SCHEMA viewed TO rollups_reader;
SET ROLE rollups_viewer;
CREATE VIEW viewed.rows AS SELECT s, at, x, n FROM owned.t;
GRANT SELECT ON viewed.rows TO rollups_reader;

-- A reader who has rights on views only, of the owner and of another role.
SET ROLE rollups_reader;
SELECT s, count(*), sum(n) FROM owned.t GROUP BY s ORDER BY s;
SELECT s, count(*), sum(n), max(x) FROM owned.all_rows GROUP BY s ORDER BY s;
SELECT giver('SELECT s, count(*), sum(n), max(x) FROM owned.all_rows GROUP BY s');
SELECT s, count(*), sum(n), max(x) FROM viewed.rows WHERE at BETWEEN 150 AND 12345 GROUP BY s ORDER BY s;
SELECT giver('SELECT s, count(*), sum(n), max(x) FROM viewed.rows WHERE at BETWEEN 150 AND 12345 GROUP BY s');
SELECT s, count(*) FROM owned.asking GROUP BY s;
-- Behind a barrier only the rows of the view are seen.
CREATE FUNCTION pg_temp.leak(s text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN IF s <> 'a' THEN RAISE EXCEPTION 'a row of % is seen', s; END IF; RETURN true; END $$;
SELECT s, count(*), sum(n) FROM owned.some_rows WHERE pg_temp.leak(s) GROUP BY s;
SELECT count(DISTINCT s), bool_and(s = 'a') FROM owned.some_rows WHERE length(s) = 1;
RESET ROLE;
REVOKE SELECT ON owned.t FROM rollups_viewer;
SET ROLE rollups_reader;
SELECT s, count(*) FROM viewed.rows GROUP BY s;
SELECT count(*) FROM owned.all_rows;
RESET ROLE;
GRANT SELECT ON owned.t TO rollups_viewer;

-- Columns.
SET ROLE rollups_clerk;
SELECT s, count(*), max(x) FROM owned.t WHERE at BETWEEN 150 AND 12345 GROUP BY s ORDER BY s;
SELECT giver('SELECT s, count(*), max(x) FROM owned.t WHERE at BETWEEN 150 AND 12345 GROUP BY s');
SELECT s, sum(secret) FROM owned.t GROUP BY s;
SELECT count(*) FROM owned.t;
RESET ROLE;
REVOKE SELECT (at) ON owned.t FROM rollups_clerk;
SET ROLE rollups_clerk;
SELECT count(*) FROM owned.t WHERE at < 1000;
SELECT s, count(*), max(x) FROM owned.t GROUP BY s ORDER BY s;
SELECT giver('SELECT s, count(*), max(x) FROM owned.t GROUP BY s');
RESET ROLE;

-- Policies: whom they hide rows from gets the rows of the table that are left.
ALTER TABLE owned.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON owned.t TO rollups_viewer, rollups_clerk USING (s = 'a');
SET ROLE rollups_viewer;
SELECT s, count(*), sum(n) FROM owned.t GROUP BY s ORDER BY s;
SELECT giver('SELECT s, count(*), sum(n) FROM owned.t GROUP BY s');
SET ROLE rollups_reader;
SELECT s, count(*), sum(n) FROM viewed.rows GROUP BY s ORDER BY s;
SELECT s, count(*), sum(n) FROM owned.all_rows GROUP BY s ORDER BY s;
SELECT giver('SELECT s, count(*), sum(n) FROM owned.all_rows GROUP BY s');
SET ROLE rollups_owner;
PREPARE kept AS SELECT s, count(*), sum(n) FROM owned.t GROUP BY s ORDER BY s;
EXECUTE kept;
EXECUTE kept;
SELECT giver('SELECT s, count(*), sum(n) FROM owned.t GROUP BY s');
ALTER TABLE owned.t FORCE ROW LEVEL SECURITY;
EXECUTE kept;
RESET ROLE;
SELECT s, count(*), sum(n) FROM owned.t GROUP BY s ORDER BY s;
SELECT giver('SELECT s, count(*), sum(n) FROM owned.t WHERE at BETWEEN 150 AND 12345 GROUP BY s');
ALTER TABLE owned.t NO FORCE ROW LEVEL SECURITY;
ALTER TABLE owned.t DISABLE ROW LEVEL SECURITY;
DROP POLICY own ON owned.t;

-- A plan that is kept is one of its user.
PREPARE shared AS SELECT s, count(*), max(x) FROM owned.t GROUP BY s ORDER BY s;
EXECUTE shared;
SET ROLE rollups_clerk;
EXECUTE shared;
SET ROLE rollups_reader;
EXECUTE shared;
RESET ROLE;
DEALLOCATE ALL;

-- An owner who may not read, and one who may not use a schema.
REVOKE SELECT ON owned.t FROM rollups_owner;
SET ROLE rollups_viewer;
SELECT s, count(*), sum(n), max(x) FROM owned.t WHERE at BETWEEN 150 AND 12345 GROUP BY s ORDER BY s;
SELECT giver('SELECT s, count(*), sum(n), max(x) FROM owned.t WHERE at BETWEEN 150 AND 12345 GROUP BY s');
RESET ROLE;
GRANT SELECT ON owned.t TO rollups_owner;
ALTER SCHEMA owned OWNER TO CURRENT_USER;
REVOKE ALL ON SCHEMA owned FROM rollups_owner;
SET ROLE rollups_viewer;
SELECT giver('SELECT s, count(*), sum(n), max(x) FROM owned.t WHERE at BETWEEN 150 AND 12345 GROUP BY s');
RESET ROLE;
GRANT ALL ON SCHEMA owned TO rollups_owner;

-- A function with the rights of its owner.
SET ROLE rollups_owner;
CREATE FUNCTION owned.totals() RETURNS TABLE (s text, count bigint, sum bigint) LANGUAGE sql SECURITY DEFINER AS $$
    SELECT s, count(*), sum(n) FROM owned.t WHERE at >= 150 GROUP BY s ORDER BY s $$;
SET ROLE rollups_reader;
SELECT * FROM owned.totals();
RESET ROLE;

-- An aggregate that the caller may not execute.
BEGIN;
REVOKE EXECUTE ON FUNCTION pg_catalog.max(float8) FROM PUBLIC;
SET LOCAL ROLE rollups_viewer;
SELECT s, count(*) FROM owned.t GROUP BY s ORDER BY s;
SELECT s, max(x) FROM owned.t GROUP BY s ORDER BY s;
ROLLBACK;
-- An owner who may not make tallies, of which rows are read at the ends of ranges.
BEGIN;
REVOKE EXECUTE ON FUNCTION tally(bigint) FROM PUBLIC;
SET LOCAL ROLE rollups_viewer;
SELECT s, count(*), sum(n) FROM owned.t WHERE at BETWEEN 150 AND 12345 GROUP BY s ORDER BY s;
SELECT giver('SELECT s, count(*), sum(n) FROM owned.t WHERE at BETWEEN 150 AND 12345 GROUP BY s');
SELECT giver('SELECT s, count(*), sum(n) FROM owned.t WHERE at >= 3100 GROUP BY s');
ROLLBACK;
SELECT powertree_drop('t');
DROP SCHEMA owned, viewed CASCADE;
DROP FUNCTION giver, pg_temp.leak;
DROP ROLE rollups_owner, rollups_viewer, rollups_reader, rollups_clerk;
