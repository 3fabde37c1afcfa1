-- Power BI: a table of dates.
-- from tree
select "$Inner"."month", sum("$Outer"."amount") as "a0" from "public"."days" "$Outer" left outer join "public"."dates" "$Inner" on ("$Outer"."day" = "$Inner"."date") group by "$Inner"."month";
-- from tree
select "$Inner"."month", count(1) as "a0" from (select "at"::date as "day" from "public"."trades") "$Outer" left outer join "public"."dates" "$Inner" on ("$Outer"."day" = "$Inner"."date") group by "$Inner"."month";
