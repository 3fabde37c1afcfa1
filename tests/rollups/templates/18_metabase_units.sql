-- Metabase: days, quarters and the other units.
-- from tree
SELECT CAST("public"."trades"."at" AS date) AS "at", SUM("public"."trades"."size") AS "sum" FROM "public"."trades" GROUP BY CAST("public"."trades"."at" AS date) ORDER BY CAST("public"."trades"."at" AS date) ASC;
-- from tree
SELECT DATE_TRUNC('quarter', "public"."recent"."at") AS "at", COUNT(*) FROM "public"."recent" WHERE "public"."recent"."at" >= DATE_TRUNC('quarter', (NOW() + (INTERVAL '-3 month'))) GROUP BY 1;
-- from tree
SELECT DATE_TRUNC('minute', "public"."trades"."at") AS "at", MIN(price) FROM "public"."trades" WHERE at >= timestamp with time zone '2026-01-02 00:00Z' AND at < timestamp with time zone '2026-01-02 06:00Z' GROUP BY 1;
-- from tree
SELECT DATE_TRUNC('year', "public"."days"."day") AS "day", SUM(amount), AVG(items) FROM "public"."days" GROUP BY 1 ORDER BY 1;
-- from tree
SELECT CAST(DATE_TRUNC('month', "public"."days"."day") AS date) AS "day", MAX(amount), MIN(items) FROM "public"."days" WHERE day BETWEEN date '2020-02-10' AND date '2022-03-11' GROUP BY 1 ORDER BY 1;
