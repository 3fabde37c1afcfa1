SET client_min_messages = error;
CREATE EXTENSION pg_tally;
CREATE TABLE ticks AS
SELECT i AS n, i % 50 AS series, i / 3 AS peer, '2026-01-01Z'::timestamptz + i * interval '1 second' AS at,
    (i * 7919 % 10007)::float8 / 8 AS price, (i * 104729 % 100003)::numeric / 1000 AS exact
FROM generate_series(1::bigint, 100000) i;
CREATE INDEX ON ticks (n);
CREATE INDEX ON ticks (series, at);
CREATE TABLE hourly AS SELECT n / 20 AS hour, tally(price) AS t FROM ticks GROUP BY 1;
CREATE INDEX ON hourly (hour);
-- One tree with everything in its nodes, and one with everything in its log.
CREATE TABLE folded (LIKE ticks INCLUDING INDEXES);
CREATE TABLE logged (LIKE ticks INCLUDING INDEXES);
SELECT powertree_create(name, at => 'at', "values" => '{price}', series => '{series}', leaf => '1 minute')
FROM unnest('{folded,logged}'::text[]) name;
INSERT INTO folded SELECT * FROM ticks;
CALL powertree_compact();
INSERT INTO logged SELECT * FROM ticks;
VACUUM ANALYZE;
