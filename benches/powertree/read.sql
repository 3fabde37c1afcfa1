-- What is read from a tree beside the aggregate over the rows, of tables of 10^4 rows and more; :largest is the last.
-- One series, a thousand rows to the leaf, the index that the documentation asks for.
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
CREATE FUNCTION build(n bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE points_%s AS SELECT 1 AS series, ''2026-01-01Z''::timestamptz + i * interval ''10 ms'' AS at,
        round((19000 + 10 * random())::numeric, 2)::float8 AS x FROM generate_series(1, %s) i', n, n);
    EXECUTE format('CREATE INDEX ON points_%s (series, at) INCLUDE (x)', n);
    PERFORM powertree_create(format('points_%s', n)::regclass, at => 'at', "values" => '{x}', series => '{series}', leaf => '10 seconds');
END $$;
SELECT build((10 ^ e)::bigint) FROM generate_series(4, log(:largest)::int) e;
CALL powertree_compact();
SELECT format('VACUUM ANALYZE points_%s', (10 ^ e)::bigint) FROM generate_series(4, log(:largest)::int) e \gexec
VACUUM ANALYZE powertree_node;

-- Ranges that cut a leaf at both ends: 3 % to 97.7 % of the rows.
CREATE FUNCTION ends(n bigint, OUT a timestamptz, OUT b timestamptz) LANGUAGE sql AS $$
    SELECT '2026-01-01Z'::timestamptz + n * interval '0.3 ms' + interval '3.217 s', '2026-01-01Z'::timestamptz + n * interval '9.77 ms' - interval '4.1 s'
$$;
CREATE FUNCTION many(query text, times int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. times LOOP EXECUTE query; END LOOP;
END $$;
\echo A range of a tree of so many rows: milliseconds for one of 200 calls, and how often that fits into the aggregate over the rows
SELECT n AS rows, round(tree.median_ms / 200, 3) AS tree_ms, round(base.median_ms / (tree.median_ms / 200)) AS faster
FROM (SELECT (10 ^ e)::bigint AS n FROM generate_series(4, log(:largest)::int) e) s, ends(n),
    LATERAL (SELECT * FROM compare('{tree}', ARRAY[format(
        'SELECT many($q$SELECT powertree_tally(%L, ''x'', %L::timestamptz, %L::timestamptz, ''1'')$q$, 200)', 'points_' || n, a, b)], 5)) tree,
    LATERAL (SELECT * FROM compare('{base}', ARRAY[format(
        'SELECT tally(x) FROM points_%s WHERE series = 1 AND at >= %L AND at < %L', n, a, b)], 1)) base
ORDER BY n;

\echo 1440 buckets of a minute, and the last million values
SELECT label, median_ms FROM compare('{"1440 buckets","last 10^6"}', ARRAY[
    format('SELECT count(*) FROM powertree_buckets(''points_%s'', ''x'', ''2026-01-01Z''::timestamptz, ''2026-01-02Z''::timestamptz, ''1 minute'', ''1'')', least(10000000, :largest)),
    format('SELECT powertree_last(''points_%s'', ''x'', 1000000, ''1'')', least(10000000, :largest))], 9);

\echo Disk
SELECT round(pg_total_relation_size('powertree_node') / sum(num_vals), 4) AS bytes_per_row FROM powertrees;
