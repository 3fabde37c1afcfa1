-- Metabase: custom columns, metrics with conditions, a question on top of a question.
-- from tree
SELECT CASE WHEN "public"."trades"."exchange" = 'bybit' THEN 'first' WHEN "public"."trades"."symbol" LIKE 'B%' THEN 'second' ELSE 'other' END AS "venue", COUNT(*) AS "count" FROM "public"."trades" GROUP BY CASE WHEN "public"."trades"."exchange" = 'bybit' THEN 'first' WHEN "public"."trades"."symbol" LIKE 'B%' THEN 'second' ELSE 'other' END ORDER BY 1;
-- from tree
SELECT SUM(CASE WHEN "public"."trades"."symbol" = 'BTC' THEN 1 ELSE 0.0 END) / CASE WHEN COUNT(*) = 0 THEN NULL ELSE COUNT(*) END AS "share" FROM "public"."trades";
-- from tree
SELECT AVG("source"."count") AS "avg", MAX("source"."at") AS "max" FROM (SELECT DATE_TRUNC('day', "public"."trades"."at") AS "at", COUNT(*) AS "count" FROM "public"."trades" GROUP BY DATE_TRUNC('day', "public"."trades"."at")) AS "source";
-- from table
SELECT FLOOR(("public"."trades"."size" / 10.0)) * 10.0 AS "size", COUNT(*) AS "count" FROM "public"."trades" GROUP BY 1 ORDER BY 1;
-- from tree
SELECT COUNT(*) AS "count" FROM "public"."trades" WHERE LOWER("public"."trades"."symbol") LIKE '%bt%' AND ("public"."trades"."exchange" <> 'kraken' OR "public"."trades"."exchange" IS NULL);
