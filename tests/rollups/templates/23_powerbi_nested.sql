-- Power BI: nested queries with the conditions in the middle.
-- from tree, exact from table
select "_"."symbol","_"."a0","_"."a1" from (select "rows"."symbol" as "symbol", sum("rows"."size") as "a0", avg("rows"."price") as "a1" from (select "_"."at","_"."symbol","_"."size","_"."price" from
(select "at","symbol","size","price" from "public"."trades" "$Table") "_" where ("_"."at" < date '2026-02-01' and "_"."at" >= date '2026-01-01') and ("_"."symbol" in ('BTC','ETH'))) "rows" group by "symbol") "_"
where not "_"."a0" is null or not "_"."a1" is null limit 1000001;
-- from tree
select "_"."symbol","_"."a0" from (select "rows"."symbol" as "symbol", sum("rows"."size") as "a0" from (select "symbol","size" from "public"."trades" "$Table") "rows" group by "symbol") "_" where not "_"."a0" is null limit 1000001;
