-- Metabase: relative dates.
-- from tree
SELECT DATE_TRUNC('week', "public"."trades"."at") AS "at", COUNT(*) AS "count" FROM "public"."trades" WHERE ("public"."trades"."at" >= date_trunc('month', (now() + (INTERVAL '-12 month')))
AND "public"."trades"."at" < date_trunc('month', now())) GROUP BY DATE_TRUNC('week', "public"."trades"."at") ORDER BY DATE_TRUNC('week', "public"."trades"."at") ASC;
-- from tree
SELECT COUNT(*) AS "count" FROM "public"."trades" WHERE "public"."trades"."at" >= CAST((NOW() + (INTERVAL '-1 day')) AS date) AND "public"."trades"."at" < CAST(NOW() AS date);
