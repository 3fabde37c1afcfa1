-- Messages whose content is not that of their place: each series numbers its trades from 1 without gaps, so that the
-- n-th message of a key holds trade n, unless it is a dead letter.
WITH stored AS (
    SELECT exchange || '_' || symbol AS key, kafka_offset AS "offset", trade_id FROM trades
    UNION ALL
    SELECT convert_from(key, 'UTF8'), "offset", NULL FROM loader.dead_letters WHERE job = 'trades'
), numbered AS (
    SELECT key, "offset", trade_id, row_number() OVER (PARTITION BY key ORDER BY "offset") AS n FROM stored
)
SELECT count(*) FILTER (WHERE trade_id <> n::text) AS misplaced, count(DISTINCT key) AS series FROM numbered
