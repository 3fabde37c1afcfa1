-- Metabase: models, joins and parameters.
-- from tree
SELECT "source"."at" AS "at", SUM("source"."size") AS "sum" FROM (SELECT DATE_TRUNC('day', "public"."trades"."at") AS "at", "public"."trades"."size" AS "size" FROM "public"."trades") AS "source" GROUP BY "source"."at" ORDER BY "source"."at" ASC;
PREPARE metabase(timestamptz, timestamptz, text) AS SELECT "public"."trades"."symbol", COUNT(*) FROM "public"."trades" WHERE "at" >= $1 AND "at" < $2 AND "exchange" = $3 GROUP BY 1;
-- from tree
EXECUTE metabase('2026-01-01Z', '2026-02-01Z', 'bybit');
SET plan_cache_mode = force_generic_plan;
-- from tree
EXECUTE metabase('2026-01-01Z', '2026-02-01Z', 'kraken');
-- from tree
SELECT "Symbols"."sector" AS "sector", SUM("public"."trades"."size") FROM "public"."trades" LEFT JOIN "public"."symbols" AS "Symbols" ON "public"."trades"."symbol" = "Symbols"."symbol" GROUP BY "Symbols"."sector";
