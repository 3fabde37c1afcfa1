-- By hand: date_bin, several parts, today, the last day.
-- from tree
SELECT date_bin('15 minutes', at, '2001-01-01') AS b, symbol, count(*) FROM trades WHERE at >= '2026-01-01Z' AND at < '2026-01-04Z' GROUP BY 1, 2;
-- from tree
SELECT extract(year from at), extract(month from at), sum(size) FROM trades GROUP BY 1, 2;
-- from tree
SELECT to_char(at, 'YYYY-MM-DD HH24'), count(*) FROM trades WHERE at < '2026-01-03Z' GROUP BY 1;
-- from tree
SELECT symbol, count(*), max(price) FROM recent WHERE at::date = current_date GROUP BY 1;
-- from tree
SELECT symbol, count(*), min(price) FROM recent WHERE at > now() - interval '1 day' GROUP BY 1;
-- from either
SELECT symbol, count(*) FROM recent WHERE at >= (SELECT max(at) - interval '1 day' FROM recent) GROUP BY 1;
