-- Conditions on the time of day: it grows until midnight, and jumps where clocks change.
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
SET max_parallel_workers_per_gather = 0;
SET seq_page_cost = 1000;
SET random_page_cost = 1000;
SET timezone = 'Europe/Berlin';
CREATE TABLE visits (at timestamptz NOT NULL, here timestamp NOT NULL, n int);
-- Nights on which clocks change in Berlin and in New York.
INSERT INTO visits SELECT at, at, i % 100 FROM generate_series(0, 4000) i,
    LATERAL (SELECT (ARRAY['2026-03-28Z', '2025-10-24Z', '2025-11-01Z'])[1 + i % 3]::timestamptz + i * interval '67.125 s' AS at) a;
CREATE INDEX ON visits (at);
CREATE INDEX ON visits (here);
SELECT powertree_create('visits', at => 'at', "values" => '{n}', leaf => '20 minutes');
SELECT powertree_create('visits', at => 'here', "values" => '{n}', leaf => '1 hour', name => 'here');
CALL powertree_compact();
ANALYZE visits;
CREATE FUNCTION look(query text, OUT giver text, OUT differences bigint) LANGUAGE plpgsql AS $$
DECLARE
    plan text;
    node jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, COSTS off, TIMING off) ' || query INTO plan;
    node := jsonb_path_query_first(plan::jsonb, '$.** ? (@."Custom Plan Provider" == "pg_tally power tree")');
    giver := CASE WHEN node IS NULL THEN (SELECT string_agg(reason, '; ') FROM powertree_explain(query)) ELSE concat_ws(': ', node ->> 'Answered From', node ->> 'Reason') END;
    SELECT coalesce(sum(times), 0) INTO differences FROM powertree_verify(query);
END $$;
CREATE TABLE conditions (condition text);
INSERT INTO conditions SELECT unnest(ARRAY['at::time >= ''09:30''', 'at::time BETWEEN ''02:15:00'' AND ''02:45:30.5''', 'at::time < ''02:30'' OR at::time > ''23:59:59''', 'at::time = ''02:30:07''',
    'at::time <> ''02:30:07''', 'at::time(0) > ''12:00''', '(at AT TIME ZONE ''America/New_York'')::time < ''01:30''', 'date_trunc(''minute'', at)::time = ''02:17''', 'at::timetz > ''02:30+01''',
    'here::time >= ''09:30''', 'here::time BETWEEN ''02:15:00'' AND ''02:45:30.5''', 'here::time(3) = ''02:30:07.5''', '(here + interval ''90 minutes'')::time < ''01:00''', '(here AT TIME ZONE ''America/New_York'')::time < ''01:30''']);
SELECT l.*, condition FROM conditions, look(format('SELECT count(*), sum(n) FROM visits WHERE %s', condition)) l;
SELECT l.*, condition FROM conditions, look(format('SELECT %1$s::date, count(*) FILTER (WHERE %2$s), sum(CASE WHEN %2$s THEN n END) FROM visits GROUP BY 1', CASE WHEN condition LIKE '%here%' THEN 'here' ELSE 'at' END, condition)) l;
SET timezone = 'America/New_York';
SELECT count(*) AS differ FROM conditions, look(format('SELECT count(*), sum(n) FROM visits WHERE %s', condition)) l WHERE differences > 0;
-- As a key there are as many of them as moments.
SELECT giver FROM look('SELECT at::time, count(*) FROM visits GROUP BY 1');
DROP TABLE visits, conditions;
DROP FUNCTION look;
