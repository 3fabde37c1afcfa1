-- A quotient by a parameter may fail: it is not evaluated where there are no rows.
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
SET plan_cache_mode = force_generic_plan;
SET seq_page_cost = 1e6;
SET jit = off;
CREATE TABLE divided (s text NOT NULL, at bigint NOT NULL, n int NOT NULL);
INSERT INTO divided SELECT 'a', i, i FROM generate_series(0, 4999) i;
SELECT powertree_create('divided', at => 'at', "values" => '{n}', series => '{s}', leaf => '100');
CALL powertree_compact('divided');
ANALYZE divided;
PREPARE divide(bigint, text) AS SELECT at / $1 AS k, count(*), sum(n) FROM divided WHERE s = $2 GROUP BY 1 ORDER BY 1;
EXECUTE divide(2500, 'a');
EXECUTE divide(0, 'b');
EXECUTE divide(0, 'a');
SELECT powertree_drop('divided');
DROP TABLE divided;
