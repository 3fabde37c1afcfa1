-- Tableau: a filter on the measure.
-- from tree
SELECT "t"."symbol", SUM("t"."size") AS "sum:size:ok" FROM "public"."trades" "t" WHERE (("t"."at" >= (DATE '2026-01-01')) AND ("t"."at" <= (DATE '2026-12-31'))) GROUP BY 1
HAVING ((SUM("t"."size") >= 999999.99999998999) AND (SUM("t"."size") <= 20000000.00000002));
-- from tree
SELECT "t"."exchange" FROM "public"."trades" "t" GROUP BY 1 HAVING MIN("t"."size") < 2 AND COUNT("t"."price") > 100;
