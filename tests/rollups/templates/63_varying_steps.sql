-- Buckets of minutes, put together from the hour and what is left of it: understood in cells of a minute, which are narrower than the leaves here.
-- from fallback
SELECT date_trunc('hour', at) + (((date_part('minute', at)::integer / 15::integer) * 15::integer) || ' minutes')::interval AS quarter, count(*) FROM trades GROUP BY 1;
-- from fallback
SELECT date_trunc('hour', at) + floor(extract(minute from at) / 30) * interval '30 min' AS half, symbol, avg(size) FROM trades GROUP BY 1, 2;
-- from fallback
SELECT date_trunc('hour', at) - (extract(minute from at)::int % 20) * interval '1 min' AS shifted, count(*) FROM trades WHERE symbol = 'BTC' GROUP BY 1;
-- from tree
SELECT date_trunc('day', at) AT TIME ZONE CASE WHEN exchange = 'bybit' THEN 'Asia/Dubai' ELSE 'UTC' END AS local, count(*) FROM trades GROUP BY 1;
