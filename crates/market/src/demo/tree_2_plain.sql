-- How large are the trades between two moments? First by PostgreSQL's own aggregates, from every row in between:
SET pg_tally.answer_from_trees = off;

SELECT count(*) AS trades, round(avg(size)::numeric, 9) AS avg, round(stddev(size)::numeric, 9) AS stddev,
       min(size), max(size)
FROM trades WHERE event_time >= '{from}' AND event_time < '{to}';
