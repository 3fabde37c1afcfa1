-- Cells at both ends of the line, which take nodes to its end: no row is counted twice, whatever edges of leaves they share.
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
SET max_parallel_workers_per_gather = 0;
SET seq_page_cost = 1e6;
SET jit = off;
CREATE TABLE ends (at bigint NOT NULL, v int);
INSERT INTO ends SELECT i, i FROM generate_series(0, 1000) i;
SELECT powertree_create('ends', 'at', '{v}', '10');
CALL powertree_compact('ends');
CREATE FUNCTION differences(step int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    question text := format('SELECT div(at + 3, %1$s) AS k, count(*), sum(v) FROM %2$s GROUP BY 1', step, '%s');
    found bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM ((%1$s EXCEPT ALL %2$s) UNION ALL (%2$s EXCEPT ALL %1$s)) d',
        format(question, 'ends'), format(question, '(SELECT * FROM ends OFFSET 0) t')) INTO found;
    RETURN found;
END $$;
SELECT at >> 3 AS k, count(*) FROM ends GROUP BY 1 ORDER BY 1 DESC LIMIT 2;
SELECT sum(differences(step)) FROM generate_series(1, 60) step;
-- The same with late rows, and with leaves that the table must answer for.
INSERT INTO ends VALUES (-1, 1), (1001, 1), (1002, NULL), (500, 7);
DELETE FROM ends WHERE at IN (0, 1000);
SELECT sum(differences(step)) FROM generate_series(1, 60) step;
CALL powertree_compact('ends');
SELECT sum(differences(step)) FROM generate_series(1, 60) step;
DROP TABLE ends;
