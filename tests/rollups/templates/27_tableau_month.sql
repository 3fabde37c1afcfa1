-- Tableau: months of what is cast to a timestamp.
-- from tree, exact from table
SELECT DATE_TRUNC( 'MONTH', CAST("trades"."at" AS TIMESTAMP) ) AS "tmn:at:ok", AVG("trades"."price") AS "avg:price:ok" FROM "public"."trades" "trades" GROUP BY 1 HAVING (COUNT(1) > 0);
-- from tree, exact from table
SELECT DATE_TRUNC( 'MONTH', CAST("days"."day" AS TIMESTAMP) ) AS "tmn:day:ok", SUM("days"."rate") AS "sum" FROM "public"."days" "days" GROUP BY 1 HAVING (COUNT(1) > 0);
