-- Cube: UTC, parameters, and an interval counted from an origin.
PREPARE cube(timestamptz, timestamptz) AS SELECT date_trunc('day', ((at)::timestamptz AT TIME ZONE 'UTC')) AS d, count(*) FROM trades WHERE at >= $1::timestamptz AND at <= $2::timestamptz GROUP BY 1 ORDER BY 1 LIMIT 10000;
-- from tree
EXECUTE cube('2026-01-01Z', '2026-01-31 23:59:59.999Z');
-- from tree
SELECT ('2026-01-01'::timestamp + INTERVAL '15 minutes' * FLOOR(EXTRACT(EPOCH FROM (at - '2026-01-01'::timestamp)) / EXTRACT(EPOCH FROM INTERVAL '15 minutes'))) AS b, sum(ms) FROM visits GROUP BY 1 ORDER BY 1;
