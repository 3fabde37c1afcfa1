-- By hand: OR over series and times, working hours.
-- from tree
SELECT symbol, count(*), sum(size) FROM trades WHERE (symbol='BTC' AND at >= '2026-01-02 03:04:05Z') OR (symbol='ETH' AND at >= '2026-01-03 00:05:07Z') GROUP BY 1;
-- from tree
SELECT symbol, count(*), sum(size) FROM trades WHERE extract(dow from at) BETWEEN 1 AND 5 AND extract(hour from at) BETWEEN 9 AND 16 GROUP BY 1;
-- from tree
SELECT count(*) FROM trades WHERE NOT (at BETWEEN '2026-01-01Z' AND '2026-02-01Z') AND symbol IS DISTINCT FROM 'BTC';
