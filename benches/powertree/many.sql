-- A thousand series at once: by powertree_tallies, by as many calls of powertree_tally, and by GROUP BY over the rows.
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
CREATE TABLE many_series AS SELECT i % 1000 AS series, '2026-01-01Z'::timestamptz + i * interval '0.5 second' AS at, (i % 1013)::float8 AS x
FROM generate_series(0, 2999999) i;
CREATE INDEX ON many_series (series, at) INCLUDE (x);
SELECT powertree_create('many_series', at => 'at', "values" => '{x}', series => '{series}', leaf => '1 hour');
CALL powertree_compact('many_series');
VACUUM ANALYZE many_series;
VACUUM ANALYZE powertree_node;
\echo A thousand series: all rows, a range of whole leaves, and one that cuts leaves; the ratio is how often the first fits into the others
SELECT range, label, median_ms, ratio_to_first, ratio_of_fastest
FROM (VALUES ('all', 'NULL', 'NULL'), ('whole leaves', '''2026-01-03 07:00Z''', '''2026-01-16 13:00Z'''), ('cut', '''2026-01-03 07:07Z''', '''2026-01-16 13:13Z''')) r(range, a, b),
    LATERAL (SELECT * FROM compare('{powertree_tallies,powertree_tally,GROUP BY}', ARRAY[
        format('SELECT count(*) FROM powertree_tallies(''many_series'', ''x'', %s::timestamptz, %s)', a, b),
        format('SELECT sum(num_vals(powertree_tally(''many_series'', ''x'', %s::timestamptz, %s, s::text))) FROM generate_series(0, 999) s', a, b),
        format('SELECT count(*) FROM (SELECT series, tally(x) AS t FROM many_series WHERE at >= coalesce(%s, ''-infinity''::timestamptz) AND at < coalesce(%s, ''infinity''::timestamptz) GROUP BY series OFFSET 0) s', a, b)], 5)) c;
DROP TABLE many_series;
