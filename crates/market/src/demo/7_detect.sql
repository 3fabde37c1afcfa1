-- Were a jump, a drift and wild hours hidden in BTC's returns (basis points per 10 minutes), would a detector find them, and say so?
WITH prices AS (
    SELECT date_bin('10 minutes', event_time, '2000-01-01Z') AS at, avg(price) AS price
    FROM trades
    WHERE symbol = 'BTC.USDT'
    GROUP BY 1
), returns AS (
    SELECT at, 1e4 * (ln(price) - lag(ln(price)) OVER w) AS x, percent_rank() OVER w AS share, row_number() OVER w AS n
    FROM prices
    WINDOW w AS (ORDER BY at)
), usual AS (
    SELECT percentile_cont(0.75) WITHIN GROUP (ORDER BY abs(x)) AS size
    FROM returns
), hidden AS (
    SELECT at, CASE WHEN share > 0.8 THEN 4 * x
                    WHEN n = (SELECT count(*) / 4 FROM returns) THEN x + 15 * size
                    WHEN share BETWEEN 0.4 AND 0.6 THEN x + 2 * size
                    ELSE x END AS x
    FROM returns, usual
)
SELECT kind, explanation
FROM (SELECT detect(x, at ORDER BY at) AS d FROM hidden) AS t, change_points(d);
