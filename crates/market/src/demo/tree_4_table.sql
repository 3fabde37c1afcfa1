-- A dashboard asks in its own words, by day. First from the table:
SET pg_tally.answer_from_trees = off;

SELECT date_trunc('day', event_time) AS day, count(*) AS trades, round(avg(size)::numeric, 9) AS avg, max(size)
FROM trades WHERE event_time >= '{from}' AND event_time < '{to}' GROUP BY 1 ORDER BY 1;
