-- Tableau: a level of detail, a set of the best, a relative date.
-- from tree
SELECT "t0"."low" AS "low", SUM("trades"."size") FROM "public"."trades" INNER JOIN (SELECT "trades"."symbol" AS "symbol", MIN("trades"."price") AS "low" FROM "public"."trades" GROUP BY 1) "t0" ON ("trades"."symbol" IS NOT DISTINCT FROM "t0"."symbol") GROUP BY 1;
-- from tree
SELECT "trades"."symbol", COUNT(1) FROM "public"."trades" INNER JOIN (SELECT "symbol", SUM("size") AS "$__alias__0" FROM "public"."trades" GROUP BY 1 ORDER BY 2 DESC NULLS LAST, 1 LIMIT 2) "t1" ON ("trades"."symbol" = "t1"."symbol") GROUP BY 1;
-- from tree
SELECT DATE_TRUNC( 'DAY', "recent"."at" ) AS "tdy:at:ok", SUM("recent"."size") FROM "public"."recent" WHERE (("recent"."at" >= (DATE_TRUNC( 'DAY', CAST(NOW() AS TIMESTAMP) ) + (-1) * INTERVAL '1 DAY')) AND ("recent"."at" < (DATE_TRUNC( 'DAY', CAST(NOW() AS TIMESTAMP) ) + 1 * INTERVAL '1 DAY'))) GROUP BY 1;
