-- Runs queries in turn, round after round, and reports ratios of medians: on a shared machine nothing else means much.
CREATE FUNCTION compare(labels text[], queries text[], rounds int DEFAULT 5)
RETURNS TABLE (label text, median_ms numeric, ratio_to_first numeric, fastest_ms numeric, ratio_of_fastest numeric)
LANGUAGE plpgsql AS $$
DECLARE
    started timestamptz;
BEGIN
    CREATE TEMP TABLE runs (i int, ms double precision);
    FOR round IN 0 .. rounds LOOP
        FOR i IN 1 .. array_length(queries, 1) LOOP
            started := clock_timestamp();
            EXECUTE queries[i];
            -- Round 0 warms up.
            CONTINUE WHEN round = 0;
            INSERT INTO runs VALUES (i, 1000 * extract(epoch FROM clock_timestamp() - started));
        END LOOP;
    END LOOP;
    RETURN QUERY
    WITH summary AS (
        SELECT i, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS median, min(ms) AS fastest FROM runs GROUP BY i
    )
    SELECT labels[i], round(median::numeric, 1), round((median / first_value(median) OVER w)::numeric, 3),
        round(fastest::numeric, 1), round((fastest / first_value(fastest) OVER w)::numeric, 3)
    FROM summary WINDOW w AS (ORDER BY i) ORDER BY i;
    DROP TABLE runs;
END $$;
