-- All changes of a long history, of which a detector keeps only the newest.
SET timezone = 'UTC';
-- Levels that came in turn after as many rows each would be a season.
CREATE TABLE turns AS SELECT b, 100 * b + (hashint8extended(b, 3) & 63)::int AS first FROM generate_series(1, 99) b;
CREATE TABLE long AS
SELECT s AS series, '2026-06-01Z'::timestamptz + i * interval '1 hour' AS at, i,
    100 * s + CASE WHEN count(b) % 2 = 0 THEN 0 ELSE 15 END + (hashint8extended(i, s) / 9223372036854775808.0 + hashint8extended(i, s + 10) / 9223372036854775808.0) AS value
FROM generate_series(1, 2) s CROSS JOIN generate_series(0, 9999) i LEFT JOIN turns ON first <= i GROUP BY s, i;
CREATE TABLE found AS
SELECT series, detect(value, at ORDER BY at) AS d, change_points(value, at ORDER BY at) AS c FROM long GROUP BY series;

SELECT series, (SELECT count(*) FROM turns WHERE EXISTS (SELECT FROM unnest(c) c WHERE kind = 'level' AND abs(c."row" - first) <= 2)) AS steps, cardinality(c) < 120 AS few,
    (SELECT bool_and(first_alerted_at >= c.at AND rows_before > 0 AND explanation ~ 'probability|surprise') FROM unnest(c) c) AS whole
FROM found ORDER BY series;
SELECT series, (SELECT count(*) FROM change_points(d)) < 30 AS newest_only FROM found ORDER BY series;
-- What the detector still knows is the same; of its oldest change it has forgotten where the segment before began.
SELECT count(*) FILTER (WHERE p::text = k::text) > 5 AS some, count(*) FILTER (WHERE p::text IS DISTINCT FROM k::text AND k.rows_before IS NOT NULL) AS differ
FROM found CROSS JOIN change_points(d) k LEFT JOIN unnest(c) p ON p."row" = k."row" WHERE series = 1;

-- Rows without times, few rows, no rows, rows without a value, options, moving frames.
SELECT (SELECT array_agg(c.kind || c."row") FROM unnest(change_points(value ORDER BY i)) c WHERE c.kind = 'level') FROM long WHERE series = 1 AND i < 250;
SELECT change_points(value, at ORDER BY at) FROM long WHERE i < 5 AND series = 1;
SELECT change_points(value, at ORDER BY at) FROM long WHERE false;
SELECT change_points(NULL::float8, at ORDER BY at), change_points('NaN'::float8, at ORDER BY at) FROM long WHERE series = 1;
SELECT cardinality(change_points(value, at, 1, '7 days' ORDER BY at)) > 90 AS many FROM long WHERE series = 1;
SELECT i, cardinality(c) >= (SELECT count(*) FROM turns WHERE first + 10 < i) AS all FROM (SELECT i, change_points(value) OVER (ORDER BY i ROWS UNBOUNDED PRECEDING) AS c
    FROM long WHERE series = 1 AND i < 400) s WHERE i % 150 = 20 ORDER BY i;
-- The greatest doubles.
SELECT bool_and(abs(difference) <= 1.7976931348623157e308 AND abs(difference_low) <= 1.7976931348623157e308 AND abs(effect_sd) < 'Infinity') AS finite, count(*) > 5 AS some
FROM unnest((SELECT change_points((value - 107.5) * 1e307, at ORDER BY at) FROM long WHERE series = 1)) c;
SELECT pg_column_size(c) > 0 AS stored, c = c AS comparable FROM found WHERE series = 1;

\set VERBOSITY sqlstate
SELECT change_points(value, at ORDER BY at DESC) FROM long;
SELECT change_points(value, 'infinity') FROM long;
SELECT change_points(value, NULL) FROM long;
SELECT change_points(value, at, -1, '1 day') FROM long;
\set VERBOSITY default
DROP TABLE turns, long, found;
