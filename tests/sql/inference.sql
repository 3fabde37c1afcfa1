-- Student's t interval of the mean.
SELECT round(low::numeric, 6) AS low, round(high::numeric, 6) AS high FROM mean_interval('(3,2,2,1,3)');
SELECT round(low::numeric, 6) AS low, round(high::numeric, 6) AS high FROM mean_interval('(3,2,2,1,3)', 0.99);
SELECT mean_interval('(1,2,0,2,2)') AS one, mean_interval('(0,,,,)') AS none, mean_interval(NULL) AS unknown;
SELECT * FROM mean_interval('(2,4,0,4,4)');
SELECT * FROM mean_interval('(3,2,2,1,3)', 95);

-- Welch's test: Student's sleep data, whose published result is t = -1.8608, df = 17.776, p = 0.07939.
WITH sleep(drug, extra) AS (VALUES
    (1, 0.7::float8), (1, -1.6), (1, -0.2), (1, -1.2), (1, -0.1), (1, 3.4), (1, 3.7), (1, 0.8), (1, 0.0), (1, 2.0),
    (2, 1.9), (2, 0.8), (2, 1.1), (2, 0.1), (2, -0.1), (2, 4.4), (2, 5.5), (2, 1.6), (2, 4.6), (2, 3.4)
), groups AS (
    SELECT tally(extra) FILTER (WHERE drug = 1) AS one, tally(extra) FILTER (WHERE drug = 2) AS two FROM sleep
)
SELECT round(difference::numeric, 2) AS difference, round(low::numeric, 4) AS low, round(high::numeric, 4) AS high,
    round(t::numeric, 4) AS t, round(df::numeric, 3) AS df, round(p_value::numeric, 5) AS p
FROM groups, welch_t_test(one, two);
SELECT welch_t_test('(1,2,0,2,2)', '(3,2,2,1,3)') AS too_few;
SELECT * FROM welch_t_test('(2,4,0,4,4)', '(2,5,0,5,5)');
SELECT * FROM welch_t_test('(2,4,0,4,4)', '(2,4,0,4,4)');
\set VERBOSITY sqlstate
SELECT welch_t_test('(3,2,2,1,3)', '(3,2,2,1,3)', 1);
SELECT mean_interval('(3,2,2,1,3)', 'NaN');
\set VERBOSITY default
