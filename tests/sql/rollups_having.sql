-- HAVING is evaluated once for each group, whether a tree gives the groups or the table does.
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
SET plan_cache_mode = force_generic_plan;
CREATE TABLE asked (s text NOT NULL, at bigint NOT NULL, n int NOT NULL);
INSERT INTO asked SELECT substr('abc', 1 + i % 3, 1), i, i % 10 FROM generate_series(0, 29999) i;
SELECT powertree_create('asked', at => 'at', "values" => '{n}', series => '{s}', leaf => '1000');
CALL powertree_compact('asked');
VACUUM ANALYZE asked;
-- The number of times that it was evaluated.
CREATE SEQUENCE times;
PREPARE often AS SELECT s, count(*), max(n) FROM asked GROUP BY s HAVING nextval('times') > 0 AND count(*) >= 10000;
PREPARE never AS SELECT s, sum(n) FROM asked GROUP BY s HAVING nextval('times') < 0;
CREATE FUNCTION giver(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan text; BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, FORMAT json) ' || query INTO plan;
    RETURN jsonb_path_query_first(plan::jsonb, '$.** ? (@."Custom Plan Provider" == "pg_tally power tree")') ->> 'Answered From';
END $$;
SELECT giver('EXECUTE often'), giver('EXECUTE never'), (SELECT last_value FROM times);
SELECT setval('times', 1, false);
EXECUTE never;
SELECT last_value FROM times;
SET pg_tally.answer_from_trees = off;
SELECT giver('EXECUTE often'), giver('EXECUTE never'), (SELECT last_value FROM times);
SELECT setval('times', 1, false);
EXECUTE never;
SELECT last_value FROM times;
DROP FUNCTION giver;
DROP SEQUENCE times;
SELECT powertree_drop('asked');
DROP TABLE asked;
