-- By hand: the number of rows, and all statistics of a series.
-- from tree
SELECT count(*) FROM trades;
PREPARE stddev_and_others(text) AS SELECT avg(price), stddev(price), var_pop(price), min(price), max(price), count(price), sum(size) FROM trades WHERE symbol = $1;
-- from tree, exact from table
EXECUTE stddev_and_others('BTC');
-- from tree, exact from table
EXECUTE stddev_and_others('quiet');
-- from tree, exact from table
EXECUTE stddev_and_others('none');
-- from tree
SELECT count(*), avg(total), sum(total), stddev(total), var_pop(total), min(total), max(total), sum(cost), avg(cost), variance(cost), min(cost), max(cost) FROM ticks WHERE sensor = 2;
-- from tree
SELECT avg(size), stddev_pop(size), var_samp(size), min(size), max(size), sum(size) FROM trades WHERE symbol = 'ETH' AND at >= '2026-01-01Z' AND at < '2026-01-02Z';
-- from tree
SELECT count(*), sum(size), max(price) FROM trades WHERE symbol = 'none' GROUP BY exchange;
