-- Tableau: casts, constants and joins.
-- from tree
SELECT LOWER(CAST(CAST("t"."symbol" AS TEXT) AS TEXT)) AS "x", SUM(1) AS "n", COUNT(1) AS "c" FROM "public"."trades" "t" GROUP BY 1;
-- from table
SELECT MAX(1) AS "TblMax" FROM (SELECT * FROM "public"."trades") "t";
-- from tree
SELECT COUNT(DISTINCT "t"."symbol") AS "ctd" FROM "public"."trades" "t";
-- from tree
SELECT "g"."sector", SUM("t"."size") FROM "public"."trades" "t" INNER JOIN "public"."symbols" "g" ON ("t"."symbol" IS NOT DISTINCT FROM "g"."symbol") GROUP BY 1;
