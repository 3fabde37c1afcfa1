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
    (forecast(d)).low < level(d) AND level(d) < (forecast(d)).high AS within, (forecast(d, 10)).mean BETWEEN 19938 AND 19962 AS ahead,
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
SELECT c.row, kind, regexp_replace(regexp_replace(explanation, '\(.*', ''), '-?\d[\d.]*', '…', 'g') AS explanation
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

-- Rows that are all the same, then a leap of any size: the state can be read after every row, and finds the leap.
CREATE TABLE leaps AS
SELECT home, leap, n, CASE WHEN n >= 30 THEN leap ELSE home END AS value
FROM unnest('{0,3.5,5,-1000}'::float8[]) home, unnest('{1e-300,1e7,52428800,5e9,1e18,1e300}'::float8[]) leap, generate_series(1, 60) n;
CREATE TABLE leapt (home float8, leap float8, n int, d detector);
INSERT INTO leapt SELECT home, leap, n, detect(value) OVER (PARTITION BY home, leap ORDER BY n) FROM leaps;
SELECT count(*), count(*) FILTER (WHERE d = d::text::detector AND d = upper(d::text)::detector) AS reread FROM leapt;
SELECT count(*) AS leaps, count(*) FILTER (WHERE (SELECT bool_or(c.row BETWEEN 28 AND 32) FROM change_points(d) c)) AS found
FROM leapt WHERE n = 60;
CREATE TABLE leapt_copy (LIKE leapt);
\copy leapt TO 'leapt.copy'
\copy leapt_copy FROM 'leapt.copy'
SELECT count(*) FROM (TABLE leapt EXCEPT TABLE leapt_copy) s;
TRUNCATE leapt_copy;
\copy leapt TO 'leapt.copy' (FORMAT binary)
\copy leapt_copy FROM 'leapt.copy' (FORMAT binary)
SELECT count(*) FROM (TABLE leapt EXCEPT TABLE leapt_copy) s;
\! rm leapt.copy
DROP TABLE leaps, leapt, leapt_copy;

-- After such a leap 0.1.0 stored numbers that are none. They can be restored, and begin again after their last row.
CREATE TABLE restored (d detector);
COPY restored FROM stdin;
\\x02000000000000f03f00003c76000000000000f03f2e00010000000000004e405555555555d50940abaaaaaa4a4a824000000000000019400000000000004e400000000000001940000000000000000000000000000000000000000000884340000000000000000008000000000000000000000040400000c07f000000000000f8ff0000c07f0000c07f0000c0ff0000c07f0000c07f010000000000000000000040400000c07f000000000000f8ff0000c07f0000c07f0000c0ff0000c07f0000c07f020000000000000000000040400000c07f000000000000f8ff0000c07f0000c07f0000c0ff0000c07f0000c07f0300000000000000009d1c123dafdd8740b798447274cc1840fea07041c338b6444d704f40404ef93feabebdbf0488c80cc1570ae6c0bebc9f3e96670f3f13caf13039731440a8eb763fa2474344faf5743feba1ff40427ab1bf05ed5309c13521dfc053ef9c3ebf36d73e80242be78fba1340412f143f71af3f4473f00d3fa0fef6403475b1bf068e9e05c184b6d7c0bd519a3e808a8f3e08cca5ef33a2124036eb763e97673c44e7a0643e1a73ed40c772b1bf07f19001c1599bcfc059df973ebc980f3e5fa69166a0cb104000000000246439440000000049c4e1401872b1bf080000ff0000000000001b3600010000000000000000000000001406127d152941b400000000001c3800010000000000000000000000001401126c152641bb3ad12a3f001d3a000100000000000000000000000000000000000041c2fc11403f0038700201000000000000f87f000000007fc07fc07fc07fc0000000000039720201000000000000f8ff00000000ffc07fc07fc0ffc000000000003a7403014659c57fd6c81840000000003ecf3cb13f4f407e00000000003b760201000000000000f87f000000007fc0ffc0ffc07fc0000000000000000000000019407b4b426647f3184037c4830effe61340a9aaaaaaaaaaba3f3b1a5f48cd2bb13f000070425555555555d50940c8711cc771822340000070426b48db28014ce23f92f84a988747fa3f00000000000000000000000000000000000000000000a04199dab2ed72551040296f33e9ead2d93f0000a041b5f971f8484401c0889f5c1d92ecb43f18b8603f295c0f3e000000004eefd53fd67e5e3e00000040fdf2513f295c0f3e00000000baa6c93f67864b3e000000400000803f295c0f3e000000000000803f295c0f3e000000000000803f295c0f3e000000002d0d743f9e64053e0000803f7b957c3f3ec1083e0000803f0000803f295c0f3e00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000011d3a000000000000894100000000000000000000000000e0644146898341aa4689834100019ad80e3f
\\x02000000000000f03ffd00c0ae3b2800000001fb2c01fd0028957796d4050000000000389c8c414400020000000000c07240be762ca471c6cf3ffa434e95ba898d40000000000000ec3d0000000000c07240a45d64cfb5c6224000000000000018400000000000000000c26368e29d75cb405099f8c65e75bbc006000000000000000000fb9bee340000c07f000000000000f8ff0000c07f0000c07f0000c0ff0000c07f0000c07f020000000000000000398ee33ed6208043148e194741f53f3f8c8e0743bdccbd49e9bf87c1c0821e407ede9fc0037ddf1abfc19317bf398ee33e06607f438ed11050e5103f3f9f06074300cdbb490bfe82c1ea8519404db59fc004a1fb67c1c52059c1398ee33e3ba33c407237efd810c4a03fecb95e3fce2e8b4445e8c5bd956d4c407194b1bf05b46541c1b77e32c1398ee33ed257fb3f20bc72fb6c89a73f6c0ad13e2cf68a44232039bda4b44b40977ab1bf06a5d216c163df07c1398ee33ec2027b3f56682fbb46d2b33f000000008ee38a440000000070ec4a401872b1bf0700fd00cef71c8ed40500ff0000000000001dfd006464ec8ed405000001000000000000ec3d0000000000000000000041c21b9f1d3f001efd00728bf38ed40500010113d691622eb71b4000000000408f3d603fe93e07b0bd1b3f001ffd0080b2fa8ed405000001000000000000f87f000000007fc0ffc0ffc07fc00000000000fb2901fd000c476996d405000001000000000000f8ff00000000ffc07fc07fc0ffc00000000000fb2a01fd001a6e7096d405000001000000000000f8ff00000000ffc0ffc0ffc0ffc00000000000fb2b01fd0028957796d40500020142e77781680a403f000000003c0e38eb3e0e437f0000000000000000000000ec3de16dd4b81923d13fa312a4cd1ff1f83fa570ffd7f9defc3f815678602799094000009643a6701bd8f9deec3ff081781c871e4a4000009643cb2e28fe871b743fe616dd0fa42d4d4000008e43b03918514e6ad3bfc8b8f122271b494000008243e9c913613734ed3fe7eb2481f9cfea3f00008243468af1df6317be3fb3f4b6d6b311f33fbcbf153f295c0f3e000000000ecf2a408f9fcd3e0000c04083845c3ff3daf33d0000a0400ecf2a40d516c83e0000c0407e77613f45536e3e0000804066a11a409237d33e0000a0408ca1433f9e64053e0000803f7a9fde3ff9fc483e0000a0408878573fb7c1083e0000803f5958953fd63d243e000000403b3c3c3c3c010000000000000000000000000000000000008a89173ea0aec63ee36d213fbc8ffe3fcdd8ad3f0000602f000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000021dfd006464ec8ed405000000002e597641420000000000000c400000000000201d4246898341e5fd0054e78294d405000000c07615bc7042000000e088c31042ffffffffffffef7fb38e484082b38e48400001c0d04d3f
\.
SELECT num_rows(d), level(d), surprise(d), change_probability(d), forecast(d), (SELECT count(*) FROM change_points(d)) AS changes, summary(d)
FROM restored;
UPDATE restored SET d = CASE num_rows(d) WHEN 60 THEN observe(d, 7) ELSE observe(d, 7, '2026-02-01Z') END;
SELECT num_rows(d), level(d) FROM restored;
DROP TABLE restored;

-- Equality, and a line to read.
SELECT count(*) AS groups FROM (SELECT d, count(*) FROM kept GROUP BY d) s;
SELECT a.d = b.d AS equal, a.d <> b.d AS different, a.d IS DISTINCT FROM observe(b.d, 1, '2100-01-01Z') AS later
FROM kept a, kept b WHERE a.series = 'whole' AND b.series = 'split';
SELECT regexp_replace(summary(d), '\.\d+', '…', 'g') AS summary FROM kept WHERE series = 'whole';
SELECT summary(detect(5)), summary(detect(NULL)) FROM generate_series(1, 40);

-- Nothing, little, and strange.
SELECT detect(x) IS NULL FROM (SELECT 1::float8 WHERE false) s(x);
SELECT level(d), slope(d), noise(d), run_length(d), num_rows(d), forecast(d), surprise(d), change_probability(d)
FROM (SELECT detect(x) AS d FROM (VALUES (NULL::float8)) v(x)) s;
SELECT level(d), slope(d), num_rows(d) FROM (SELECT detect(x) AS d FROM unnest('{7,7}'::float8[]) x) s;
SELECT level(d), noise(d) < 1e-9 AS quiet, (SELECT count(*) FROM change_points(d)) FROM (SELECT detect(5) AS d FROM generate_series(1, 500)) s;
SELECT num_rows(d), round(level(d)::numeric, 3), surprise(d)
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
        '''\xfe00''::detector',
        '''\x01''::detector',
        '(SELECT detect(x, at) FROM (VALUES (1, ''2026-01-02Z''::timestamptz), (1, ''2026-01-01Z'')) v(x, at))',
        'important_changes(''SELECT 1 AS x'')',
        'important_changes(''SELECT 1 AS series, 2 AS at, 3 AS value'')',
        'important_changes(''SELECT true AS series, 2 AS at, 3 AS value'')',
        'important_changes(''SELECT FROM'')',
        'important_changes(''SELEC'')',
        'important_changes('' ; '')',
        'important_changes(NULL)',
        'important_changes(''SELECT series, at, value FROM m'', since => NULL)',
        'important_changes(''SELECT series, at, value FROM m'', fdr => NULL)',
        'important_changes(''SELECT series, at, value FROM m WHERE false'', fdr => 7)',
        'important_changes(''SELECT series, at, 1 / 0 AS value FROM m'')',
        'important_changes(''SELECT series, at, value, -1 AS weight FROM m'')',
        'important_changes(''SELECT series, at, value, float8 ''''Infinity'''' AS weight FROM m'')',
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

-- Why a state is refused: the sensitivity, the period, the count of rows, a time that PostgreSQL does not have, a part cut off.
DO $$
DECLARE
    states CONSTANT text[] := (SELECT array_agg(s::text) FROM (VALUES (1, detector_for(1)), (2, observe(NULL, 7))) v(n, s));
    state text;
    why text;
BEGIN
    FOREACH state IN ARRAY ARRAY[
        replace(states[1], '000000000000f03f', '000000000000f0bf'),
        replace(states[1], 'fd00c0ae3b2800000001', '0101'),
        overlay(states[2] PLACING '05' FROM 25 FOR 2),
        replace(observe(NULL, 7, '294276-12-31Z')::text, 'fd0080b62b8ffeffff', 'fdfeffffffffffffff'),
        left(states[1], -2)] LOOP
        BEGIN
            PERFORM state::detector;
            RAISE NOTICE '% was accepted', state;
        EXCEPTION WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS why = PG_EXCEPTION_DETAIL;
            RAISE NOTICE '% %: %', SQLSTATE, SQLERRM, why;
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
    expected_false_share < 0.05 AS few_false, explanation ~ '^shop(/fr)? (fell|rose) from .* sd\) on .*, seen [\w: ]+(; probability 0\.\d+)?$' AS said
FROM important_changes('SELECT series, at, value, weight FROM fleet');
SELECT series FROM important_changes('SELECT series, at, value FROM fleet -- all of it', top => 1);
SELECT series FROM important_changes('SELECT series, at, value FROM fleet;', since => '2026-06-06Z');
SELECT count(*) FROM important_changes('SELECT series, at, value FROM fleet WHERE false');
-- Without a weight a series counts as any other, and a series may have no name.
SELECT series, importance > 1, slices, explanation ~ '^\(no series\) fell' AS nameless
FROM important_changes('SELECT nullif(series, ''shop/fr'') AS series, at, value, nullif(weight, 1) AS weight FROM fleet');
-- Parents at any depth, of which only those with a name of their own count; a parent is told with all that moved with it.
SELECT series, slices FROM important_changes($$SELECT s AS series, at, value FROM fleet, unnest('{a,a/b,a/b/c,x/y/z,a/bb/c}'::text[]) s WHERE series = 'shop'$$);
-- Whatever the values of some series are, the others are told.
SELECT series FROM important_changes($$
    SELECT series, at, value FROM fleet WHERE series IN ('shop/fr', 'other4', 'other5')
    UNION ALL SELECT 'odd ' || n, '2026-06-01Z'::timestamptz + i * interval '1 hour', v[1 + i * 7 % cardinality(v)]
    FROM (VALUES (1, '{NaN}'::float8[]), (2, '{Infinity}'), (3, '{-Infinity}'), (4, '{NULL}'), (5, '{1}'), (6, '{-0,0}'), (7, '{5e-324}'),
        (8, '{1.7976931348623157e308}'), (9, '{NaN,Infinity,-Infinity,NULL}'), (10, '{1.7976931348623157e308,-1.7976931348623157e308,NaN}')) o(n, v), generate_series(0, 239) i
    UNION ALL SELECT 'odd 11', '-infinity', 1 UNION ALL SELECT 'odd 12', NULL, 1 UNION ALL SELECT 'odd 13', '2026-06-01Z', 1$$) WHERE series NOT LIKE 'odd%';
-- It runs with the rights of its caller.
CREATE ROLE nobody_here;
SET ROLE nobody_here;
\set SHOW_CONTEXT never
SELECT * FROM important_changes('SELECT series, at, value FROM fleet');
RESET ROLE;
DROP ROLE nobody_here;
DROP TABLE m, kept, fleet;
DROP FUNCTION noise(bigint);
