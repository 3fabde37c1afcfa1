-- Django: TruncHour, TruncDate, ExtractWeekDay, annotations.
-- from tree
SELECT DATE_TRUNC('hour', "trades"."at" AT TIME ZONE 'UTC') AS "hour", COUNT("trades"."symbol") AS "n" FROM "trades" WHERE "trades"."at" BETWEEN '2026-01-01 00:00:00+00:00'::timestamptz AND '2026-12-31 23:59:59.999999+00:00'::timestamptz GROUP BY 1 ORDER BY 1 ASC;
-- from tree, exact from table
SELECT ("trades"."at" AT TIME ZONE 'Europe/Paris')::date AS "day", AVG("trades"."price") AS "mean", COUNT("trades"."symbol") FILTER (WHERE "trades"."symbol" = 'BTC') AS "btc" FROM "trades" GROUP BY ("trades"."at" AT TIME ZONE 'Europe/Paris')::date;
-- from tree
SELECT (EXTRACT(DOW FROM "trades"."at" AT TIME ZONE 'UTC') + 1) AS "weekday", EXTRACT(ISOYEAR FROM "trades"."at" AT TIME ZONE 'UTC') AS "y", COUNT(*) AS "n" FROM "trades" GROUP BY 1, 2;
-- from tree
SELECT DATE_TRUNC('month', "days"."day")::date AS "month", SUM("days"."amount") AS "total" FROM "days" WHERE EXTRACT('year' FROM "days"."day") = 2021 GROUP BY 1;
-- from tree
SELECT COUNT(*) FROM (SELECT "trades"."symbol" AS "col1", COUNT(*) AS "n" FROM "trades" GROUP BY 1 HAVING COUNT(*) > 100) subquery;
