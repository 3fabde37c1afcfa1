-- Keep one tally per symbol and hour, so that later questions need not read a million rows again.
CREATE TABLE hourly AS
SELECT symbol, date_trunc('hour', event_time) AS hour, tally(price) AS price, tally(size) AS size
FROM trades
GROUP BY symbol, hour;
