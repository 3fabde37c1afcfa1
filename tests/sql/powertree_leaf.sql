-- Leaves that are chosen from the data: the readable width of which one holds nearest to a hundred rows of a series, or a bucket by which people group.
CREATE TABLE seconds (series int, at timestamptz, x float8);
CREATE TABLE days (day date, x int);
CREATE TABLE numbers (pos bigint, x int) PARTITION BY RANGE (pos);
CREATE TABLE numbers_1 PARTITION OF numbers FOR VALUES FROM (0) TO (1000000);
CREATE TABLE numbers_2 PARTITION OF numbers FOR VALUES FROM (1000000) TO (100000000);
-- Nothing can be chosen without rows.
\set SHOW_CONTEXT never
DO $$ BEGIN PERFORM powertree_create('seconds', at => 'at', "values" => '{x}', series => '{series}');
EXCEPTION WHEN OTHERS THEN RAISE NOTICE '% %', SQLSTATE, SQLERRM; END $$;
SELECT powertree_create('seconds', at => 'at', "values" => '{x}', series => '{series}');
-- Two series with a row every two seconds; a row at the end of time does not count.
INSERT INTO seconds SELECT i % 2, '2026-01-01Z'::timestamptz + i * interval '1 second', i FROM generate_series(1, 20000) i;
INSERT INTO seconds VALUES (1, 'infinity', 1), (NULL, '2026-01-01Z', 1);
SELECT powertree_create('seconds', at => 'at', "values" => '{x}', series => '{series}');
-- Ten rows a day; few enough days that statistics keep them as the most common values.
INSERT INTO days SELECT '2026-01-01'::date + i / 10, i FROM generate_series(0, 800) i;
SELECT powertree_create('days', at => 'day', "values" => '{x}');
INSERT INTO numbers SELECT i * 100, i FROM generate_series(0, 20000) i;
ANALYZE numbers;
SELECT powertree_create('numbers', at => 'pos', "values" => '{x}', leaf => NULL);
CALL powertree_compact();
SELECT name, leaf, state, num_vals FROM powertrees ORDER BY name;

-- Leaves of another width: answers stay exact, and what was stored and logged of the old ones is gone.
CREATE FUNCTION wrong() RETURNS TABLE (what text) LANGUAGE sql AS $$
    SELECT format('%s from %s: %s', k, a, t) FROM generate_series(0, 1) k, (VALUES (NULL::timestamptz), ('2026-01-01 01:00Z'), ('2026-01-01 03:33:33Z')) r(a),
        powertree_tally('seconds', 'x', a, '2026-01-02Z', k::text) t
    WHERE t <> (SELECT tally(x) FROM seconds WHERE series = k AND at >= coalesce(a, '-infinity') AND at < '2026-01-02Z')
    UNION ALL
    SELECT format('rows of %s', s) FROM powertree_series('seconds') s
    WHERE num_rows <> (SELECT count(*) FROM seconds WHERE series = s.series[1]::int) OR first::timestamptz <> (SELECT min(at) FROM seconds WHERE series = s.series[1]::int)
$$;
SELECT * FROM wrong();
INSERT INTO seconds VALUES (0, '2026-01-01 02:00Z', 7);
UPDATE seconds SET x = -x WHERE at BETWEEN '2026-01-01 03:30Z' AND '2026-01-01 03:40Z';
BEGIN;
SELECT powertree_rebuild('seconds', '90 seconds');
SELECT * FROM wrong();
INSERT INTO seconds VALUES (0, '2026-01-01 02:00Z', 7);
SELECT * FROM wrong();
ROLLBACK;
SELECT * FROM wrong();
SELECT powertree_rebuild('seconds', '90 seconds');
SELECT * FROM wrong();
INSERT INTO seconds VALUES (1, '2026-01-01 04:00Z', 7);
SELECT * FROM wrong();
CALL powertree_compact('seconds');
SELECT * FROM wrong();
SELECT leaf, state, num_vals, log_rows FROM powertrees WHERE name = 'seconds';
INSERT INTO seconds VALUES (1, '2026-01-01 04:10Z', 7);
SELECT * FROM wrong();
-- The data choose again; a leaf of far too few rows is reported.
SELECT powertree_rebuild('seconds', NULL);
SELECT powertree_rebuild('seconds', '1 second');
SELECT * FROM wrong();
SELECT powertree_rebuild('seconds', '1 month');
SELECT powertree_rebuild('seconds', '');
SELECT powertree_rebuild('nothing', '1 hour');
SELECT powertree_rebuild(NULL, '1 hour');
CREATE ROLE somebody;
GRANT SELECT ON seconds TO somebody;
SET ROLE somebody;
SELECT powertree_rebuild('seconds', '1 hour');
RESET ROLE;
DROP OWNED BY somebody;
DROP ROLE somebody;
DROP FUNCTION wrong;
DROP TABLE seconds, days, numbers;
