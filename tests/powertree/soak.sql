-- What the sessions of the soak do, one call a transaction. Writers change only rows of their own, so that whatever
-- deadlocks, it is not the base table.
CREATE EXTENSION IF NOT EXISTS pg_tally;
-- Every writer has a row of `owners`, which takes rows of its with it.
CREATE TABLE owners (id int PRIMARY KEY);
INSERT INTO owners SELECT generate_series(0, 5);
INSERT INTO owners VALUES (6);
CREATE TABLE soak (
    writer int, series int, at timestamptz, x float8, n bigint, note text,
    owner int REFERENCES owners ON DELETE CASCADE, y float8 GENERATED ALWAYS AS (x * 2) STORED, m numeric
) :partitioning;
-- Before the first there is one that comes and goes.
SELECT format('CREATE TABLE soak_%s PARTITION OF soak FOR VALUES FROM (%L) TO (%L)', i,
    '2026-01-01Z'::timestamptz + i * interval '4 minutes',
    CASE i WHEN 4 THEN 'infinity' ELSE ('2026-01-01Z'::timestamptz + (i + 1) * interval '4 minutes')::text END)
FROM generate_series(0, 4) i WHERE :'partitioning' <> '' AND i <> 1
\gexec
-- One has its columns in other places.
SELECT $$
    CREATE TABLE soak_1 (y float8 GENERATED ALWAYS AS (x * 2) STORED, gone int, note text, n bigint, x float8, owner int REFERENCES owners ON DELETE CASCADE,
        at timestamptz, m numeric, series int, writer int);
    ALTER TABLE soak_1 DROP COLUMN gone;
    ALTER TABLE soak ATTACH PARTITION soak_1 FOR VALUES FROM ('2026-01-01 00:04Z') TO ('2026-01-01 00:08Z');
$$ WHERE :'partitioning' <> ''
\gexec
CREATE INDEX ON soak (owner);
CREATE INDEX ON soak (series, at) INCLUDE (x);
CREATE INDEX ON soak (writer);

-- Twenty minutes of one-second leaves, of which the last minute gets most rows.
CREATE FUNCTION any_time() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT '2026-01-01Z'::timestamptz
        + CASE WHEN random() < 0.7 THEN interval '19 minutes' + random() * interval '1 minute' ELSE random() * interval '20 minutes' END
$$;
CREATE FUNCTION any_numeric() RETURNS numeric LANGUAGE sql VOLATILE AS $$
    SELECT ('{NULL,0,-0.1234567890123456789012345678901234567890,1e-320,1.7e308,-1.7e308,NaN,Infinity,-Infinity}'::numeric[])[ceil(random() * 20)]
$$;
INSERT INTO soak (writer, series, at, x, n, m, note) SELECT i % 6, i % 5, any_time(), random() * 100, i * 1000003::bigint, any_numeric(), '' FROM generate_series(1, 20000) i;
SELECT powertree_create('soak', at => 'at', "values" => '{x,n,y,m}', series => '{series}', leaf => '1 second');
CREATE TABLE mismatches (at timestamptz DEFAULT clock_timestamp(), what text, isolation text DEFAULT current_setting('transaction_isolation'));
CREATE TABLE checks (n bigint, what text);
CREATE TABLE changes (what text);

-- A grouped query, which the tree may answer, and the same of the table; in the snapshot of whoever asks.
CREATE FUNCTION from_tree(query text) RETURNS text LANGUAGE plpgsql STABLE SET pg_tally.answer_from_trees = on AS $$
DECLARE answer text; BEGIN EXECUTE query INTO answer; RETURN answer; END $$;
CREATE FUNCTION from_rows(query text) RETURNS text LANGUAGE plpgsql STABLE SET pg_tally.answer_from_trees = off AS $$
DECLARE answer text; BEGIN EXECUTE query INTO answer; RETURN answer; END $$;
CREATE FUNCTION check_grouped_between(a timestamptz, b timestamptz, step text) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT format('%s: %s; rows: %s', query, tree, rows)
    FROM (SELECT query, from_tree(query) AS tree, from_rows(query) AS rows FROM (
        SELECT format('SELECT string_agg(q::text, '' '' ORDER BY q::text) FROM (
            SELECT %s count(*), count(x), sum(n), min(x), max(y), count(m), min(n) FILTER (WHERE series > 1)
            FROM soak WHERE series IS NOT NULL AND at >= %L AND at < %L GROUP BY 1) q',
            CASE step WHEN 'series' THEN 'series,' ELSE format('date_bin(%L, at, ''2026-01-01Z''),', step) END, a, b) AS query OFFSET 0) q OFFSET 0) q
    WHERE tree IS DISTINCT FROM rows
$$;
-- In the middle of a statement, in its session: rows that are there count.
CREATE FUNCTION check_midway(who text, s int, a timestamptz) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    begins timestamptz := date_trunc('second', a) - interval '3 seconds';
    tree tally;
    rows tally;
    wrong text := CASE WHEN random() < 0.1 THEN check_grouped_between('2026-01-01Z', any_time(), 'series') END;
BEGIN
    IF wrong IS NOT NULL THEN INSERT INTO mismatches (what) VALUES (format('midway, %s: %s', who, wrong)); END IF;
    -- In one statement, which has one snapshot.
    SELECT powertree_tally('soak', 'x', begins, begins + interval '7 seconds', s::text),
        (SELECT tally(x) FROM soak WHERE series = s AND at >= begins AND at < begins + interval '7 seconds') INTO tree, rows;
    IF tree <> rows THEN
        INSERT INTO mismatches (what) VALUES (format('midway, %s, of %s from %s: %s; rows: %s', who, s, begins, tree, rows));
    END IF;
    RETURN tree = rows;
END $$;
-- The same by a cursor, opened now and asked when the statement is over. Its query begins only then: one that began before
-- would miss, in PostgreSQL's bitmap scans, rows of pages that the table did not have yet.
CREATE FUNCTION both_of(s int, a timestamptz, OUT tree tally, OUT rows tally) LANGUAGE plpgsql STABLE AS $$
BEGIN
    tree := powertree_tally('soak', 'x', a, a + interval '7 seconds', s::text);
    rows := (SELECT tally(x) FROM soak WHERE series = s AND at >= a AND at < a + interval '7 seconds');
END $$;
CREATE FUNCTION look_later(s int, a timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('DECLARE %I CURSOR FOR SELECT * FROM both_of(%L, %L)', 'look ' || random(), s, date_trunc('second', a) - interval '3 seconds');
END $$;
CREATE FUNCTION check_cursors() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    cursor refcursor;
    tree tally;
    rows tally;
BEGIN
    FOR cursor IN SELECT name FROM pg_cursors WHERE name LIKE 'look %' LOOP
        FETCH cursor INTO tree, rows;
        CLOSE cursor;
        IF tree <> rows THEN
            INSERT INTO mismatches (what) VALUES (format('cursor: %s; rows: %s', tree, rows));
        END IF;
    END LOOP;
END $$;
-- Before and after the tree's own triggers in the order of names, for some of the rows and statements.
CREATE FUNCTION watching() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'STATEMENT' THEN
        IF random() < 0.2 THEN PERFORM check_midway(TG_NAME, floor(random() * 5)::int, any_time()); END IF;
        IF random() < 0.05 THEN PERFORM look_later(floor(random() * 5)::int, any_time()); END IF;
    ELSIF random() < 0.02 THEN
        PERFORM check_midway(TG_NAME || ' ' || TG_OP, (CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END).series, (CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END).at);
        IF random() < 0.2 THEN PERFORM look_later((CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END).series, (CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END).at); END IF;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
-- A BEFORE ROW trigger of a partition has PostgreSQL show generated columns to the triggers after it: so not all partitions have one.
SELECT format('CREATE TRIGGER %s_%s_%s %2$s INSERT OR UPDATE OR DELETE ON %4$s FOR EACH %3$s EXECUTE FUNCTION watching()', n, t, l, r)
FROM unnest('{a,z}'::text[]) n, unnest('{before,after}'::text[]) t, unnest('{row,statement}'::text[]) l, unnest('{soak,soak_0,soak_4}'::text[]) r
WHERE (r = 'soak') = (t = 'after' OR l = 'statement' OR :'partitioning' = '') AND (r = 'soak' OR :'partitioning' <> '')
\gexec

CREATE FUNCTION write(me int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    many int := ceil(random() ^ 4 * 300);
    -- A ten-second stretch.
    begins timestamptz := any_time();
    ends timestamptz := begins + interval '10 seconds';
BEGIN
    CASE floor(random() * 10)
    WHEN 0, 1, 2 THEN
        INSERT INTO soak (writer, series, at, x, n, m, note) SELECT me, random() * 4.99 - 0.5, any_time(),
            CASE WHEN random() < 0.01 THEN NULL WHEN random() < 0.001 THEN 'NaN' ELSE random() * 100 END, i * 1000003::bigint, any_numeric(), ''
        FROM generate_series(1, many) i;
    WHEN 3 THEN
        INSERT INTO soak (writer, series, at, x, n, note) VALUES (me, floor(random() * 5), any_time(), random() * 100, (random() * 1e18)::bigint, '');
    WHEN 4 THEN
        UPDATE soak SET x = x + 1, m = any_numeric() WHERE writer = me AND at BETWEEN begins AND ends;
    WHEN 5 THEN
        UPDATE soak SET note = note || '.', at = CASE WHEN random() < 0.1 THEN any_time() ELSE at END,
            series = CASE WHEN random() < 0.05 THEN floor(random() * 5) ELSE series END
        WHERE writer = me AND at BETWEEN begins AND ends;
    WHEN 6 THEN
        DELETE FROM soak WHERE writer = me AND at BETWEEN begins AND ends AND random() < 0.5;
    WHEN 8 THEN
        -- Rows that a foreign key takes away, not too many of them; nobody else has such an owner.
        LOCK TABLE soak IN ROW EXCLUSIVE MODE;
        INSERT INTO owners VALUES (-1000 - pg_backend_pid()) ON CONFLICT DO NOTHING;
        UPDATE soak SET owner = -1000 - pg_backend_pid() WHERE writer = me AND at BETWEEN begins AND begins + interval '2 seconds';
        DELETE FROM owners WHERE id = -1000 - pg_backend_pid();
    WHEN 9 THEN
        PERFORM check_midway('with', s.series, s.at) FROM (SELECT floor(random() * 5)::int AS series, any_time() AS at) s;
        WITH i AS (
            INSERT INTO soak (writer, series, at, x, n) SELECT me, random() * 4, any_time(), random() * 100, i FROM generate_series(1, 30) i
            RETURNING check_midway('returning', series, at) AS ok
        ), u AS (
            UPDATE soak SET x = -x WHERE writer = me AND at BETWEEN begins AND begins + interval '1 second' RETURNING check_midway('update', series, at) AS ok
        )
        SELECT count(*) INTO many FROM (SELECT ok FROM i UNION ALL SELECT ok FROM u) o;
    WHEN 7 THEN
        -- A savepoint that is rolled back, and one that is kept.
        FOR i IN 1 .. 2 LOOP
            BEGIN
                INSERT INTO soak (writer, series, at, x, n, note) SELECT me, floor(random() * 5), any_time(), random() * 100, 7, '' FROM generate_series(1, 20);
                DELETE FROM soak WHERE writer = me AND at BETWEEN begins AND begins + interval '1 second';
                IF i = 1 THEN RAISE EXCEPTION 'undo'; END IF;
            EXCEPTION WHEN raise_exception THEN NULL;
            END;
        END LOOP;
    END CASE;
    PERFORM check_cursors();
END $$;
-- A transaction of some statements; one in eight is undone, one in twenty takes long.
CREATE PROCEDURE writing(me int, until timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    undo boolean;
BEGIN
    WHILE clock_timestamp() < until LOOP
        undo := random() < 0.12;
        FOR i IN 0 .. floor(random() * 3) LOOP
            PERFORM write(me);
        END LOOP;
        IF random() < 0.05 THEN PERFORM pg_sleep(random() * 0.7); END IF;
        IF undo THEN ROLLBACK; ELSE COMMIT; END IF;
        PERFORM pg_sleep(0.002);
    END LOOP;
END $$;

-- What sums of numbers so far apart have in common, in whatever order they are added.
CREATE FUNCTION extent(t tally) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT concat_ws(' ', num_vals(t), min(t), max(t)) $$;
-- All in one statement, so in one snapshot.
CREATE FUNCTION check_range() RETURNS text LANGUAGE sql VOLATILE AS $$
    WITH args AS MATERIALIZED (
        SELECT floor(random() * 5)::int AS s, any_time() AS a, any_time() AS b, random() < 0.3 AS whole
    ), ends AS MATERIALIZED (
        SELECT s, CASE WHEN whole THEN date_trunc('second', least(a, b)) ELSE least(a, b) END AS a,
            CASE WHEN whole THEN date_trunc('second', greatest(a, b)) ELSE greatest(a, b) END AS b FROM args
    ), answers AS MATERIALIZED (
        SELECT e.*, powertree_tally('soak', 'x', a, b, s::text) AS tx, powertree_tally('soak', 'n', a, b, s::text) AS tn, powertree_tally('soak', 'y', a, b, s::text) AS ty, extent(powertree_tally('soak', 'm', a, b, s::text)) AS tm,
            (SELECT tally(x) FROM soak WHERE series = s AND at >= a AND at < b) AS bx,
            (SELECT tally(n) FROM soak WHERE series = s AND at >= a AND at < b) AS bn,
            (SELECT tally(y) FROM soak WHERE series = s AND at >= a AND at < b) AS by,
            (SELECT extent(tally(m)) FROM soak WHERE series = s AND at >= a AND at < b) AS bm FROM ends e
    )
    SELECT format('range of %s from %s to %s: %s, %s, %s, %s; rows: %s, %s, %s, %s', s, a, b, tx, tn, ty, tm, bx, bn, by, bm)
    FROM answers WHERE tx <> bx OR tn <> bn OR ty <> by OR tm <> bm
$$;
-- Four minutes, as a partition has them, of all series: of the partition that comes and goes, and of another.
CREATE FUNCTION check_part() RETURNS text LANGUAGE sql VOLATILE AS $$
    WITH args AS MATERIALIZED (
        SELECT '2026-01-01Z'::timestamptz + part * interval '4 minutes' AS a FROM unnest(ARRAY[-1, floor(random() * 5)]) part
    ), answers AS MATERIALIZED (
        SELECT a, s, powertree_tally('soak', 'x', a, a + interval '4 minutes', s::text) AS t,
            (SELECT tally(x) FROM soak WHERE series = s AND at >= a AND at < a + interval '4 minutes') AS r FROM args, generate_series(0, 4) s
    )
    SELECT format('part from %s: %s; rows: %s', a, string_agg(t::text, ' '), string_agg(r::text, ' ')) FROM answers WHERE t <> r GROUP BY a
$$;
CREATE FUNCTION check_buckets() RETURNS text LANGUAGE sql VOLATILE AS $$
    WITH args AS MATERIALIZED (
        SELECT floor(random() * 5)::int AS s, any_time() - interval '1 minute' AS a, (ARRAY['1.5 seconds', '10 seconds', '1 minute'])[ceil(random() * 3)] AS step
    ), answers AS MATERIALIZED (
        SELECT g.*, b.tally AS t,
            (SELECT tally(x) FROM soak WHERE series = s AND at >= bucket AND at < least(bucket + step::interval, a + interval '90 seconds')) AS r
        FROM args g, powertree_buckets('soak', 'x', a, a + interval '90 seconds', step, s::text) b
    )
    SELECT format('buckets of %s of %s from %s: %s; rows: %s', step, s, a, string_agg(t::text, ' '), string_agg(r::text, ' '))
    FROM answers WHERE t <> r GROUP BY step, s, a
$$;
CREATE FUNCTION check_grouped() RETURNS text LANGUAGE sql VOLATILE AS $$
    WITH args AS MATERIALIZED (SELECT any_time() AS a, any_time() AS b, random() < 0.3 AS whole, (ARRAY['series', '1 second', '0.7 seconds', '10 seconds', '1 minute'])[ceil(random() * 5)] AS step)
    SELECT check_grouped_between(CASE WHEN whole THEN date_trunc('second', least(a, b)) ELSE least(a, b) END, greatest(a, b), step) FROM args
$$;
CREATE FUNCTION check_many() RETURNS text LANGUAGE sql VOLATILE AS $$
    WITH args AS MATERIALIZED (
        SELECT any_time() AS a, any_time() AS b, random() < 0.3 AS whole
    ), ends AS MATERIALIZED (
        SELECT CASE WHEN whole THEN date_trunc('second', least(a, b)) ELSE least(a, b) END AS a,
            CASE WHEN whole THEN NULL ELSE greatest(a, b) END AS b FROM args
    ), answers AS MATERIALIZED (
        SELECT a, b, (SELECT string_agg(format('%s %s', series, tally), ', ' ORDER BY series) FROM powertree_tallies('soak', 'x', a, b)) AS t,
            (SELECT string_agg(format('{%s} %s', series, t), ', ' ORDER BY series) FROM (
                SELECT series, tally(x) AS t FROM soak WHERE series IS NOT NULL AND at >= a AND at < coalesce(b, 'infinity') GROUP BY series) s
                WHERE num_vals(t) > 0) AS r FROM ends
    )
    SELECT format('tallies from %s to %s: %s; rows: %s', a, b, t, r) FROM answers WHERE t IS DISTINCT FROM r
$$;
CREATE FUNCTION check_series() RETURNS text LANGUAGE sql VOLATILE AS $$
    WITH answers AS MATERIALIZED (
        SELECT (SELECT string_agg(format('%s', s), ' ' ORDER BY series) FROM powertree_series('soak') s) AS t,
            (SELECT string_agg(format('%s', s), ' ' ORDER BY series) FROM (
                SELECT ARRAY[series::text] AS series, min(at)::text AS first, max(at)::text AS last, count(*) AS num_rows FROM soak
                WHERE series IS NOT NULL AND at IS NOT NULL GROUP BY soak.series) s) AS r
    )
    SELECT format('series: %s; rows: %s', t, r) FROM answers WHERE t IS DISTINCT FROM r
$$;
CREATE FUNCTION check_last() RETURNS text LANGUAGE sql VOLATILE AS $$
    WITH args AS MATERIALIZED (
        SELECT floor(random() * 5)::int AS s, ceil(10 ^ (random() * 4))::bigint AS k
    ), answers AS MATERIALIZED (
        SELECT g.*, l.*, (SELECT (tally(x), (array_agg(x))[count(*)], (array_agg(x))[1])::text FROM (
            SELECT x FROM soak WHERE series = s AND x IS NOT NULL ORDER BY at DESC, x DESC LIMIT g.k) p) AS r
        FROM args g, powertree_last('soak', 'x', k, s::text) l
    )
    SELECT format('last %s of %s: %s; rows: %s', k, s, (tally, first, last)::text, r) FROM answers WHERE (tally, first, last)::text <> r
$$;
CREATE PROCEDURE checking(until timestamptz, at_once int) LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
    what text;
    n int := 0;
BEGIN
    WHILE clock_timestamp() < until LOOP
        -- As many checks in a transaction, which is a snapshot at REPEATABLE READ, taken some time before the table is locked.
        IF at_once > 1 THEN PERFORM pg_sleep(random() * 0.1); END IF;
        FOR i IN 1 .. at_once LOOP
            what := (ARRAY['check_range', 'check_buckets', 'check_last', 'check_part', 'check_many', 'check_series', 'check_grouped'])[ceil(random() * 7)];
            EXECUTE format('SELECT %s()', what) INTO wrong;
            n := n + 1;
            IF wrong IS NOT NULL THEN INSERT INTO mismatches (what) VALUES (wrong); END IF;
            IF at_once > 1 THEN PERFORM pg_sleep(random() * 0.05); END IF;
        END LOOP;
        COMMIT;
    END LOOP;
    INSERT INTO checks VALUES (n, current_setting('transaction_isolation'));
END $$;
