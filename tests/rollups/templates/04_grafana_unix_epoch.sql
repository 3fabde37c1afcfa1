-- Grafana: $__unixEpochGroup over a column of seconds, and $__unixEpochNanoGroup.
-- from tree
SELECT floor((at_unix)/60)*60 AS "time", sensor, max(total) FROM ticks WHERE at_unix >= 1767312000 AND at_unix <= 1767398400 GROUP BY 1, 2 ORDER BY 1, 2;
-- from tree
SELECT floor((at_unix)/3600)*3600 AS "time", sum(total), sum(cost), avg(total) FROM ticks WHERE at_unix >= 1767225600 AND at_unix <= 1767325600 GROUP BY 1 ORDER BY 1;
-- from tree
SELECT at_unix/3600*3600 AS "time", count(*) FROM ticks GROUP BY 1 ORDER BY 1;
-- from tree
SELECT (at_unix*1000000000/60000000000)*60000000000 AS "time", count(reading) FROM ticks WHERE at_unix*1000000000 >= 1767312000000000000 AND at_unix < 1767315600 GROUP BY 1 ORDER BY 1;
