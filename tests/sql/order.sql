-- The order of tallies: by the number of values, then by mean, M2, sum, minimum and maximum. It agrees with equality, so that sorting,
-- DISTINCT in aggregates, PARTITION BY, unique indexes and merge joins work.
CREATE TABLE o (name text, t tally);
INSERT INTO o VALUES ('none', '(0,,,,)'), ('one', '(1,5,0,5,5)'), ('minus one', '(1,-5,0,-5,-5)'), ('two', '(2,2,2,1,3)'), ('two close', '(2,2,0.5,1.5,2.5)'),
    ('a NaN', (SELECT tally('NaN'::float8))), ('infinity', (SELECT tally('Infinity'::float8))), ('three', '(3,1,0,1,1)'), ('no minimum', '(2,2,2,>=1,3)');
SELECT name, t FROM o ORDER BY t, name;
SELECT name FROM o ORDER BY t DESC, name LIMIT 2;
SELECT count(*) FILTER (WHERE (a.t < b.t)::int + (a.t = b.t)::int + (a.t > b.t)::int <> 1) AS neither_or_both,
    count(*) FILTER (WHERE (a.t <= b.t) <> (a.t < b.t OR a.t = b.t) OR (a.t >= b.t) <> (b.t <= a.t) OR tally_cmp(a.t, b.t) <> -tally_cmp(b.t, a.t)) AS wrong
FROM o a, o b;
INSERT INTO o SELECT name || ' again', t FROM o;
SELECT count(DISTINCT t), count(*) FROM o;
SELECT cardinality(array_agg(DISTINCT t)) FROM o;
SELECT min(n), max(n), count(*) FROM (SELECT count(*) OVER (PARTITION BY t) AS n FROM o) s;
CREATE UNIQUE INDEX ON o (t);
DELETE FROM o WHERE name LIKE '% again';
CREATE UNIQUE INDEX o_t ON o (t);
INSERT INTO o VALUES ('twice', '(1,5,0,5,5)');
INSERT INTO o VALUES ('twice', '(1,5,0,5,5)') ON CONFLICT (t) DO UPDATE SET name = EXCLUDED.name RETURNING name;
SET enable_seqscan = off;
SELECT name FROM o WHERE t BETWEEN '(1,0,0,0,0)' AND '(2,2,2,1,3)' ORDER BY t;
RESET enable_seqscan;
-- A merge join.
SET enable_hashjoin = off;
SET enable_nestloop = off;
SELECT count(*) FROM o a JOIN o b ON a.t = b.t;
RESET enable_hashjoin;
RESET enable_nestloop;
-- Zeros of either sign are equal, and so are tallies however they were made.
SELECT tally(x) = tally(-x), tally_cmp(tally(x), tally(-x)) FROM (VALUES (0::float8)) v(x);
DROP TABLE o;

-- What is stored is canonical where the sums are exact: the same bytes from any order, split and copy.
CREATE TABLE c (t tally);
INSERT INTO c SELECT tally(x) FROM (SELECT sqrt(i) AS x FROM generate_series(1, 1000) i ORDER BY i) s;
INSERT INTO c SELECT tally(x) FROM (SELECT sqrt(i) AS x FROM generate_series(1, 1000) i ORDER BY i % 37, i DESC) s;
INSERT INTO c SELECT tally(t) FROM (SELECT tally(sqrt(i)) AS t FROM generate_series(1, 1000) i GROUP BY i % 13) s;
INSERT INTO c SELECT t FROM (SELECT i, tally(sqrt(i)) OVER (ORDER BY i ROWS 999 PRECEDING) AS t FROM generate_series(1, 1000) i) s WHERE i = 1000;
INSERT INTO c SELECT t + sqrt(1000::float8) FROM (SELECT tally(sqrt(i)) AS t FROM generate_series(1, 999) i) s;
INSERT INTO c SELECT sqrt(1000::float8) + t FROM (SELECT tally(sqrt(i)) AS t FROM generate_series(1, 999) i) s;
INSERT INTO c SELECT t::text::tally FROM c LIMIT 1;
\copy c TO 'c.copy' (FORMAT binary)
\copy c FROM 'c.copy' (FORMAT binary)
\! rm c.copy
SELECT count(*), count(DISTINCT t::text) AS texts FROM c;
SELECT bool_and(a *= b) AS same_bytes FROM c a, c b;
DROP TABLE c;
