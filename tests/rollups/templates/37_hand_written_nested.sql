-- By hand: queries within queries.
-- from tree, exact from table
WITH b AS (SELECT date_trunc('hour', at) h, symbol, avg(price) p FROM trades GROUP BY 1,2) SELECT h, max(p) - min(p) FROM b GROUP BY 1;
-- from tree, exact from table
SELECT date_trunc('day', at), avg(price), avg(avg(price)) OVER (ORDER BY date_trunc('day', at) ROWS 6 PRECEDING) FROM trades GROUP BY 1 ORDER BY 1;
-- from tree
SELECT 'BTC', count(*), max(price) FROM trades WHERE symbol = 'BTC' UNION ALL SELECT 'ETH', count(*), max(price) FROM trades WHERE symbol = 'ETH';
-- from either
SELECT s.symbol, s.sector, l.n, l.p FROM symbols s, LATERAL (SELECT count(*) n, max(price) p FROM trades t WHERE t.symbol = s.symbol AND at >= s.since) l;
-- from either, exact from table
SELECT s.symbol, (SELECT avg(price) FROM trades t WHERE t.symbol = s.symbol AND t.at < s.since + interval '9 days') FROM symbols s;
