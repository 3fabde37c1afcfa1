-- Share of false alarms and power of important_changes on fleets of simulated series, one in ten of which has a step of
-- 1.5 standard deviations, at the default false discovery rate of 5 %.
--
--     scripts/cluster.py run --pg-config … -- psql -v fleets=20 -f benches/detection/fdr.sql
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tally;

-- Noise of a kind with mean 0 and standard deviation 1.
CREATE FUNCTION pg_temp.noise(kind text, num_rows int) RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
    result float8[];
    e float8;
    last float8 := 0;
    correlation float8 := coalesce(substring(kind from 'AR\(1\) (.*)')::float8, 0);
BEGIN
    FOR i IN 1 .. num_rows LOOP
        e := sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random());
        last := CASE
            WHEN kind ~ 'AR' THEN correlation * last + sqrt(1 - correlation * correlation) * e
            WHEN kind = 'Laplace' THEN ln(1 - random()) * (CASE WHEN random() < 0.5 THEN -1 ELSE 1 END) / sqrt(2)
            WHEN kind = 'rounded' THEN round(e::numeric)
            WHEN kind = 't(3)' THEN e / sqrt((-2 * ln(1 - random()) + (2 * ln(1 - random()) * -power(cos(2 * pi() * random()), 2))))
            WHEN kind = 'log-normal' THEN (exp(e) - exp(0.5)) / sqrt((exp(1) - 1) * exp(1))
            WHEN kind = 'seasonal' THEN (e + 2 * sin(i * pi() / 12)) / sqrt(3)
            ELSE e END;
        result := result || last;
    END LOOP;
    RETURN result;
END $$;

CREATE TEMP TABLE found (kind text, num_rows int, fleet int, series text, changed boolean);
CREATE FUNCTION pg_temp.run(what text, length int, fleets int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR fleet IN 1 .. fleets LOOP
        CREATE TEMP TABLE rows ON COMMIT DROP AS
        SELECT CASE WHEN s % 10 = 0 THEN 'changed ' ELSE 'same ' END || s AS series, '2026-01-01Z'::timestamptz + i * interval '1 hour' AS at,
            x + CASE WHEN s % 10 = 0 AND i > step THEN 1.5 ELSE 0 END AS value
        FROM (SELECT s, length * (0.3 + 0.4 * random()) AS step, pg_temp.noise(what, length) AS noise FROM generate_series(1, 180) s) f, unnest(noise) WITH ORDINALITY u(x, i);
        INSERT INTO found SELECT what, length, fleet, c.series, c.series ~ 'changed' FROM important_changes('SELECT * FROM rows', top => NULL, per_series => 1) c;
        DROP TABLE rows;
    END LOOP;
END $$;

SELECT setseed(0.4711) \g /dev/null
SELECT pg_temp.run(kind, num_rows, CASE num_rows WHEN 300 THEN :fleets ELSE :fleets / 5 END)
FROM unnest('{300,3000}'::int[]) num_rows, unnest('{white,AR(1) 0.5,AR(1) 0.9,Laplace,rounded,seasonal,t(3),log-normal}'::text[]) kind \g /dev/null
SELECT k AS noise, n AS rows, count(f) AS reported, round(100.0 * count(f) FILTER (WHERE NOT changed) / nullif(count(f), 0), 1) AS "false, %",
    round(20.0 * count(f) FILTER (WHERE NOT changed) / nullif(count(f), 0), 2) AS "to nominal",
    round(count(f) FILTER (WHERE changed) / (18.0 * CASE n WHEN 300 THEN :fleets ELSE :fleets / 5 END), 2) AS power
FROM unnest('{white,AR(1) 0.5,AR(1) 0.9,Laplace,rounded,seasonal,t(3),log-normal}'::text[]) WITH ORDINALITY u(k, place)
    CROSS JOIN unnest('{300,3000}'::int[]) n LEFT JOIN found f ON f.kind = k AND f.num_rows = n
GROUP BY k, n, place ORDER BY n, place;
