-- Redash: parameters in the text.
-- from tree
SELECT to_char(at, 'YYYY-MM-DD') AS day, count(*) AS trades, round(avg(size), 2) AS mean FROM trades WHERE at::date BETWEEN '2026-01-01' AND '2026-01-31' GROUP BY 1 ORDER BY 1;
-- from tree
SELECT date_trunc('day', at)::date AS day, symbol AS "symbol::multi-filter", sum(size) FROM trades WHERE ('All' IN ('All') OR symbol IN ('All')) AND at >= '2026-01-01' GROUP BY 1, 2;
-- from tree
SELECT to_char(at, 'IYYY-IW') AS week, to_char(at, 'Dy') AS dow, count(*) FROM trades GROUP BY 1, 2;
