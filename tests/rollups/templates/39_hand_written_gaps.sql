-- By hand: gap filling, slowly changing dimensions.
-- from tree, exact from table
SELECT g, count(t.price), avg(t.price) FROM generate_series('2026-01-02Z'::timestamptz, '2026-01-03Z', '1 hour') g LEFT JOIN trades t ON t.at >= g AND t.at < g + interval '1 hour' AND symbol = 'BTC' GROUP BY g;
-- from tree
SELECT d.sector, count(*) FROM trades t JOIN symbols d ON t.symbol = d.symbol AND t.at BETWEEN d.since AND d.since + interval '10 days' GROUP BY 1;
