-- A reader can check each sentence: figures of what never varied have no errors, relative sizes have a base, times are complete.
SET timezone = 'UTC';
CREATE FUNCTION noise(i bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT sum(hashint8extended(i, k) / 9223372036854775808.0) / sqrt(4) FROM generate_series(1, 12) k
$$;
-- Digits and places that later versions may judge otherwise become dots.
CREATE FUNCTION told(d detector, pattern text DEFAULT '\d[\d.,]*') RETURNS SETOF text LANGUAGE sql AS $$
    SELECT regexp_replace(regexp_replace(explanation, '(at row \d+|seen).*', ''), pattern, '…', 'g') FROM change_points(d) WHERE kind = 'level'
$$;

-- Values that never varied.
SELECT regexp_replace(explanation, '4[23]\.\d+ ± [\d.]+', '…') AS told
FROM (SELECT detect(CASE WHEN n > 200 THEN 43 ELSE 42 END ORDER BY n) AS d FROM generate_series(1, 400) n) s, change_points(d);
SELECT count(*) AS with_exponents
FROM (SELECT detect(CASE WHEN n > 200 THEN 5 + noise(n) ELSE 0 END ORDER BY n) AS d FROM generate_series(1, 300) n) s, change_points(d)
WHERE explanation ~ 'e-?\d';

-- No percentages across zero, at zero, or beyond what a reader can picture.
SELECT told(detect(CASE WHEN n > 200 THEN 5 ELSE -5 END + noise(n) ORDER BY n)) FROM generate_series(1, 400) n;
SELECT told(detect(CASE WHEN n > 200 THEN 15 ELSE 5 END + noise(n) ORDER BY n)) FROM generate_series(1, 400) n;
SELECT told(detect(CASE WHEN n > 200 THEN 1000 ELSE 5 END + noise(n) / 10 ORDER BY n), '\d[\d.,]* ± [\d.,]+') FROM generate_series(1, 400) n;

-- Slopes in one unit, that of the rows, with their errors.
SELECT regexp_replace(explanation, '-?\d[\d.,]*', '…', 'g') ~ '^turned from … ± … to … ± … per hour \((over )?… sd since\)' AS told
FROM (SELECT detect(abs(n - 200) * 0.5 + noise(n), '2026-01-01Z'::timestamptz + n * interval '1 hour' ORDER BY n) AS d
      FROM generate_series(1, 400) n) s, change_points(d) WHERE kind = 'slope';

-- Single values as they came, and how surprising they are; the time of the alert only if it is another.
SELECT regexp_replace(explanation, 'where -?[\d.]+ to [\d.]+', 'where …') AS told
FROM (SELECT detect(CASE WHEN n = 300 THEN -999999 ELSE noise(n) END, '2026-01-01Z'::timestamptz + n * interval '1 minute' ORDER BY n) AS d
      FROM generate_series(1, 400) n) s, change_points(d) WHERE kind = 'dip' AND row = 300;
-- What is usual, at this time of the day or week where that matters, in the session's time zone; nothing below 0 in counts.
CREATE FUNCTION usual(period interval, x float8, hours int, OUT told text, OUT holds boolean) RETURNS record LANGUAGE sql AS $$
    SELECT regexp_replace(regexp_replace(explanation, 'where \S+ to \S+ is', 'where … is'), '\([^)]* sd\)|; .*', '', 'g'), u[1]::float8 BETWEEN 10 AND 50 AND u[2]::float8 BETWEEN 50 AND 90
    FROM (SELECT detect(CASE WHEN n = 3009 THEN x WHEN extract(hour FROM at AT TIME ZONE 'UTC') BETWEEN 9 AND 16 AND (period < '2 days' OR extract(isodow FROM at AT TIME ZONE 'UTC') < 6) THEN 50 + 3 * noise(n) ELSE 10 + 3 * noise(n) END, at, 1, period ORDER BY n) AS d
          FROM (SELECT n, '2026-01-05Z'::timestamptz + n * hours * interval '1 hour' AS at FROM generate_series(0, 3300) n) r) s,
        change_points(d), regexp_match(explanation, 'where (\S+) to (\S+)') u WHERE row = 3010
$$;
SELECT * FROM usual('1 day', 300, 1);
SELECT * FROM usual('7 days', 300, 7);
SET timezone = 'America/New_York';
SELECT told FROM usual('1 day', 300, 1);
SET timezone = 'UTC';
SELECT regexp_replace(explanation, '(where 0 to) .*', '\1 …') AS told
FROM (SELECT detect(CASE WHEN n = 300 THEN 60 ELSE floor(abs(noise(n)) * 5) END ORDER BY n) AS d FROM generate_series(1, 310) n) s, change_points(d) WHERE row = 300;

-- Times: fractions of seconds where rows are so close, days where they are enough, years before Christ, and the zone.
CREATE FUNCTION dated(start timestamptz, step interval) RETURNS text LANGUAGE sql AS $$
    SELECT substring(explanation FROM ' on (.*);')
    FROM (SELECT detect(CASE WHEN n >= 100 THEN 20 ELSE 5 END + noise(n), start + n * step ORDER BY n) AS d FROM generate_series(0, 199) n) s, change_points(d)
    WHERE kind = 'level'
$$;
SELECT dated('2026-03-01Z', '1 microsecond'), dated('2026-03-01Z', '1 day'), dated('2026-03-01Z', '1 hour'), dated('2026-03-01Z', '1 second');
SELECT dated('0100-02-01Z BC', '1 day');
SET timezone = 'Europe/Berlin';
SELECT dated('2026-10-20 20:00Z', '1 hour');
DROP FUNCTION usual(interval, float8, int), dated(timestamptz, interval), told(detector, text), noise(bigint);
