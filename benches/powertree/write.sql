-- What a tree costs those who write: the same statements to the same table without one and with one, in turn.
SET client_min_messages = warning;
CREATE TABLE plain (series int, at timestamptz, x float8);
CREATE INDEX ON plain (series, at);
CREATE TABLE kept (series int, at timestamptz, x float8);
CREATE INDEX ON kept (series, at);
SELECT powertree_create('kept', at => 'at', "values" => '{x}', series => '{series}', leaf => '1 second');
CALL powertree_compact('kept');
CREATE TABLE runs (what text, kept boolean, ms float8);
CREATE PROCEDURE run(what text, base text, statements int, command text) LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    command := format(command, base);
    FOR i IN 1 .. statements LOOP
        EXECUTE command USING i;
        COMMIT;
    END LOOP;
    INSERT INTO runs VALUES (what, base = 'kept', 1000 * extract(epoch FROM clock_timestamp() - began));
END $$;
COPY (SELECT 1, '2026-02-01Z'::timestamptz + i * interval '1 ms', random() FROM generate_series(1, 1000000) i) TO :'copy' (FORMAT binary);
SELECT format('CALL run(%L, %L, %s, %L)', what, base, statements, command)
FROM generate_series(0, 6) round, (VALUES
    (1, '1000 rows, one series', 100, 'INSERT INTO %I SELECT 1, ''2026-01-01Z''::timestamptz + ($1 * 1000 + j) * interval ''1 ms'', random() FROM generate_series(1, 1000) j'),
    (2, '1000 rows, 100 series', 100, 'INSERT INTO %I SELECT j %% 100, ''2026-01-01Z''::timestamptz + ($1 * 1000 + j) * interval ''1 ms'', random() FROM generate_series(1, 1000) j'),
    (3, 'single rows', 5000, 'INSERT INTO %I VALUES ($1 %% 10, ''2026-01-01Z''::timestamptz + $1 * interval ''1 ms'', random())'),
    (4, 'COPY of a million rows', 1, 'COPY %I FROM ' || quote_literal(:'copy') || ' (FORMAT binary)')) w(i, what, statements, command),
    (VALUES ('plain'), ('kept')) b(base)
WHERE i < 4 OR round < 4
ORDER BY round, i, base DESC
\gexec
SELECT what, round(m.plain::numeric, 1) AS plain_ms, round(m.kept::numeric, 1) AS kept_ms, round((m.kept / m.plain)::numeric, 2) AS ratio
FROM (SELECT what, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE NOT kept) AS plain,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE kept) AS kept FROM runs GROUP BY what) m ORDER BY what;
