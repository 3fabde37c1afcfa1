-- QuickSight, ThoughtSpot and Sigma.
-- from tree
SELECT date_trunc('day', "at") AS "a1", "symbol" AS "a2", SUM("size") AS "a3" FROM (SELECT "at", "symbol", "size", "exchange" FROM "public"."trades") AS "t" WHERE "at" >= date_trunc('month', TIMESTAMP '2026-01-11 10:11:12') AND "at" < date_trunc('month', TIMESTAMP '2026-01-11 10:11:12') + INTERVAL '1' MONTH GROUP BY 1, 2 ORDER BY 1 DESC NULLS LAST, 2 LIMIT 2500;
-- from tree
SELECT CASE WHEN "ta_1"."symbol" = 'BTC' THEN 1 ELSE 2 END AS "ca_1", CAST(date_trunc('month', "ta_1"."at") AS date) AS "ca_2", SUM("ta_1"."size") / NULLIF(COUNT(*), 0) AS "ca_3" FROM "public"."trades" AS "ta_1" GROUP BY "ca_1", "ca_2";
-- from tree
WITH wkt_1 AS (SELECT "symbol" AS "s", COUNT(1) AS "n" FROM "public"."trades" GROUP BY "symbol") SELECT q1."s", q1."n", q2."n" FROM wkt_1 q1 CROSS JOIN (SELECT SUM("n") AS "n" FROM wkt_1) q2 ORDER BY q1."n" DESC, 1 LIMIT 10001;
