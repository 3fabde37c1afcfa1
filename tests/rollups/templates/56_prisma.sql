-- Prisma: an OFFSET that keeps the query apart.
-- from table
SELECT COUNT(*), SUM("size") FROM (SELECT "public"."trades"."size" FROM "public"."trades" WHERE ("public"."trades"."at" >= '2026-01-02Z' AND 1=1) OFFSET 0) AS "sub";
-- from tree
SELECT COUNT(*), "public"."trades"."symbol" FROM "public"."trades" WHERE ("public"."trades"."symbol" = 'BTC' AND 1=1) GROUP BY "public"."trades"."symbol" HAVING COUNT(*) >= 1 ORDER BY "public"."trades"."symbol" ASC OFFSET 0;
