-- What writers do does not fail because of a tree, and what no tree can be made of is refused.
SET client_min_messages = warning;
CREATE TABLE lim (at bigint, s text, x float8);
SELECT powertree_create('lim', 'at', '{x}', '100', '{s}');
CALL powertree_compact('lim');
-- Keys of series that fill pages, or are many times as long.
CREATE VIEW lim_check AS SELECT bool_and(powertree_tally('lim', 'x', NULL::bigint, NULL, s) = t) AS answers,
    (SELECT state FROM powertrees WHERE name = 'lim') FROM (SELECT s, tally(x) AS t FROM lim GROUP BY s) l;
CREATE FUNCTION key(length int) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(md5(i::text), '') FROM generate_series(1, length / 32) i $$;
INSERT INTO lim SELECT i, key(length), i FROM (VALUES (2000), (8000), (9000), (100000), (1000000)) l(length), generate_series(1, 3) i;
TABLE lim_check;
UPDATE lim SET x = x + 1 WHERE at = 1;
TABLE lim_check;
CALL powertree_compact('lim');
TABLE lim_check;
SELECT num_vals, num_series, log_rows FROM powertrees WHERE name = 'lim';
DELETE FROM lim WHERE at = 2;
CALL powertree_compact('lim');
TABLE lim_check;
DROP VIEW lim_check;
SELECT powertree_drop('lim');
-- A column that is gone within the command that drops it.
CREATE TABLE gone (at bigint, x float8, y float8);
SELECT powertree_create('gone', 'at', '{x}', '100');
CALL powertree_compact('gone');
BEGIN;
ALTER TABLE gone DROP COLUMN x;
INSERT INTO gone VALUES (1, 1);
COMMIT;
SELECT state FROM powertrees WHERE name = 'gone';
INSERT INTO gone VALUES (1, 1);
SELECT powertree_drop('gone');

-- Nothing is written where nothing may be.
BEGIN READ ONLY;
CALL powertree_compact();
ROLLBACK;
BEGIN READ ONLY;
SELECT powertree_create('gone', 'at', '{y}', '100');
ROLLBACK;
SELECT powertree_create('gone', 'at', '{y}', '100', name => '');
SELECT powertree_rebuild(NULL);
SELECT powertree_drop(NULL);
SELECT powertree_create('powertree_log', 'leaf', '{series}', '100');
-- As Citus has it.
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass);
INSERT INTO pg_dist_partition VALUES ('lim');
SELECT powertree_create('lim', 'at', '{x}', '100');
SELECT powertree_create('gone', 'at', '{y}', '100');
DROP TABLE pg_catalog.pg_dist_partition;
RESET allow_system_table_mods;
-- Another name for another tree, while nobody has decided about the first.
SELECT powertree_create('gone', 'at', '{y}', '100');
DROP TABLE gone, lim CASCADE;
-- A leaf that is clearly unfit, as far as statistics tell.
CREATE TABLE fit (s text, k int, at timestamptz, day date, n bigint, x float8);
INSERT INTO fit SELECT 's' || i % 4, i % 4, '2026-01-01Z'::timestamptz + i * interval '1 second', '2026-01-01'::date + i / 10, i, i FROM generate_series(0, 9999) i;
SET client_min_messages = notice;
SELECT powertree_create('fit', at => 'at', "values" => '{x}', series => '{s}', leaf => '1 second', name => 'no statistics');
ANALYZE fit;
SELECT powertree_create('fit', at => 'at', "values" => '{x}', series => '{s}', leaf => '1 second', name => 'narrow');
-- Which pairs of s and k there are is not known: at least four, at most sixteen.
SELECT powertree_create('fit', at => 'at', "values" => '{x}', series => '{s,k}', leaf => '10 seconds', name => 'narrow, two columns');
SELECT powertree_create('fit', at => 'day', "values" => '{x}', leaf => '100 days', name => 'good');
SELECT powertree_create('fit', at => 'n', "values" => '{x}', series => '{s}', leaf => '10', name => 'narrow, numbers');
SELECT powertree_create('fit', at => 'n', "values" => '{x}', leaf => '1000000', name => 'wider than the table');
UPDATE fit SET day = 'infinity' WHERE n = 9999;
DELETE FROM fit WHERE n % 5 < 4;
ANALYZE fit;
SELECT powertree_create('fit', at => 'day', "values" => '{x}', leaf => '1 day', name => 'without end');
INSERT INTO fit SELECT 's', 1, NULL, NULL, i % 30, i FROM generate_series(1, 90000) i;
ANALYZE fit;
SELECT powertree_create('fit', at => 'n', "values" => '{x}', leaf => '1000000', name => 'wide');
SET client_min_messages = warning;
DROP TABLE fit;
