-- Grafana with TimescaleDB ticked, where time_bucket is a function in SQL.
CREATE FUNCTION time_bucket(interval, timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT date_bin($1, $2, '2000-01-03Z'::timestamptz) $$;
-- from tree, exact from table
SELECT time_bucket('60.000s', at) AS "time", avg(price) FROM trades WHERE at BETWEEN '2026-01-02Z' AND '2026-01-03Z' GROUP BY 1 ORDER BY 1;
-- from tree
SELECT time_bucket('7 days', at) AS "time", symbol, count(*) FROM trades GROUP BY 1, 2 ORDER BY 1, 2;
