-- dbt: MetricFlow's nested queries, a derived metric, a cumulative one.
-- from tree
SELECT metric_time__day, SUM(size) AS volume FROM (SELECT DATE_TRUNC('day', trades_src.at) AS metric_time__day, symbol AS trade__symbol, size FROM public.trades trades_src) subq_2 WHERE trade__symbol = 'BTC' GROUP BY metric_time__day;
-- from tree
SELECT COALESCE(a.metric_time__month, b.metric_time__month) AS metric_time__month, a.n AS n, b.volume AS volume, CAST(b.volume AS DOUBLE PRECISION) / CAST(NULLIF(a.n, 0) AS DOUBLE PRECISION) AS ratio
FROM (SELECT DATE_TRUNC('month', at) AS metric_time__month, SUM(1) AS n FROM trades GROUP BY 1) a FULL OUTER JOIN (SELECT DATE_TRUNC('month', at) AS metric_time__month, SUM(size) AS volume FROM trades WHERE exchange = 'bybit' GROUP BY 1) b ON a.metric_time__month = b.metric_time__month;
-- from tree
SELECT d.date, count(*) FROM dates d INNER JOIN trades t ON DATE_TRUNC('day', t.at) <= d.date AND DATE_TRUNC('day', t.at) > d.date - interval '2 day' WHERE d.date BETWEEN '2026-01-01' AND '2026-01-03' GROUP BY 1;
