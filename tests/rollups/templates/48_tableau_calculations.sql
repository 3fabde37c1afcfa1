-- Tableau: calculated fields, and domains of filters.
-- from tree, exact from table
SELECT (CASE WHEN ("trades"."symbol" = 'BTC') THEN 'Bitcoin' ELSE "trades"."symbol" END) AS "name", (CASE WHEN COUNT("trades"."price") = 0 THEN NULL ELSE SUM("trades"."price") / COUNT("trades"."price") END) AS "mean" FROM "public"."trades" GROUP BY 1;
-- from tree
SELECT MIN("trades"."at") AS "min:at", MAX("trades"."at") AS "max:at" FROM "public"."trades" HAVING (COUNT(1) > 0);
-- from tree
SELECT CAST(DATE_TRUNC('DAY', "days"."day") AS DATE) AS "d", "days"."region" || '-' || CAST(EXTRACT(YEAR FROM "days"."day") AS INT)::text AS "key", COUNT("days"."items") FROM "public"."days" WHERE "days"."day" >= DATE '2021-01-01' AND "days"."day" < DATE '2021-04-01' GROUP BY 1, 2;
