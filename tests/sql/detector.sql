-- Detection in SQL: a step, a drift and noise are found and explained; the state is the same however it was fed.
-- Noise without a generator that versions could change: sums of hashes, roughly normal with standard deviation 1.
CREATE FUNCTION noise(i bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT sum(hashint8extended(i, k) / 9223372036854775808.0) / sqrt(4) FROM generate_series(1, 12) k
$$;
CREATE TABLE m AS
SELECT 'bybit/BTC.USDT' AS series, '2026-05-14Z'::timestamptz + i * interval '1 minute' AS at,
    19400 + 12 * noise(i) + CASE WHEN i >= 300 THEN 550 ELSE 0 END AS value
FROM generate_series(0, 499) i;

SELECT c.at, first_alerted_at - c.at < interval '15 minutes' AS soon, kind, probability > 0.99 AS sure, round(before) AS before,
    round(after) AS after, difference BETWEEN difference_low AND difference_high AS inside, abs(effect_sd) > 20 AS large,
    rows_before, rows_after, c.row, regexp_replace(explanation, '± \S+|seen \S+|\d+\.\d+', '…', 'g') AS explanation
FROM (SELECT detect(value, at ORDER BY at) AS d FROM m) s, change_points(s.d) c;
SELECT round(level(d)), slope(d), noise(d) BETWEEN 8 AND 30 AS noise, run_length(d), num_rows(d),
    (forecast(d)).low < level(d) AND level(d) < (forecast(d)).high AS within, round((forecast(d, 10)).mean),
    surprise(d) < 3 AS usual, change_probability(d) < 0.2 AS quiet, octet_length(detector_send(d)) < 2048 AS small
FROM (SELECT detect(value, at ORDER BY at) AS d FROM m) s;
SELECT count(*) FILTER (WHERE surprise >= 3) BETWEEN 1 AND 10 AS stands_out, min(at) FILTER (WHERE surprise >= 6),
    count(surprise), min(at) FILTER (WHERE p > 0.9) < '2026-05-14 05:15Z' AS seen
FROM (SELECT at, surprise(value, at) OVER w, change_probability(value, at) OVER w AS p FROM m WINDOW w AS (ORDER BY at)) s;

-- A slope per second, noise, and rows without times.
SELECT kind, round(after::numeric * 60, 1) AS per_minute FROM (
    SELECT detect(100 + noise(i) + greatest(i - 200, 0) * 0.2, '2026-01-01Z'::timestamptz + i * interval '1 minute' ORDER BY i) AS d
    FROM generate_series(0, 400) i) s, change_points(s.d) WHERE kind IN ('level', 'slope');
SELECT c.row BETWEEN 290 AND 310 AS there, c.at, first_alerted_at, kind, after / before > 3 AS more, explanation ~ '^became noisier, standard deviation from \S+ to \S+ \(\S+ times\) at row \d+, seen at row \d+; probability' AS said
FROM (SELECT detect(noise(i) * CASE WHEN i < 300 THEN 1 ELSE 5 END ORDER BY i) AS d FROM generate_series(1, 600) i) s, change_points(s.d) c
WHERE kind = 'variance';
SELECT c.row, kind, regexp_replace(explanation, '\(.*', '') AS explanation
FROM (SELECT detect(round(noise(i)::numeric, 6) + CASE WHEN i = 200 THEN -30 ELSE 0 END ORDER BY i) AS d FROM generate_series(1, 300) i) s, change_points(s.d) c
WHERE kind IN ('spike', 'dip') AND abs(effect_sd) > 10;

-- The same state, bit for bit: aggregate, window, observe, and any split of them.
CREATE TABLE kept (series text PRIMARY KEY, d detector);
INSERT INTO kept VALUES ('whole', NULL), ('split', (SELECT detect(value, at ORDER BY at) FROM m WHERE at < '2026-05-14 04:00Z'));
DO $$
DECLARE r record;
BEGIN
    FOR r IN SELECT * FROM m ORDER BY at LOOP
        UPDATE kept SET d = observe(d, r.value, r.at) WHERE series = 'whole' OR r.at >= '2026-05-14 04:00Z';
    END LOOP;
END $$;
SELECT series, d::text = (SELECT detect(value, at ORDER BY at)::text FROM m) AS aggregate,
    d::text = (SELECT detect(value, at) OVER (ORDER BY at)::text FROM m ORDER BY at DESC LIMIT 1) AS window,
    d::text = d::text::detector::text AS text FROM kept ORDER BY series;
CREATE TEMP TABLE copied (d detector);
\copy kept (d) TO 'detector.copy' (FORMAT binary)
\copy copied FROM 'detector.copy' (FORMAT binary)
\! rm detector.copy
SELECT count(DISTINCT d::text) FROM (SELECT d FROM kept UNION ALL SELECT d FROM copied) s;

-- Nothing, little, and strange.
SELECT detect(x) IS NULL FROM (SELECT 1::float8 WHERE false) s(x);
SELECT level(d), slope(d), noise(d), run_length(d), num_rows(d), forecast(d), surprise(d), change_probability(d)
FROM (SELECT detect(x) AS d FROM (VALUES (NULL::float8)) v(x)) s;
SELECT level(d), slope(d), num_rows(d) FROM (SELECT detect(x) AS d FROM unnest('{7,7}'::float8[]) x) s;
SELECT level(d), noise(d) < 1e-9 AS quiet, (SELECT count(*) FROM change_points(d)) FROM (SELECT detect(5) AS d FROM generate_series(1, 500)) s;
SELECT num_rows(d), round(level(d)::numeric, 6), surprise(d)
FROM (SELECT detect(x ORDER BY n) AS d FROM (SELECT n, 3 + n % 2 FROM generate_series(1, 200) n
    UNION ALL SELECT 200 + n, x FROM unnest('{NaN,Infinity,-Infinity,NULL}'::float8[]) WITH ORDINALITY s(x, n)) s(n, x)) s;
SELECT abs(level(detect(x ORDER BY n))) < 10 AS unmoved
FROM (SELECT n, CASE n WHEN 150 THEN 1e300 ELSE noise(n) END FROM generate_series(1, 300) n) s(n, x);
SELECT level(observe(observe(NULL, 1, '2026-01-01Z'), 1, '2026-01-01Z')) AS same_time;
SELECT round(level(observe(detector_for(2, '7 days'), 1, '2026-01-01Z')));

-- Refused.
DO $$
DECLARE what text;
BEGIN
    FOREACH what IN ARRAY ARRAY[
        'observe(observe(NULL, 1, ''2026-01-02Z''), 1, ''2026-01-01Z'')',
        'observe(observe(NULL, 1, ''2026-01-02Z''), 1)',
        'observe(observe(NULL, 1), 1, ''2026-01-02Z'')',
        'observe(NULL, 1, NULL)',
        'observe(NULL, 1, ''infinity'')',
        'detector_for(0)',
        'detector_for(NULL, ''-1 day'')',
        'forecast(observe(NULL, 1), -1)',
        '''x''::detector',
        '''\x02''::detector',
        '''\x0300''::detector',
        '(SELECT detect(x, at) FROM (VALUES (1, ''2026-01-02Z''::timestamptz), (1, ''2026-01-01Z'')) v(x, at))',
        'important_changes(''SELECT 1 AS x'')',
        'important_changes(''SELECT 1 AS series, 2 AS at, 3 AS value'')',
        'important_changes(''SELECT FROM'')',
        'important_changes(''SELECT series, at, value FROM m'', fdr => 2)',
        'important_changes(''SELECT series, at, value FROM m'', top => -1)'] LOOP
        BEGIN
            EXECUTE 'SELECT ' || what;
            RAISE NOTICE '% was accepted', what;
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE '%: % %', what, SQLSTATE, SQLERRM;
        END;
    END LOOP;
END $$;

-- Damaged states are refused or harmless.
SELECT setseed(0.5);
DO $$
DECLARE
    good bytea := (SELECT detector_send(d) FROM kept LIMIT 1);
    bad bytea;
    refused int := 0;
    accepted int := 0;
BEGIN
    FOR i IN 1 .. 3000 LOOP
        bad := set_byte(good, floor(random() * length(good))::int, floor(random() * 256)::int);
        BEGIN
            PERFORM level(d), forecast(d), (SELECT count(*) FROM change_points(d)), observe(d, 1, '2100-01-01Z')
            FROM (SELECT bad::text::detector AS d) s;
            accepted := accepted + 1;
        EXCEPTION WHEN invalid_text_representation OR feature_not_supported OR invalid_parameter_value THEN
            refused := refused + 1;
        END;
    END LOOP;
    RAISE NOTICE 'refused some: %, accepted some: %', refused > 100, accepted > 100;
END $$;

-- The report: a parent and the slice that moves with it, a slice on its own, and many that do nothing.
CREATE TABLE fleet AS
SELECT s.series, '2026-06-01Z'::timestamptz + i * interval '1 hour' AS at,
    100 + noise(i * 1000 + s.n) + CASE WHEN i >= 150 AND s.series IN ('shop', 'shop/de') THEN 4 WHEN i >= 100 AND s.series = 'shop/fr' THEN -6 ELSE 0 END AS value,
    CASE s.series WHEN 'shop' THEN 10 ELSE 1 END AS weight
FROM (SELECT n, CASE n WHEN 1 THEN 'shop' WHEN 2 THEN 'shop/de' WHEN 3 THEN 'shop/fr' ELSE 'other' || n END AS series FROM generate_series(1, 60) n) s,
    generate_series(0, 239) i;
SELECT series, kind, abs(difference - CASE series WHEN 'shop' THEN 4 ELSE -6 END) < 0.6 AS right_size, probability > 0.99 AS sure, slices,
    expected_false_share < 0.05 AS few_false, regexp_replace(explanation, '(fell|rose) .*; expected', '\1 …; expected') ~ '^shop(/fr)? (fell|rose) …; expected share of false alarms in this report \d\.\d %$' AS said
FROM important_changes('SELECT series, at, value, weight FROM fleet');
SELECT series FROM important_changes('SELECT series, at, value FROM fleet -- all of it', top => 1);
SELECT series FROM important_changes('SELECT series, at, value FROM fleet;', since => '2026-06-06Z');
SELECT count(*) FROM important_changes('SELECT series, at, value FROM fleet WHERE false');
-- It runs with the rights of its caller.
CREATE ROLE nobody_here;
SET ROLE nobody_here;
\set SHOW_CONTEXT never
SELECT * FROM important_changes('SELECT series, at, value FROM fleet');
RESET ROLE;
DROP ROLE nobody_here;
DROP TABLE m, kept, fleet;
DROP FUNCTION noise(bigint);
