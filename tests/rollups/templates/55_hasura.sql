-- Hasura and PostgREST: aggregates as JSON.
-- from tree
SELECT json_build_object('aggregate', json_build_object('count', COUNT(*), 'max', json_build_object('price', MAX("_0"."price")), 'sum', json_build_object('size', SUM("_0"."size"))))::text AS "root" FROM (SELECT * FROM "public"."trades" WHERE ("public"."trades"."symbol") = (('BTC')::text)) AS "_0";
-- from tree
SELECT coalesce(json_agg(_postgrest_t)::text, '[]') AS body FROM (SELECT "public"."trades"."symbol", COUNT(*) AS "count", SUM("public"."trades"."size") AS "size" FROM "public"."trades" WHERE "public"."trades"."exchange" = ANY ('{bybit}') GROUP BY "public"."trades"."symbol" ORDER BY "public"."trades"."symbol") _postgrest_t;
