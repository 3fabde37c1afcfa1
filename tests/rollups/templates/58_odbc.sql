-- ODBC: Excel and others that cast everything.
-- from tree
SELECT CAST("trades"."symbol" AS VARCHAR(255)) AS "symbol", CAST(SUM(CAST("trades"."size" AS BIGINT)) AS FLOAT) AS "volume" FROM "public"."trades" "trades" GROUP BY CAST("trades"."symbol" AS VARCHAR(255));
-- from tree, exact from table
SELECT CAST(AVG(CAST("trades"."size" AS NUMERIC)) AS NUMERIC(18, 6)) AS "mean", SUM(CAST("trades"."size" AS FLOAT)) AS "volume", SUM(CAST("trades"."size" AS NUMERIC)) AS "exact" FROM "public"."trades";
-- from tree, exact from table
SELECT SUM("ticks"."reading"), AVG(CAST("ticks"."reading" AS FLOAT)), SUM("ticks"."total") FROM "public"."ticks" WHERE "ticks"."sensor" BETWEEN 2 AND 3;
