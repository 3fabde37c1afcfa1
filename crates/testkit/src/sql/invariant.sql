-- Whatever breaks the loader's promise, one row each; no rows while it holds, which must be so at every moment:
-- each message below a partition's next_offset is stored exactly once, in the table or in dead_letters, no message
-- above it is, and within a partition the table received them in order.
--
-- The caller provides, as temporary views or tables:
--   loaded (partition, "offset", arrival)    the rows of the table, numbered as they were inserted
--   dead (partition, "offset")               the dead letters
--   positions (partition, low, next_offset)  the stored positions, and where each partition begins
WITH stored AS (
    SELECT partition, "offset", 'table' AS place FROM loaded
    UNION ALL
    SELECT partition, "offset", 'dead_letters' FROM dead
), expected AS (
    SELECT partition, "offset" FROM positions, generate_series(low, next_offset - 1) AS "offset"
), compared AS (
    SELECT partition, "offset", expected.partition IS NOT NULL AS is_expected, count(place) AS times,
           string_agg(place, ', ') AS places
    FROM expected FULL JOIN stored USING (partition, "offset")
    GROUP BY partition, "offset", expected.partition
), ordered AS (
    SELECT partition, "offset", lag("offset") OVER (PARTITION BY partition ORDER BY arrival) AS before
    FROM loaded
)
SELECT partition::integer, "offset"::bigint, 'lost' AS violation FROM compared WHERE times = 0
UNION ALL
SELECT partition, "offset", format('stored %s times (%s)', times, places) FROM compared WHERE times > 1
UNION ALL
SELECT partition, "offset", format('in %s, but not below next_offset', places) FROM compared WHERE NOT is_expected
UNION ALL
SELECT partition, "offset", format('out of order: came after %s', before) FROM ordered WHERE "offset" < before
