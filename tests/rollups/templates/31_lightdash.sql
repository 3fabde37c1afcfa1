-- Lightdash: zones, weeks that begin elsewhere, names of months.
-- from tree
SELECT DATE_TRUNC('DAY', (at)::timestamptz AT TIME ZONE 'America/New_York') AS d, COUNT(*) FROM trades GROUP BY 1 ORDER BY 1;
-- from tree
SELECT (DATE_TRUNC('WEEK', (at - interval '6 days')) + interval '6 days') AS w, SUM(size) FROM trades GROUP BY 1 ORDER BY 1;
-- from tree
SELECT DATE_PART('DOW', at) AS dow, COUNT(*) FROM trades GROUP BY 1 ORDER BY 1;
-- from tree
SELECT MOD(CAST(DATE_PART('DOW', at) AS INT) - 1 + 7, 7) + 1 AS dow, COUNT(*) FROM trades GROUP BY 1 ORDER BY 1;
-- from tree
SELECT TO_CHAR(at, 'FMMonth') AS m, COUNT(*), MAX(price) FROM trades GROUP BY 1 ORDER BY 1;
