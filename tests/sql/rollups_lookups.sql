-- Series that a query names are looked up, rather than all of them refused: by constants, parameters and arrays, of which some are not there,
-- NULL, or twice.
\set VERBOSITY terse
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
SET max_parallel_workers_per_gather = 0;
SET seq_page_cost = 1000;
CREATE TYPE side AS ENUM ('bid', 'ask');
CREATE TABLE quotes (name varchar(20) NOT NULL, side side NOT NULL, code char(4) NOT NULL, at bigint NOT NULL, x int);
INSERT INTO quotes SELECT 'n' || i % 40, (ARRAY['bid', 'ask'])[1 + i % 2]::side, 'c' || i % 3, i, i % 1000 FROM generate_series(0, 23999) i;
SELECT powertree_create('quotes', at => 'at', "values" => '{x}', series => '{name,side,code}', leaf => '100');
CALL powertree_compact('quotes');
-- A series that is only in the log, and changed leaves.
INSERT INTO quotes VALUES ('late', 'bid', 'c1', 5, 1), ('late', 'bid', 'c1', 7, 1);
UPDATE quotes SET x = x + 1 WHERE name = 'n4' AND at < 400;
ANALYZE quotes;
CREATE FUNCTION look(query text, OUT giver text, OUT series int, OUT differences bigint) LANGUAGE plpgsql AS $$
DECLARE
    plan text;
    node jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, COSTS off, TIMING off) ' || query INTO plan;
    node := jsonb_path_query_first(plan::jsonb, '$.** ? (@."Custom Plan Provider" == "pg_tally power tree")');
    giver := CASE WHEN node IS NULL THEN (SELECT reason FROM powertree_explain(query) LIMIT 1) ELSE concat_ws(': ', node ->> 'Answered From', node ->> 'Reason') END;
    series := node ->> 'Series';
    SELECT coalesce(sum(times), 0) INTO differences FROM powertree_verify(query);
END $$;
CREATE TABLE wheres (condition text);
INSERT INTO wheres SELECT unnest(ARRAY[
    $$name = 'n4' AND side = 'bid' AND code = 'c1'$$,
    $$'n4' = name AND side = 'bid' AND code = 'c1  '$$,
    $$name = 'late' AND side = 'bid' AND code = 'c1'$$,
    $$name = 'none' AND side = 'bid' AND code = 'c1'$$,
    $$name = NULL AND side = 'bid' AND code = 'c1'$$,
    $$name = (SELECT 'n4'::text OFFSET 0) AND side = 'bid' AND code = 'c1'$$,
    $$name = (SELECT NULL::text OFFSET 0) AND side = 'bid' AND code = 'c1'$$,
    $$name IN ('n4', 'n6', 'n4', 'none') AND side IN ('bid', 'ask') AND code = 'c1'$$,
    $$name = ANY (ARRAY['n4', NULL, 'n6', 'n4']) AND side = ANY ('{bid,bid}') AND code = ANY ('{c1,c2,"c1  "}')$$,
    $$name = ANY ('{}') AND side = 'bid' AND code = 'c1'$$,
    $$name = ANY (NULL::text[]) AND side = 'bid' AND code = 'c1'$$,
    $$name = ANY ('{{n4,n6},{n8,late}}') AND side = 'bid' AND code IN ('c0', 'c1', 'c2')$$,
    $$name = ANY (ARRAY(SELECT 'n' || i FROM generate_series(0, 9) i)) AND side = 'bid' AND code = ANY (ARRAY['c0', 'c1', 'c2'])$$,
    -- Two conditions on one column.
    $$name = 'n4' AND name = ANY ('{n4,n6}') AND side = 'bid' AND code = 'c1'$$,
    $$name IN ('n4', 'n6') AND name IN ('n6', 'n8') AND side = 'bid' AND code IN ('c0', 'c1')$$,
    -- Not all columns are named, or not by equality.
    $$name = 'n4' AND side = 'bid'$$,
    $$name <> ALL ('{n4}') AND side = 'bid' AND code = 'c1'$$,
    $$NOT name = 'n4' AND side = 'bid' AND code = 'c1'$$,
    $$(name = 'n4' OR name = 'n6') AND side = 'bid' AND code = 'c1'$$,
    $$lower(name) = 'n4' AND side = 'bid' AND code = 'c1'$$,
    $$name LIKE 'n4' AND side = 'bid' AND code = 'c1'$$,
    $$name = side::text AND side = 'bid' AND code = 'c1'$$]);
SELECT l.*, condition FROM wheres, look(format('SELECT name, side, code, count(*), sum(x) FROM quotes WHERE %s GROUP BY 1, 2, 3', condition)) l;
SELECT count(*) AS differ FROM wheres, look(format('SELECT at / 1000, count(*), sum(x) FROM quotes WHERE (%s) AND at BETWEEN 123 AND 17654 GROUP BY 1', condition)) l WHERE differences > 0;
-- Values are shown as the table stores them, with the spaces behind them; of a column without a length nobody knows how many those are.
SELECT code || '|', length(code), octet_length(code), format('%s|', code), count(*) FROM quotes GROUP BY code ORDER BY 1;
CREATE TABLE padded (code bpchar NOT NULL, wide char(6) NOT NULL, at bigint NOT NULL, x int);
INSERT INTO padded SELECT 'ä' || repeat(' ', i % 3), 'ä', i, i FROM generate_series(1, 3000) i;
SELECT powertree_create('padded', at => 'at', "values" => '{x}', series => '{code,wide}', leaf => '100');
CALL powertree_compact('padded');
ANALYZE padded;
SELECT * FROM look('SELECT code, count(*) FROM padded GROUP BY code');
SELECT * FROM look('SELECT wide, format(''%s|'', wide), octet_length(wide), count(*) FROM padded GROUP BY wide');
SELECT * FROM look('SELECT count(*) FROM padded WHERE wide = ''ä''');
DROP TABLE padded;
-- More than are looked up one by one, and more than are looked up at all.
SELECT * FROM look($$SELECT count(*), sum(x) FROM quotes WHERE name = ANY (ARRAY(SELECT 'n' || i FROM generate_series(1, 3000) i)) AND side = 'ask' AND code IN ('c0', 'c1')$$);
SELECT * FROM look($$SELECT count(*), sum(x) FROM quotes WHERE name = ANY (ARRAY(SELECT 'n' || i FROM generate_series(1, 9000) i)) AND side = 'ask' AND code IN ('c0', 'c1')$$);
-- Parameters, of which each execution has others.
SET plan_cache_mode = force_generic_plan;
PREPARE given(text, text[]) AS SELECT name, code, count(*), sum(x) FROM quotes WHERE name = $1 AND side = 'bid' AND code = ANY ($2) GROUP BY 1, 2 ORDER BY 1, 2;
EXECUTE given('n4', '{c1,c2}');
EXECUTE given('n6', '{c0,NULL,c0}');
EXECUTE given('none', '{c0}');
EXECUTE given(NULL, '{c0}');
EXECUTE given('n4', NULL);
-- Outer rows, of which each asks for another series.
SELECT n, total.* FROM (VALUES ('n4'), ('none'), (NULL), ('late')) names(n), LATERAL (SELECT count(*), sum(x) FROM quotes WHERE name = n AND side = 'bid' AND code = 'c1') total;
DROP TABLE quotes, wheres;
DROP TYPE side;
DROP FUNCTION look;
