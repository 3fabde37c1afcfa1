-- Grafana: ends in seconds, a bucket that is a time again, one number for an alert.
-- from tree
SELECT to_timestamp(floor(extract(epoch from at)/900)*900) AS "time", symbol, max(price) FROM trades WHERE at >= to_timestamp(1767312000) AND at < to_timestamp(1767398400) GROUP BY 1, 2;
-- from tree
SELECT extract(epoch from date_trunc('hour', at))::int AS "time", count(*) FROM trades WHERE extract(epoch from at) >= 1767312000 AND extract(epoch from at) <= 1767398400 GROUP BY 1;
-- from tree, exact from table
SELECT avg(price) AS value FROM recent WHERE at BETWEEN now() - interval '5 minutes' AND now() AND symbol = 'BTC';
-- from tree
SELECT $$BTC$$ AS metric, max(at) AS "time", count(*) AS value FROM recent WHERE symbol IN ($$BTC$$) AND at > now() - '36h'::interval;
