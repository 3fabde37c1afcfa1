-- Rails: calculations, and further forms of groupdate.
-- from tree
SELECT COUNT(*) AS "count_all", "trades"."symbol" AS "trades_symbol" FROM "trades" WHERE "trades"."exchange" IN ('bybit', 'kraken') AND "trades"."at" >= '2026-01-02 00:00:00Z' GROUP BY "trades"."symbol";
-- from table
SELECT COUNT(count_column) FROM (SELECT 1 AS count_column FROM "trades" LIMIT 1000) subquery_for_count;
-- from fallback
SELECT EXTRACT(MINUTE FROM "trades"."at"::timestamptz AT TIME ZONE 'Asia/Kathmandu')::integer AS m, COUNT(*) AS n FROM "trades" WHERE "trades"."at" IS NOT NULL GROUP BY 1;
-- from tree
SELECT DATE_TRUNC('quarter', "days"."day"::timestamp)::date, SUM("days"."items") FROM "days" WHERE "days"."day" IS NOT NULL GROUP BY 1;
-- from tree
SELECT (DATE_TRUNC('day', "trades"."at"::timestamptz AT TIME ZONE 'Australia/Lord_Howe' - INTERVAL '1 day' * ((13 + EXTRACT(DOW FROM "trades"."at"::timestamptz AT TIME ZONE 'Australia/Lord_Howe')::integer) % 7)))::date AS w, COUNT(*) FROM "trades" WHERE "trades"."at" IS NOT NULL GROUP BY 1;
