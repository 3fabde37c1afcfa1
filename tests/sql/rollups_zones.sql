-- Nights on which clocks change: local times that come twice, or never, are grouped and chosen as PostgreSQL does.
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
SET TimeZone = 'UTC';
SET seq_page_cost = 1e6;
SET jit = off;
CREATE TABLE night (at timestamptz NOT NULL, n int NOT NULL);
-- Five minutes apart: two weekends of autumn and two of spring.
INSERT INTO night SELECT day + i * interval '5 minutes', i FROM unnest('{2025-10-25Z,2025-11-01Z,2026-03-28Z,2026-04-04Z}'::timestamptz[]) day, generate_series(0, 863) i;
SELECT powertree_create('night', at => 'at', "values" => '{n}', leaf => '1 minute');
CALL powertree_compact('night');
ANALYZE night;
CREATE FUNCTION different(question text) RETURNS TABLE (zone text, giver text, is_same boolean) LANGUAGE plpgsql AS $$
DECLARE
    query text;
    plan text;
    tree text;
    rows text;
BEGIN
    FOREACH zone IN ARRAY '{Europe/Berlin,America/New_York,Australia/Lord_Howe,America/Havana,Pacific/Chatham,UTC}'::text[] LOOP
        query := 'SELECT string_agg(q::text, '' '' ORDER BY q::text) FROM (' || replace(question, 'local', format('(at AT TIME ZONE %L)', zone)) || ') q';
        EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, COSTS off, TIMING off) ' || query INTO plan;
        giver := jsonb_path_query_first(plan::jsonb, '$.** ? (@."Custom Plan Provider" == "pg_tally power tree")') ->> 'Answered From';
        EXECUTE query INTO tree;
        SET LOCAL pg_tally.answer_from_trees = off;
        EXECUTE query INTO rows;
        SET LOCAL pg_tally.answer_from_trees = on;
        is_same := tree IS NOT DISTINCT FROM rows;
        IF NOT is_same OR giver IS DISTINCT FROM 'tree' THEN RETURN NEXT; END IF;
    END LOOP;
END $$;
SELECT * FROM different($$SELECT count(*), sum(n), min(at), max(at) FROM night WHERE local >= '2025-10-26 02:30'$$);
SELECT * FROM different($$SELECT count(*), sum(n), min(at), max(at) FROM night WHERE local > '2025-10-26 01:40' AND local <= '2025-11-02 00:20'$$);
SELECT * FROM different($$SELECT local >= '2026-04-05 02:15' AS k, count(*), sum(n) FROM night GROUP BY 1$$);
SELECT * FROM different($$SELECT local < '2025-10-26 01:10' AS k, count(*), sum(n) FILTER (WHERE local < '2025-11-02 01:30') FROM night GROUP BY 1$$);
SELECT * FROM different($$SELECT date_trunc('hour', local) AS k, count(*), sum(n) FROM night GROUP BY 1$$);
SELECT * FROM different($$SELECT floor(extract(epoch from local) / 1800) AS k, count(*), sum(n) FROM night GROUP BY 1$$);
SELECT * FROM different($$SELECT extract(hour from local) AS k, extract(dow from local), count(*), sum(n) FROM night GROUP BY 1, 2$$);
SELECT * FROM different($$SELECT date_trunc('day', local) AT TIME ZONE 'America/Havana' AS k, count(*), sum(n) FROM night GROUP BY 1$$);
-- In the time zone of the session, which is another when the same plan runs again.
SET plan_cache_mode = force_generic_plan;
PREPARE evening AS SELECT count(*), sum(n), min(at), max(at) FROM night WHERE at::timestamp > '2025-10-26 01:40' AND at::timestamp <= '2026-03-29 03:10';
EXECUTE evening;
SET TimeZone = 'Europe/Berlin';
EXECUTE evening;
-- A day later, clocks show that hour not at all: what is before half past two comes after three.
PREPARE next_day AS SELECT count(*), sum(n), min(at), max(at) FROM night WHERE at + interval '1 day' >= '2026-03-29 03:20+02';
EXECUTE next_day;
SET pg_tally.answer_from_trees = off;
EXECUTE next_day;
EXECUTE evening;
SET TimeZone = 'UTC';
EXECUTE evening;
SELECT powertree_drop('night');
DROP TABLE night;
DROP FUNCTION different;
