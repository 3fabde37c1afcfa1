-- By hand: running sums, shares, differences from before, gaps filled after grouping.
-- from tree
SELECT date_trunc('day', at) AS d, count(*), sum(count(*)) OVER (ORDER BY date_trunc('day', at)), count(*) - lag(count(*)) OVER (ORDER BY date_trunc('day', at)) FROM trades GROUP BY 1 ORDER BY 1;
-- from tree
SELECT symbol, sum(size), round(100.0 * sum(size) / sum(sum(size)) OVER (), 3) AS share, rank() OVER (ORDER BY sum(size) DESC) FROM trades GROUP BY symbol;
-- from tree
WITH h AS (SELECT date_bin('1 hour', at, '2000-01-01Z') AS b, sum(size) AS v FROM trades WHERE at >= '2026-01-02Z' AND at < '2026-01-03Z' AND symbol = 'BTC' GROUP BY 1)
SELECT g, coalesce(v, 0) FROM generate_series('2026-01-02Z'::timestamptz, '2026-01-02 23:00Z', '1 hour') g LEFT JOIN h ON h.b = g;
-- from fallback
SELECT width_bucket(at_unix, 1767225600, 1767325600, 20) AS b, count(*), sum(total) FROM ticks GROUP BY 1;
-- from tree
SELECT date_trunc('day', at), exchange, count(*) FROM trades GROUP BY 1, 2 HAVING max(price) > 2 * min(price) AND exchange <> 'none' ORDER BY count(*) DESC, 1, 2 LIMIT 10;
-- from tree
SELECT (SELECT count(*) FROM trades WHERE at < '2026-01-02Z') + (SELECT count(*) FROM trades WHERE at >= '2026-01-02Z') AS n, EXISTS (SELECT FROM trades WHERE symbol = 'none' HAVING count(*) > 0) AS e;
