-- Hibernate.
-- from tree
select date_trunc('day', cast(t1_0.at as timestamp with time zone)), count(t1_0.symbol), sum(t1_0.size) from trades t1_0 where t1_0.at >= timestamp with time zone '2026-01-01 00:00:00+00' and t1_0.at < timestamp with time zone '2026-02-01 00:00:00+00' group by 1 order by 1 fetch first 20 rows only;
-- from tree
select t1_0.symbol, cast(extract(month from t1_0.at) as integer), max(t1_0.price) from trades t1_0 where t1_0.symbol like 'B%' escape '' group by t1_0.symbol, cast(extract(month from t1_0.at) as integer);
