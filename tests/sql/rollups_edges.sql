-- Cells that meet in a leaf where the rows of nodes begin or end, with rows in the log on either side: each row is in one group.
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
-- Reading a small table is cheaper than any tree.
SET seq_page_cost = 1000;
SET random_page_cost = 1000;
CREATE TABLE edge (at bigint NOT NULL, n int NOT NULL);
INSERT INTO edge SELECT i, 1 FROM generate_series(0, 10300) i;
CREATE INDEX ON edge (at);
SELECT powertree_create('edge', at => 'at', "values" => '{n}', leaf => '1000');
CALL powertree_compact('edge');
ANALYZE edge;
CREATE FUNCTION different() RETURNS TABLE (key text, tree text, rows text) LANGUAGE plpgsql AS $$
DECLARE
    query text;
    plan text;
    a text;
    b text;
BEGIN
    FOREACH key IN ARRAY '{at / 5300,(at + 50) / 5300,at > 10300,at >= 0,at > 10650,at / 4300,(at + 9999) / 10000}'::text[] LOOP
        query := format('SELECT string_agg(q::text, '' '' ORDER BY q::text) FROM (SELECT %s, count(*), sum(n), max(n) FROM edge GROUP BY 1) q', key);
        EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, COSTS off, TIMING off) ' || query INTO plan;
        EXECUTE query INTO a;
        SET LOCAL pg_tally.answer_from_trees = off;
        EXECUTE query INTO b;
        SET LOCAL pg_tally.answer_from_trees = on;
        tree := CASE WHEN plan LIKE '%"Answered From": "tree"%' THEN a ELSE 'is not asked' END;
        rows := b;
        IF tree IS DISTINCT FROM rows THEN RETURN NEXT; END IF;
    END LOOP;
END $$;
SELECT * FROM different();
INSERT INTO edge VALUES (10650, 2), (10990, 3), (12000, 4), (-1, 5), (-700, 6);
SELECT * FROM different();
DELETE FROM edge WHERE at IN (10300, 0);
SELECT * FROM different();
INSERT INTO edge SELECT i, 7 FROM generate_series(10200, 10400) i;
SELECT * FROM different();
CALL powertree_compact('edge');
INSERT INTO edge VALUES (12001, 8), (-701, 9);
SELECT * FROM different();
SELECT powertree_drop('edge');
DROP TABLE edge;
DROP FUNCTION different;
