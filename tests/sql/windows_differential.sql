-- 20,000 random window queries give the same results with acceleration on and off: floating-point ones but for the
-- rounding that core adds up, all others exactly. Some fail, with the same SQLSTATE: of rows in no frame nothing is evaluated.
\set ECHO errors
LOAD 'pg_tally';
SELECT setseed(0.5);
CREATE TABLE data AS
SELECT i AS id, i % 3 AS g, i / 3 AS peer, '2026-01-01'::timestamp + i / 2 * interval '1 minute' AS at,
    CASE WHEN random() < 0.1 THEN NULL ELSE floor(random() * 1000) / 8 END AS clean,
    CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.02 THEN 'NaN' WHEN random() < 0.02 THEN 'Infinity'
        WHEN random() < 0.02 THEN '-Infinity' ELSE random() * 10 - 5 END::float8 AS f8,
    CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.01 THEN 'NaN' ELSE floor(random() * 64) / 4 END::real AS f4,
    CASE WHEN random() < 0.1 THEN NULL ELSE floor(random() * 50) - 25 END::smallint AS i2,
    CASE WHEN random() < 0.1 THEN NULL ELSE floor(random() * 50) - 25 END::int AS i4,
    CASE WHEN random() < 0.1 THEN NULL ELSE 9000000000000000000 + floor(random() * 50)::bigint END AS i8,
    CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.02 THEN 'NaN'
        ELSE trunc((random() * 9)::numeric, (random() * 3)::int) END::numeric AS n,
    CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.02 THEN 'infinity' ELSE '2026-01-01'::date + floor(random() * 50)::int END::date AS day,
    CASE WHEN random() < 0.1 THEN NULL ELSE '2026-01-01'::timestamp + random() * interval '1 day' END AS ts,
    CASE WHEN random() < 0.1 THEN NULL WHEN random() < 0.02 THEN '-infinity' ELSE '2026-01-01Z'::timestamptz + random() * interval '1 day' END::timestamptz AS tz
FROM generate_series(1, 60) i;

CREATE FUNCTION pick(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS
    'SELECT choices[1 + floor(random() * array_length(choices, 1))::int]';

CREATE FUNCTION random_query(OUT query text, OUT floating boolean) LANGUAGE plpgsql AS $$
DECLARE
    frame_mode text := pick('ROWS', 'ROWS', 'RANGE', 'GROUPS');
    ordering text := CASE frame_mode WHEN 'RANGE' THEN pick('id', 'peer', 'peer DESC', 'at', 'i4', 'i4 DESC', 'n NULLS FIRST', 'n DESC') ELSE pick('id', 'peer, id', 'id DESC') END;
    offsets text[] := ARRAY[floor(random() * 12)::text, floor(random() * 12)::text];
    near int := least(offsets[1]::int, offsets[2]::int);
    far int := greatest(offsets[1]::int, offsets[2]::int);
    unit text := CASE WHEN ordering = 'at' THEN $q$ * interval '1 minute'$q$ ELSE '' END;
    bounds text := pick(
        format('BETWEEN %s%s PRECEDING AND CURRENT ROW', far, unit),
        format('BETWEEN %s%s PRECEDING AND %s%s PRECEDING', far, unit, near, unit),
        format('BETWEEN %s%s PRECEDING AND %s%s FOLLOWING', near, unit, far, unit),
        format('BETWEEN %s%s FOLLOWING AND %s%s FOLLOWING', near, unit, far, unit),
        format('BETWEEN %s%s PRECEDING AND UNBOUNDED FOLLOWING', far, unit),
        'BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING', 'BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW');
    aggregate text;
    argument text;
BEGIN
    floating := random() < 0.6;
    IF floating THEN
        aggregate := pick('avg', 'sum', 'var_samp', 'var_pop', 'variance', 'stddev', 'stddev_samp', 'stddev_pop', 'min', 'max');
        argument := pick('clean', 'f8', 'f8', 'f4', 'clean * 2 + 1', '-f4', 'i4::float8', 'clean / (i4 - 7)');
    ELSE
        aggregate := pick('min', 'max');
        argument := pick('i2', 'i4', 'i8', 'n', 'day', 'ts', 'tz', 'f8', 'f4', '(i4 + 1)', 'n::numeric(10, 1)', '(100 / (i4 + 20))');
    END IF;
    query := format('SELECT id, (%s(%s) %s OVER (%s ORDER BY %s %s %s %s))::%s AS v %s FROM %s',
        aggregate, argument, pick('', '', '', 'FILTER (WHERE i4 > 0)', 'FILTER (WHERE 10 / (i4 - 3) > 0)'), pick('', 'PARTITION BY g'), ordering, frame_mode, bounds,
        pick('', '', '', '', 'EXCLUDE CURRENT ROW', 'EXCLUDE TIES'), CASE WHEN floating THEN 'float8' ELSE 'text' END,
        pick('', '', ', row_number() OVER (ORDER BY id)'),
        -- Rows as a table, a sort and another node pass them on.
        pick('data', 'data', '(SELECT *, count(*) OVER (ORDER BY id) FROM data) data', '(SELECT * FROM data ORDER BY id OFFSET 0) data'));
END $$;

-- Core's float sums are off by some rounding of the values, its real sums by some of theirs.
CREATE FUNCTION close(a float8, b float8, rough boolean) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT a IS NOT DISTINCT FROM b OR abs(a - b) <= CASE WHEN rough THEN 1e-5 ELSE 1e-9 END * (1 + abs(a) + abs(b))
$$;
CREATE TABLE differences (query text);
CREATE FUNCTION outcome(query text, accelerated boolean, OUT v text[], OUT failure text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pg_tally.accelerate_windows', accelerated::text, true);
    EXECUTE format('SELECT array_agg(v::text ORDER BY id) FROM (%s OFFSET 0) s', query) INTO v;
EXCEPTION WHEN data_exception THEN
    failure := SQLSTATE;
END $$;
CREATE PROCEDURE differential(rounds int, INOUT failed int) LANGUAGE plpgsql AS $$
DECLARE
    q record;
    fast record;
    slow record;
BEGIN
    failed := 0;
    FOR i IN 1 .. rounds LOOP
        q := random_query();
        fast := outcome(q.query, true);
        slow := outcome(q.query, false);
        failed := failed + (slow.failure IS NOT NULL)::int;
        IF fast.failure IS DISTINCT FROM slow.failure
            OR NOT q.floating AND fast.v IS DISTINCT FROM slow.v
            OR q.floating AND EXISTS (
                SELECT FROM unnest(fast.v::float8[], slow.v::float8[]) v(a, b) WHERE NOT close(a, b, q.query ~ 'f4'))
        THEN
            INSERT INTO differences VALUES (q.query);
        END IF;
    END LOOP;
END $$;
CALL differential(20000, NULL) \gset
SELECT :failed > 1000 AS some_fail;
SELECT count(*) AS differences, min(query) AS example FROM differences;
DROP TABLE data, differences;
DROP PROCEDURE differential;
DROP FUNCTION random_query, pick, close, outcome;
