-- Power BI: a computed key.
-- from tree
select "rows"."symbol_lower" as "symbol_lower", count(1) as "a0" from (select lower("_"."symbol") as "symbol_lower" from "public"."trades" "_") "rows" group by "symbol_lower";
