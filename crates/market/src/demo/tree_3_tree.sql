-- Then from the tree, which reads a few of its nodes, and rows at the two ends only:
SELECT num_vals(t) AS trades, round(avg(t)::numeric, 9) AS avg, round(stddev(t)::numeric, 9) AS stddev,
       min(t), max(t)
FROM powertree_tally('trades', 'size', '{from}'::timestamptz, '{to}') AS t;
