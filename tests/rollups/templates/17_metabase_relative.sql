-- Metabase: relative dates.
-- from tree
SELECT DATE_TRUNC('week', "public"."recent"."at") AS "at", COUNT(*) AS "count" FROM "public"."recent" WHERE ("public"."recent"."at" >= date_trunc('month', (now() + (INTERVAL '-12 month')))
AND "public"."recent"."at" < date_trunc('month', now())) GROUP BY DATE_TRUNC('week', "public"."recent"."at") ORDER BY DATE_TRUNC('week', "public"."recent"."at") ASC;
-- from tree
SELECT COUNT(*) AS "count" FROM "public"."recent" WHERE "public"."recent"."at" >= CAST((NOW() + (INTERVAL '-1 day')) AS date) AND "public"."recent"."at" < CAST(NOW() AS date);
