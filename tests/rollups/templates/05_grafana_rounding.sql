-- Grafana's old editor: a bucket that rounds to the nearest.
-- from tree, exact from table
SELECT (extract(epoch from at)/300)::bigint*300 AS "time", count(*), avg(price) FROM trades WHERE at BETWEEN '2026-01-02Z' AND '2026-01-03Z' GROUP BY 1 ORDER BY 1;
-- from tree
SELECT (extract(epoch from at)/300)::bigint*300 AS "time", count(*), sum(size) FROM trades WHERE at BETWEEN '2026-01-02 00:02:30Z' AND '2026-01-02 03:02:30Z' GROUP BY 1 ORDER BY 1;
-- from fallback
SELECT (date_part('epoch', at)/450)::int*450 AS "time", count(*) FROM trades WHERE at >= '2026-01-20Z' GROUP BY 1 ORDER BY 1;
-- from tree
SELECT round(extract(epoch from at)/300)*300 AS "time", count(*), sum(size) FROM trades WHERE at BETWEEN '2026-01-02Z' AND '2026-01-03Z' GROUP BY 1 ORDER BY 1;
-- from tree
SELECT round(date_part('epoch', at)/300)*300 AS "time", count(*), max(price) FROM trades WHERE at BETWEEN '2026-01-02Z' AND '2026-01-03Z' GROUP BY 1 ORDER BY 1;
