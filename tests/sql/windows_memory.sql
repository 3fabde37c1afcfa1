-- The memory of a frame is given back: with its partition, and with a query that is cancelled or fails.
LOAD 'pg_tally';
-- Anonymous memory of this process in kB, as Linux counts it.
CREATE FUNCTION memory() RETURNS int LANGUAGE sql VOLATILE AS
    $$ SELECT substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::int $$;
CREATE TABLE readings AS SELECT i % 10000 AS part, i, i::float8 AS x FROM generate_series(1, 300000) i;
CREATE INDEX ON readings (part, i) INCLUDE (x);
CREATE INDEX ON readings (i) INCLUDE (x);
VACUUM ANALYZE readings;

CREATE FUNCTION growth(query text, accelerated text, rounds int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    before int;
BEGIN
    PERFORM set_config('pg_tally.accelerate_windows', accelerated, true);
    FOR round IN 0 .. rounds LOOP
        -- The first rounds warm up.
        IF round = 3 THEN before := memory(); END IF;
        BEGIN
            EXECUTE query;
        EXCEPTION WHEN division_by_zero OR query_canceled THEN
            NULL;
        END;
    END LOOP;
    RETURN memory() - before;
END $$;
-- 9 leaked frames of 200,000 values would be 16 MB and more.
SELECT what, accelerated FROM (VALUES
    ('10,000 partitions', 'SELECT sum(v) FROM (SELECT var_samp(x) OVER (PARTITION BY part ORDER BY i ROWS 20 PRECEDING) AS v FROM readings) s'),
    ('an error at a frame of 200,000 rows',
        'SELECT count(v) FROM (SELECT tally(x / (200000 - i)) OVER (ORDER BY i ROWS 299999 PRECEDING) AS v FROM readings) s'),
    ('cancelled at a frame of 200,000 rows', $q$
        SELECT count(v) FROM (SELECT tally(x) OVER (ORDER BY i ROWS 299999 PRECEDING) AS v
            FROM (SELECT * FROM readings WHERE i <> 200000 OR pg_cancel_backend(pg_backend_pid()) ORDER BY i OFFSET 0) r) s$q$)
) v(what, query), unnest('{on,off}'::text[]) accelerated
WHERE growth(query, accelerated, 12) > 4000;
DROP FUNCTION memory, growth;
DROP TABLE readings;
