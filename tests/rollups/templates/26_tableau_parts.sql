-- Tableau: years, also fiscal ones.
-- from tree
SELECT CAST(EXTRACT(YEAR FROM "trades"."at") AS BIGINT) AS "yr:at:ok", SUM("trades"."size") AS "sum:size:ok" FROM "public"."trades" "trades" GROUP BY 1;
-- from tree
SELECT CAST(TRUNC(EXTRACT(YEAR FROM ("trades"."at" + 11 * INTERVAL '1 MONTH'))) AS INT) AS "yr:at:ok", SUM("trades"."size") AS "sum:size:ok" FROM "public"."trades" "trades" GROUP BY 1;
-- from tree
SELECT CAST(TRUNC(EXTRACT(QUARTER FROM "days"."day")) AS INT) AS "qr:day:ok", CAST(EXTRACT(YEAR FROM "days"."day") AS INT), AVG("days"."amount"), COUNT(1) FROM "public"."days" GROUP BY 1, 2;
