-- SQLAlchemy and pandas.
-- from tree
SELECT date_trunc('day', trades.at) AS date_trunc_1, trades.symbol, count(*) AS count_1, coalesce(sum(trades.size), 0) AS coalesce_1 FROM trades WHERE trades.at BETWEEN '2026-01-01 00:00:00+00:00'::TIMESTAMP WITH TIME ZONE AND '2026-01-04 00:00:00+00:00'::TIMESTAMP WITH TIME ZONE GROUP BY date_trunc('day', trades.at), trades.symbol ORDER BY date_trunc_1, trades.symbol;
-- from tree
SELECT anon_1.day, max(anon_1.n) AS max_1 FROM (SELECT CAST(trades.at AS DATE) AS day, trades.symbol AS symbol, count(trades.symbol) AS n FROM trades GROUP BY CAST(trades.at AS DATE), trades.symbol) AS anon_1 GROUP BY anon_1.day;
-- from tree
SELECT count(*) AS count_1 FROM (SELECT trades.symbol AS symbol FROM trades WHERE trades.symbol = 'BTC') AS anon_1;
