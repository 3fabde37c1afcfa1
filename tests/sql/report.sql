-- The report of important changes: which changes of which series it tells, and what can be chosen.
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
CREATE FUNCTION noise(i bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT sum(hashint8extended(i, k) / 9223372036854775808.0) / sqrt(4) FROM generate_series(1, 12) k
$$;
CREATE TABLE fleet AS
SELECT s.series, '2026-06-01Z'::timestamptz + i * interval '1 hour' AS at, 100 + noise(i * 1000 + s.n) + CASE s.series
    WHEN 'stairs' THEN 8 * (i / 80)                               -- three levels
    WHEN 'outage' THEN CASE WHEN i >= 100 AND i < 160 THEN -10 ELSE 0 END  -- falls and comes back
    WHEN 'large' THEN CASE WHEN i >= 120 THEN 30 ELSE 0 END
    WHEN 'small' THEN CASE WHEN i >= 120 THEN 3 ELSE 0 END
    WHEN 'de' THEN CASE WHEN i >= 150 THEN 6 ELSE 0 END           -- a country, and a device of it
    WHEN 'de/phone' THEN CASE WHEN i >= 150 THEN 12 ELSE 0 END
    WHEN 'http:' THEN CASE WHEN i >= 90 THEN 5 ELSE 0 END         -- no parent of the next, if / does not part names
    WHEN 'http://a' THEN CASE WHEN i >= 90 THEN 5 ELSE 0 END
    ELSE 0 END AS value
FROM (SELECT n, coalesce((ARRAY['stairs', 'outage', 'large', 'small', 'de', 'de/phone', 'http:', 'http://a'])[n], 'other ' || n) AS series
      FROM generate_series(1, 60) n) s, generate_series(0, 239) i;
CREATE FUNCTION rows_of(what text) RETURNS text LANGUAGE sql AS $$ SELECT format('SELECT series, at, value FROM fleet WHERE series ~ %L OR series ~ ''other''', what) $$;

-- All changes of a series; one that is undone is told once, with its end.
SELECT series, at, ended_at, sign(difference) AS sign FROM important_changes(rows_of('stairs|outage')) ORDER BY series, at;
SELECT series, at FROM important_changes(rows_of('stairs'), per_series => 1, since => '2026-06-07Z');
SELECT explanation ~ '^outage fell from .*, seen [\w: ]+(; probability 0.\d+)?; back after 2 days 12:00:00$' AS told FROM important_changes(rows_of('outage'));
-- The end is told by itself if only rises are asked for.
SELECT series, at, ended_at FROM important_changes(rows_of('outage'), direction => 'up');
SELECT series, at FROM important_changes(rows_of('outage|large'), direction => 'down');
-- So is one that is undone in steps, and each step away.
CREATE TABLE steps AS
SELECT series, '2026-06-01Z'::timestamptz + i * interval '1 hour' AS at, levels[1 + i / 60] + noise(i + 300 * length(series)) AS value
FROM (VALUES ('recovers', '{100,80,90,100}'::int[]), ('sinks', '{100,90,80,100}'), ('goes on', '{100,80,90,120}')) s(series, levels), generate_series(0, 239) i
UNION ALL SELECT series, at, value FROM fleet WHERE series ~ 'other';
SELECT series, at, ended_at, sign(difference) AS sign FROM important_changes('SELECT series, at, value FROM steps') ORDER BY series, at;
SELECT series, "row", first_row, back FROM (SELECT series, detect(value, at ORDER BY at) AS d FROM steps GROUP BY series) s, change_excursions(d, '-infinity')
ORDER BY 1, 2;
SELECT count(*) FROM (SELECT series, detect(value, at ORDER BY at) AS d FROM steps GROUP BY series) s, change_excursions(d, '2026-06-05Z');

-- Sizes that matter.
SELECT series FROM important_changes(rows_of('large|small')) ORDER BY 1;
SELECT series FROM important_changes(rows_of('large|small'), min_effect => 10);
SELECT series FROM important_changes(rows_of('large|small'), min_percent => 10);

-- The rhythm of a series is no change of it, whether it is of days or of weeks; what changes beside it is.
CREATE TABLE rhythm AS
SELECT 'shift ' || n AS series, '2026-06-01Z'::timestamptz + i * interval '15 minutes' AS at,
    50 + noise(i * 1000 + n) + CASE WHEN i / 4 % 24 BETWEEN 9 AND 16 THEN 30 ELSE 0 END + CASE WHEN n = 3 AND i >= 1300 THEN 12 ELSE 0 END AS value
FROM generate_series(1, 3) n, generate_series(0, 1400) i
UNION ALL SELECT 'week ' || n, '2026-06-01Z'::timestamptz + i * interval '1 hour',
    50 + noise(i * 1000 + n) + CASE WHEN i / 24 % 7 >= 5 THEN 30 ELSE 0 END + CASE WHEN n = 3 AND i >= 310 THEN 12 ELSE 0 END
FROM generate_series(1, 3) n, generate_series(0, 370) i
UNION ALL SELECT series, at, value FROM fleet WHERE series ~ 'other';
SELECT series, at FROM important_changes('SELECT series, at, value FROM rhythm', top => NULL, per_series => NULL) ORDER BY series;
SELECT left(series, 4) AS kind, substring(explanation FROM ', (as [^;]*)') AS told, count(*) > 4 AS several, bool_and("row" = ANY (r)) AS recurs
FROM (SELECT series, detect(value, at ORDER BY at) AS d FROM rhythm GROUP BY series) s, change_points(d), recurring_changes(d) r
WHERE explanation ~ ', as ' GROUP BY 1, 2 ORDER BY 1, 2;

-- Nor are states that a series goes to and from at any time; a stay that is far longer is news, and so are two outages.
CREATE TABLE states AS
SELECT series, '2026-06-01Z'::timestamptz + i * interval '1 hour' AS at,
    50 + noise(i * 1000 + length(series)) + CASE WHEN (SELECT count(*) FROM unnest(starts) start WHERE start <= i) % 2 = 1 THEN 30 ELSE 0 END AS value
FROM (VALUES ('to and fro', '{61,101,177,208,260,320,410,454}'::int[]), ('stays', '{61,101,177,208,260,320,390}'), ('outages', '{61,81,277,298}')) s(series, starts),
    generate_series(0, CASE series WHEN 'stays' THEN 1000 ELSE 480 END) i
UNION ALL SELECT series, at, value FROM fleet WHERE series ~ 'other';
SELECT series, at, ended_at FROM important_changes('SELECT series, at, value FROM states', top => NULL, per_series => NULL) ORDER BY series, at;
SELECT series, count(*), bool_and(explanation ~ ', as at other times; ') AS told
FROM (SELECT series, detect(value, at ORDER BY at) AS d FROM states GROUP BY series) s, change_points(d) c
WHERE "row" = ANY (recurring_changes(d)) GROUP BY 1 ORDER BY 1;

-- In differences to the week before, a change is told once, and not again as its echo; also if the report begins after it.
CREATE TABLE echoes AS
SELECT series, at, value - lag(value, 168) OVER (PARTITION BY series ORDER BY at) AS value FROM (
    SELECT 'outage' AS series, '2026-06-01Z'::timestamptz + i * interval '1 hour' AS at, noise(i + 7000) - CASE WHEN i BETWEEN 260 AND 281 THEN 10 ELSE 0 END AS value
    FROM generate_series(0, 600) i
    UNION ALL SELECT 'step', '2026-06-01Z'::timestamptz + i * interval '1 hour', noise(i + 8000) + CASE WHEN i >= 260 THEN 10 ELSE 0 END FROM generate_series(0, 600) i) w
UNION ALL SELECT series, at, value FROM fleet WHERE series ~ 'other';
SELECT series, at, ended_at - at BETWEEN '20 hours' AND '24 hours' AS ends_within_a_day FROM important_changes('SELECT series, at, value FROM echoes') ORDER BY series;
SELECT count(*) FROM important_changes('SELECT series, at, value FROM echoes', since => '2026-06-13Z');

-- Slices with their sizes, and names that are parted otherwise, or not at all.
SELECT series, slices, slice_effects[1] > effect_sd AS greater FROM important_changes(rows_of('^de'));
SELECT series, slices FROM important_changes(rows_of('^http'));
SELECT series, slices FROM important_changes(rows_of('^http'), separator => NULL) ORDER BY 1;
SELECT series, slices FROM important_changes(rows_of('^http'), separator => '.') ORDER BY 1;
-- A slice of two dimensions belongs to either.
SELECT series, slices FROM important_changes($$SELECT s AS series, at, value FROM fleet, unnest('{shoes,de/shoes}'::text[]) s WHERE series = 'large'
    UNION ALL SELECT series, at, value FROM fleet WHERE series ~ 'other'$$);

-- The greatest and the least doubles: their differences are out of range, and yet all that is reported is finite.
CREATE TABLE extremes AS
SELECT kind || ' ' || x AS series, '2026-06-01Z'::timestamptz + i * interval '1 hour' AS at, x * CASE kind
    WHEN 'alternates' THEN sign(i / 60 % 2 - 0.5)
    WHEN 'jumps' THEN CASE WHEN i < 120 THEN 0 ELSE 1 END
    WHEN 'grows' THEN i / 240.0
    WHEN 'varies' THEN noise(i) / CASE WHEN i < 120 THEN 1000 ELSE 6 END
    ELSE CASE WHEN i % 50 = 49 THEN -1 ELSE 1 - noise(i) / 100 - 0.1 END END AS value
FROM unnest('{alternates,jumps,grows,varies,spikes}'::text[]) kind, unnest('{1.7976931348623157e308,-1.7e308,1e-290}'::float8[]) x, generate_series(0, 239) i
UNION ALL SELECT 'least', '2026-06-01Z'::timestamptz + i * interval '1 hour', CASE WHEN i / 60 % 2 = 0 THEN -5e-324 ELSE 5e-324 END FROM generate_series(0, 239) i;
SELECT kind, count(*) > 0 AS reported, bool_and(n::float8 BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308) AS finite, bool_and(explanation !~ 'inf|NaN') AS told
FROM important_changes($$SELECT series, at, value FROM extremes UNION ALL SELECT series, at, value FROM fleet WHERE series ~ 'other'$$, min_percent => 1e-300, top => NULL, fdr => 0.5) c,
    jsonb_each_text(to_jsonb(c) - '{series,at,first_alerted_at,ended_at,kind,slices,slice_effects,explanation}'::text[]) j(k, n) GROUP BY kind ORDER BY kind;
SELECT bool_and(d.mean BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308 AND d.low <= d.high) AS finite FROM (
    SELECT detect(value, at ORDER BY at) AS d FROM extremes GROUP BY series) s, forecast(s.d, 1e9) d;

-- Of two dimensions that are totalled, the one that explains the change is told, and with it the totals of the other.
CREATE TABLE grid AS
SELECT r || '/' || p AS series, '2026-06-01Z'::timestamptz + i * interval '1 hour' AS at,
    100 + noise(i * 1000 + ascii(r) * 10 + ascii(p)) + CASE WHEN i >= 150 AND r = 'de' THEN 8 ELSE 0 END AS value
FROM unnest('{de,fr,uk}'::text[]) r, unnest('{shoes,hats,coats}'::text[]) p, generate_series(0, 239) i;
INSERT INTO grid SELECT split_part(series, '/', n), at, sum(value) FROM grid, unnest('{1,2}'::int[]) n GROUP BY 1, 2;
INSERT INTO grid SELECT series, at, value FROM fleet WHERE series ~ 'other';
SELECT series, (SELECT array_agg(s ORDER BY s) FROM unnest(slices) s) AS slices, cardinality(slice_effects) AS effects
FROM important_changes('SELECT series, at, value FROM grid');
-- Where all move, no total stands for another.
SELECT count(DISTINCT series) AS totals, min(cardinality(slices)) AS slices
FROM important_changes($$SELECT series, at, value + CASE WHEN series !~ 'other' AND at >= '2026-06-05Z' THEN 20 ELSE 0 END AS value FROM grid$$, since => '2026-06-04Z', per_series => 1);

-- Series of very different rates: a day and a minute between rows, months; a slice that has more rows than its parent.
CREATE TABLE rates AS
SELECT 'plant' AS series, '2026-01-01Z'::timestamptz + i * interval '1 day' AS at, 1000 + 5 * noise(i) + CASE WHEN i >= 121 THEN 50 ELSE 0 END AS value
FROM generate_series(0, 200) i
UNION ALL SELECT 'plant/pump', '2026-04-29Z'::timestamptz + i * interval '1 minute', 50 + noise(i + 10000) + CASE WHEN i >= 3800 THEN 6 ELSE 0 END
FROM generate_series(0, 6000) i
UNION ALL SELECT 'plant/valve', '2026-01-01Z'::timestamptz + i * interval '1 hour', 50 + noise(i + 50000) FROM generate_series(0, 4000) i
UNION ALL SELECT 'slow', '2016-01-01Z'::timestamptz + i * interval '1 month', 10 + noise(i + 90000) + CASE WHEN i >= 100 THEN 9 ELSE 0 END FROM generate_series(0, 123) i
UNION ALL SELECT series, at, value FROM fleet WHERE series ~ 'other';
SELECT series, at::date, slices FROM important_changes('SELECT series, at, value FROM rates') ORDER BY series;
SELECT series, at FROM important_changes('SELECT series, at, value FROM rates', separator => NULL) ORDER BY series;
-- The length of a series does not hide its change.
SELECT series, at FROM important_changes($$
    SELECT 'long' AS series, '2026-01-01Z'::timestamptz + i * interval '1 minute' AS at, noise(i) + CASE WHEN i >= 19000 THEN 4 ELSE 0 END AS value FROM generate_series(0, 20000) i
    UNION ALL SELECT series, at, value FROM fleet WHERE series ~ 'other'$$);

-- Of detectors instead of rows: the same report.
CREATE TABLE watch AS SELECT series, detect(value, at ORDER BY at) AS d FROM fleet GROUP BY series;
SELECT count(*) AS differ FROM (
    SELECT * FROM important_changes('SELECT series, at, value FROM fleet') EXCEPT
    SELECT * FROM important_changes('SELECT series, d AS detector, 1 AS weight FROM watch')) s;
SELECT count(*) > 5 AS some FROM important_changes('SELECT series, d AS detector FROM watch');

-- Detectors go on with rows from elsewhere, and end in the same state.
CREATE TABLE went_on AS SELECT series, detect(value, at ORDER BY at) AS d FROM fleet WHERE at < '2026-06-05Z' AND series <> 'large' GROUP BY series;
SELECT count(*) AS series, count(*) FILTER (WHERE s.d = w.d) AS same
FROM (SELECT f.series, detect(d, value, at ORDER BY at) AS d FROM fleet f LEFT JOIN went_on USING (series)
      WHERE at >= '2026-06-05Z' OR f.series = 'large' GROUP BY f.series) s JOIN watch w USING (series);

-- Ties of times do not depend on the order of rows.
SELECT count(DISTINCT s.rows) AS reports FROM (SELECT (SELECT array_agg(c::text) FROM important_changes(
    'SELECT series, date_trunc(''day'', at) AS at, value FROM fleet ORDER BY ' || o) c) AS rows FROM unnest('{value,-value,at}'::text[]) o) s;

-- Episodes of surprising rows: one of up to three rows and one of one row.
SELECT series, first_at, first_at <= peak_at AND peak_at <= last_at AND last_at < first_at + interval '3 hours' AS ordered,
    num_rows BETWEEN 1 AND 3 AS few, value > 200 AS high, surprise >= 5 AS great
FROM surprising_episodes($$SELECT series, at, CASE WHEN at = '2026-06-08 00:00Z' THEN -50 WHEN at = '2026-06-05 10:00Z' THEN 260
    WHEN at >= '2026-06-05 09:00Z' AND at < '2026-06-05 12:00Z' THEN 230 ELSE value END AS value FROM fleet WHERE series = 'other 20'$$, 5, '2 hours');
SELECT count(*) FROM surprising_episodes('SELECT series, at, value FROM fleet WHERE false');

-- What fails in the query is told as it is, and with nothing of the function's own SQL.
CREATE FUNCTION failing(call text) RETURNS TABLE (code text, message text, detail text, hint text, own text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE call;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, own = PG_EXCEPTION_CONTEXT;
    own := substring(own FROM 'q\.|series_query|LIMIT 0');
    RETURN NEXT;
END $$;
\x on
SELECT f.* FROM unnest(ARRAY['SELECT * FROM missing', 'SELECT missing AS series FROM fleet', 'SELECT series, at, value / 0 AS value FROM fleet',
    'SELECT series, at, ''x'' AS value FROM fleet', 'SELECT series, at FROM fleet', 'SELECT series, 1 AS at, value FROM fleet',
    'SELECT series, at, value, at AS weight FROM fleet', 'SELEC', '', NULL]) query,
    unnest('{important_changes,surprising_episodes}'::text[]) function, failing(format('SELECT FROM %s(%L)', function, query)) f;
SELECT f.* FROM failing('SELECT FROM surprising_episodes(''SELECT 1 AS series, detect(1) AS detector'')') f;
\x off

-- Refused.
DO $$
DECLARE what text;
BEGIN
    FOREACH what IN ARRAY ARRAY['direction => ''left''', 'direction => NULL', 'min_effect => -1', 'min_percent => NULL', 'per_series => -1',
        'sensitivity => -1', 'period => ''-1 day'''] LOOP
        BEGIN
            EXECUTE format('SELECT FROM important_changes(rows_of(''large''), %s)', what);
            RAISE NOTICE '% was accepted', what;
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE '%: % %', what, SQLSTATE, SQLERRM;
        END;
    END LOOP;
    FOREACH what IN ARRAY ARRAY['NULL', ''' ;''', '''SELECT 1 AS series''', '''SELECT series, at, value FROM fleet'', NULL',
        '''SELECT series, at, value FROM fleet'', gap => NULL'] LOOP
        BEGIN
            EXECUTE format('SELECT FROM surprising_episodes(%s)', what);
            RAISE NOTICE '% was accepted', what;
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE '%: % %', what, SQLSTATE, SQLERRM;
        END;
    END LOOP;
    PERFORM FROM important_changes('SELECT series, d AS detector FROM watch', sensitivity => 2);
    RAISE NOTICE 'a sensitivity of stored detectors was accepted';
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE '% %', SQLSTATE, SQLERRM;
END $$;
-- Counts are counts in any unit, and purchases events of different sizes: none changed but the last of each.
SELECT series, abs(extract(epoch FROM at - '2026-06-09Z')) < 86400 AS near FROM important_changes($$
    SELECT unit || ' ' || n AS series, '2026-06-01Z'::timestamptz + i * interval '1 hour' AS at,
        CASE WHEN noise(i * 1000 + n) > CASE WHEN n = 40 AND i >= 192 THEN 0 ELSE 1.2 END
            THEN CASE unit WHEN 'loss' THEN -10 WHEN 'rate' THEN 1.0 / 60 ELSE exp(noise(i * 1001 + n)) END ELSE 0 END AS value
    FROM unnest('{loss,rate,purchases}'::text[]) unit, generate_series(1, 40) n, generate_series(0, 299) i$$) ORDER BY series;
DROP TABLE fleet, watch, went_on, extremes, grid, rates, rhythm, echoes;
DROP FUNCTION rows_of(text), failing(text), noise(bigint);
