-- Keys that look different and are equal: a nondeterministic collation, which needs a server with ICU.
SELECT NOT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') AS without_icu \gset
\if :without_icu
\quit
\endif
SET client_min_messages = warning;
LOAD 'pg_tally';
SET pg_tally.answer_from_trees = on;
SET seq_page_cost = 1e6;
SET jit = off;
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE cased (s text NOT NULL, at bigint NOT NULL, n int NOT NULL);
INSERT INTO cased SELECT (ARRAY['a', 'A', 'b', 'B', 'c'])[1 + i % 5], i, i FROM generate_series(0, 4999) i;
SELECT powertree_create('cased', at => 'at', "values" => '{n}', series => '{s}', leaf => '100');
CALL powertree_compact('cased');
ANALYZE cased;
SELECT lower(s COLLATE caseless) AS k, count(*), sum(n) FROM cased GROUP BY s COLLATE caseless, lower(s COLLATE caseless) ORDER BY 1;
SELECT count(*), sum(n) FROM cased GROUP BY s COLLATE caseless ORDER BY 2;
SELECT count(*), sum(n) FROM cased WHERE s COLLATE caseless = 'A';
SET pg_tally.answer_from_trees = off;
SELECT count(*), sum(n) FROM cased GROUP BY s COLLATE caseless ORDER BY 2;
SELECT count(*), sum(n) FROM cased WHERE s COLLATE caseless = 'A';
SELECT powertree_drop('cased');
DROP TABLE cased;
DROP COLLATION caseless;
