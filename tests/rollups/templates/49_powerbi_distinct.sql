-- Power BI: distinct counts that see NULL, parts of dates, the number of rows of a preview.
-- from tree
select count(distinct("rows"."symbol")) + max(case when "rows"."symbol" is null then 1 else 0 end) as "a0" from "public"."trades" "rows" having not count(distinct("rows"."symbol")) + max(case when "rows"."symbol" is null then 1 else 0 end) is null limit 1000001;
-- from tree
select "_"."year", "_"."month", sum("_"."size") as "a0" from (select extract(year from "at") as "year", date_part('month', "at") as "month", "size" from "public"."trades") "_" group by "_"."year", "_"."month" limit 1000001;
-- from tree
select "basetable0"."c1", "basetable0"."a0" from (select cast("rows"."at" as date) as "c1", min("rows"."price") as "a0" from "public"."trades" "rows" where "rows"."at" < timestamp '2026-02-01 00:00:00' and "rows"."at" >= timestamp '2026-01-01 00:00:00' group by cast("rows"."at" as date)) "basetable0" order by "basetable0"."c1" limit 501;
