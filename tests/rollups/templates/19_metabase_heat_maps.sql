-- Metabase: parts of the time.
-- from tree
SELECT CAST(EXTRACT(hour FROM at) AS integer) AS h, COUNT(*), SUM(size) FROM trades GROUP BY 1 ORDER BY 1;
-- from tree
SELECT CAST(EXTRACT(month FROM at) AS integer) AS m, CAST(EXTRACT(quarter FROM at) AS integer) AS q, COUNT(*) FROM trades GROUP BY 1, 2 ORDER BY 1, 2;
-- from tree
SELECT CAST(EXTRACT(doy FROM at) AS integer), CAST(EXTRACT(day FROM at) AS integer), CAST(EXTRACT(week FROM at) AS integer), COUNT(*) FROM trades GROUP BY 1, 2, 3;
-- from tree, exact from table
SELECT CAST(EXTRACT(dow FROM at) AS integer) + 1 AS dow, CAST(EXTRACT(hour FROM at) AS integer) AS hour, AVG(price) FROM trades GROUP BY 1, 2 ORDER BY 1, 2;
-- from tree
SELECT CAST(EXTRACT(dow FROM day) AS integer) + 1 AS dow, SUM(amount) FROM days GROUP BY 1 ORDER BY 1;
