-- Intervals with months are understood as far as their month goes, and seconds within their minute.
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
SET TimeZone = 'Europe/Berlin';
CREATE TABLE trades (symbol text NOT NULL, at timestamptz NOT NULL, local timestamp NOT NULL, price float8, size int);
INSERT INTO trades
    SELECT 's' || i % 3, at, at AT TIME ZONE 'UTC', i, i % 100
    FROM generate_series(0, 29999) i, LATERAL (SELECT '2023-11-01 00:00:07Z'::timestamptz + i * interval '40 minutes 1.5 seconds' AS at) a;
ANALYZE trades;
SELECT powertree_create('trades', at => 'at', "values" => '{price,size}', leaf => '1 hour', series => '{symbol}');
SELECT powertree_create('trades', at => 'local', "values" => '{size}', leaf => '1 hour', series => '{symbol}', name => 'trades_local');
CALL powertree_compact('trades');
CALL powertree_compact('trades_local');
SET seq_page_cost = 1000000;
-- Says whether a tree answers, and how many rows differ from those of the table.
CREATE FUNCTION differ(query text, OUT answers boolean, OUT differing bigint) LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    answers := plan::text LIKE '%pg_tally power tree%';
    PERFORM set_config('pg_tally.answer_from_trees', 'on', true);
    EXECUTE 'CREATE TEMP TABLE ours ON COMMIT DROP AS ' || query;
    PERFORM set_config('pg_tally.answer_from_trees', 'off', true);
    EXECUTE 'CREATE TEMP TABLE cores ON COMMIT DROP AS ' || query;
    PERFORM set_config('pg_tally.answer_from_trees', 'on', true);
    SELECT count(*) FROM ((TABLE ours EXCEPT ALL TABLE cores) UNION ALL (TABLE cores EXCEPT ALL TABLE ours)) d INTO differing;
    DROP TABLE ours, cores;
END $$;
-- The year that begins in February, as Tableau asks for it.
SELECT * FROM differ($$SELECT CAST(TRUNC(EXTRACT(YEAR FROM (at + 11 * INTERVAL '1 MONTH'))) AS int), sum(size) FROM trades GROUP BY 1$$);
SELECT * FROM differ($$SELECT extract(quarter FROM at - interval '2 months'), symbol, count(*) FROM trades GROUP BY 1, 2$$);
SELECT * FROM differ($$SELECT date_trunc('month', local + interval '1 mon'), sum(size) FROM trades GROUP BY 1$$);
SELECT * FROM differ($$SELECT date_trunc('year', (at + interval '1 year 1 month')::timestamp), sum(size) FROM trades GROUP BY 1$$);
-- The day is another matter: the 30th and the 31st of January are one in February.
SELECT * FROM differ($$SELECT date_trunc('day', at + interval '1 month'), sum(size) FROM trades GROUP BY 1$$);
SELECT * FROM differ($$SELECT extract(month FROM at + interval '1 month' + interval '10 days'), sum(size) FROM trades GROUP BY 1$$);
SELECT * FROM differ($$SELECT count(*) FROM trades WHERE at + interval '1 month' > '2024-02-29'$$);
SELECT * FROM differ($$SELECT date_trunc('month', at + interval '1 month', 'Asia/Tokyo'), sum(size) FROM trades GROUP BY 1$$);
-- Seconds.
SELECT * FROM differ($$SELECT date_trunc('minute', at) + interval '30 seconds' * floor(date_part('seconds', at) / 30) AS t, max(size)
    FROM trades WHERE at >= '2024-03-31Z' AND at < '2024-04-01Z' GROUP BY 1$$);
SELECT * FROM differ($$SELECT floor(extract(second FROM at)), count(*) FROM trades WHERE at >= '2024-01-01Z' AND at < '2024-01-02Z' GROUP BY 1$$);
DROP FUNCTION differ;
SELECT powertree_drop('trades');
SELECT powertree_drop('trades_local');
DROP TABLE trades;
RESET TimeZone;
