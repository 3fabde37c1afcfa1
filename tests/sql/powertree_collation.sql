-- A series whose equal values look different: a nondeterministic collation, which needs a server with ICU.
SELECT NOT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') AS without_icu \gset
\if :without_icu
\quit
\endif
SET client_min_messages = warning;
CREATE TABLE alike (at bigint, s text, x float8);
SELECT powertree_create('alike', 'at', '{x}', '100', '{s}');
CALL powertree_compact('alike');
CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
ALTER TABLE alike ALTER s TYPE text COLLATE blind;
-- Writers go on.
INSERT INTO alike VALUES (1, 'a', 1), (1, 'A', 2);
SELECT powertree_tally('alike', 'x', NULL::bigint, NULL, 'a');
SELECT state FROM powertrees WHERE name = 'alike';
SELECT powertree_drop('alike');
