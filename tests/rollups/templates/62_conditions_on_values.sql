-- Conditions on values: those that hold for all rows, and whether a value is NULL.
-- from tree
SELECT sensor, SUM(cost), MAX(at_unix) FROM ticks WHERE cost >= 0 AND reading IS NOT NULL GROUP BY sensor;
-- from tree
SELECT "source"."sensor", COUNT(*) AS "count" FROM (SELECT * FROM ticks) AS "source" WHERE ("source"."reading" <> -1) AND "source"."cost" < 1000000 GROUP BY 1;
-- from tree
SELECT COUNT(*) AS "count" FROM "public"."trades" WHERE "public"."trades"."price" IS NULL;
-- from tree
SELECT symbol, COUNT(*) FILTER (WHERE price IS NULL) AS missing, SUM(CASE WHEN size IS NULL THEN 1 ELSE 0 END), COUNT(CASE WHEN price IS NOT NULL THEN 1 END), COUNT(*) FROM trades GROUP BY symbol;
-- from table
SELECT symbol, COUNT(*) FROM trades WHERE size > 250 GROUP BY symbol;
