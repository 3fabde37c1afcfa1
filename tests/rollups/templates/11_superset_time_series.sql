-- Superset: a time series between two ends given as TO_TIMESTAMP or TO_DATE.
-- from tree, exact from table
SELECT DATE_TRUNC('day', at) AS __timestamp, AVG(price) AS "AVG(price)" FROM public.trades WHERE at >= TO_TIMESTAMP('2026-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
AND at < TO_TIMESTAMP('2026-02-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') GROUP BY DATE_TRUNC('day', at) ORDER BY "AVG(price)" DESC LIMIT 10000;
-- from tree
SELECT DATE_TRUNC('quarter', at) AS __timestamp, COUNT(*) AS count FROM public.trades GROUP BY DATE_TRUNC('quarter', at) ORDER BY count DESC LIMIT 10000;
-- from tree
SELECT DATE_TRUNC('week', at) AS __timestamp, SUM(ms) AS "SUM(ms)" FROM public.visits WHERE at >= TO_TIMESTAMP('2026-01-05 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
AND at < TO_TIMESTAMP('2026-02-05 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') GROUP BY DATE_TRUNC('week', at) ORDER BY 2 DESC LIMIT 10000;
-- from tree
SELECT DATE_TRUNC('month', day) AS __timestamp, SUM(amount) AS total FROM public.days WHERE day >= TO_DATE('2020-01-01', 'YYYY-MM-DD') AND day < TO_DATE('2021-03-01', 'YYYY-MM-DD')
GROUP BY DATE_TRUNC('month', day) ORDER BY total DESC LIMIT 10000;
