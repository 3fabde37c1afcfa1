-- Rights on columns and policies hold for what is computed from values, and for conditions on them, as without a tree.
SET client_min_messages = warning;
LOAD 'pg_tally';
SET seq_page_cost = 1000;
SET max_parallel_workers_per_gather = 0;
CREATE ROLE regress_clerk;
CREATE TABLE accounts (s text NOT NULL, at bigint NOT NULL, x int NOT NULL, y numeric(10, 2) NOT NULL, secret int, hidden int GENERATED ALWAYS AS (x * 3) STORED);
INSERT INTO accounts SELECT substr('abc', 1 + i % 3, 1), i, 1 + i % 100, i / 100.0, 7 + i % 5 FROM generate_series(0, 2999) i;
CREATE TABLE limits (s text, most int);
INSERT INTO limits VALUES ('a', 50);
CREATE INDEX ON accounts (s, at) INCLUDE (x, y, secret);
VACUUM ANALYZE accounts;
ANALYZE limits;
SELECT powertree_create('accounts', at => 'at', "values" => '{x,y,secret,hidden}', series => '{s}', leaf => '100');
CALL powertree_compact('accounts');
UPDATE accounts SET y = 1 WHERE at BETWEEN 330 AND 339;
GRANT SELECT (s, at, x, y) ON accounts TO regress_clerk;
-- What a query returns or how it fails, and who answers.
CREATE FUNCTION asked(query text, OUT same boolean, OUT giver text, OUT failure text) LANGUAGE plpgsql AS $$
DECLARE
    line text;
    here text[];
    there text[];
BEGIN
    SET LOCAL pg_tally.answer_from_trees = on;
    EXECUTE format('SELECT array_agg(q::text ORDER BY q::text COLLATE "C") FROM (%s) q', query) INTO here;
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        giver := coalesce(giver, substring(line FROM 'Answered From: (.*)'));
    END LOOP;
    SET LOCAL pg_tally.answer_from_trees = off;
    EXECUTE format('SELECT array_agg(q::text ORDER BY q::text COLLATE "C") FROM (%s) q', query) INTO there;
    same := here IS NOT DISTINCT FROM there;
EXCEPTION WHEN insufficient_privilege THEN
    failure := SQLSTATE;
END $$;
CREATE TABLE queries (number int GENERATED ALWAYS AS IDENTITY, query text);
GRANT SELECT ON queries TO regress_clerk;
INSERT INTO queries (query) VALUES
-- Of columns that the role may read.
('SELECT s, sum(x * 2), avg(y * 1.19), sum(x - y) FROM accounts GROUP BY s'),
('SELECT s, sum(x / 100.0), sum(coalesce(x, 0) + y) FROM accounts WHERE at BETWEEN 150 AND 2345 GROUP BY s'),
('SELECT s, sum(CASE WHEN at < 1000 THEN x ELSE -x END) FROM accounts GROUP BY s'),
('SELECT s, count(*), sum(y) FROM accounts WHERE x > 0 AND y >= 0 GROUP BY s'),
('SELECT s, count(*) FILTER (WHERE x IS NOT NULL) FROM accounts GROUP BY s'),
-- A stored column that the role may not read has the values of what it asks for.
('SELECT s, sum(x * 3), max(x * 3) FROM accounts GROUP BY s'),
-- Of columns that it may not read, one way or another.
('SELECT s, sum(secret * 2) FROM accounts GROUP BY s'),
('SELECT s, sum(x - secret) FROM accounts GROUP BY s'),
('SELECT s, sum(coalesce(secret, 0)) FROM accounts GROUP BY s'),
('SELECT s, sum(secret / 100.0) FROM accounts GROUP BY s'),
('SELECT s, count(*) FROM accounts WHERE secret > 0 GROUP BY s'),
('SELECT s, sum(x) FROM accounts WHERE secret IS NOT NULL GROUP BY s'),
('SELECT s, count(*) FILTER (WHERE secret IS NULL) FROM accounts GROUP BY s'),
('SELECT s, count(CASE WHEN secret IS NULL THEN 1 END) FROM accounts GROUP BY s'),
('SELECT s, max(hidden) FROM accounts GROUP BY s'),
('SELECT s, count(*) FROM accounts GROUP BY s HAVING max(secret) > 0'),
('SELECT s, count(*) FROM accounts WHERE s NOT IN (SELECT s FROM limits) GROUP BY s'),
('SELECT s, (SELECT max(most) FROM limits WHERE limits.s = accounts.s), count(*) FROM accounts GROUP BY s');
SET ROLE regress_clerk;
SELECT query, same, giver, failure FROM queries, asked(query) ORDER BY number;
-- Notices and explanations tell nothing of a column that the role may not read: neither of its rows nor of its extremes.
SET pg_tally.answer_from_trees = on;
SET pg_tally.tree_notices = on;
SET client_min_messages = notice;
SELECT count(*) FROM accounts WHERE secret > 8;
SELECT count(*) FROM accounts WHERE secret > 0;
SELECT * FROM powertree_explain('SELECT count(*) FROM accounts WHERE secret > 8');
SELECT * FROM powertree_explain('SELECT count(*) FROM accounts WHERE secret > 0');
SELECT count(*) FROM accounts WHERE x > 50;
RESET pg_tally.tree_notices;
SET client_min_messages = warning;
RESET ROLE;
-- Rows that a policy hides are neither added up nor looked at by conditions on values.
GRANT SELECT ON accounts, limits TO regress_clerk;
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON accounts TO regress_clerk USING (s = 'a' AND x > 50);
SET ROLE regress_clerk;
SELECT query, same, coalesce(giver, 'no tree') AS giver, failure FROM queries, asked(query) ORDER BY number;
SET pg_tally.answer_from_trees = on;
SELECT s, count(*), sum(x * 2), min(x), sum(x / 100.0) FROM accounts WHERE x > 0 GROUP BY s;
RESET ROLE;
SELECT s, count(*), sum(x * 2), min(x), sum(x / 100.0) FROM accounts WHERE x > 0 GROUP BY s ORDER BY s;
DROP TABLE queries, accounts, limits;
DROP FUNCTION asked;
DROP ROLE regress_clerk;
