-- The power tree: what is stored ------------------------------------------------------------------------------
--
-- Written by the functions below only, past all triggers and without rights for anybody; the definitions and what is
-- archived are dumped, all the rest is rebuilt from the base tables.

CREATE SEQUENCE powertree_id AS integer;
CREATE TABLE powertree_definition (
    id integer PRIMARY KEY,
    name text NOT NULL CONSTRAINT powertree_name UNIQUE,
    base regclass NOT NULL,
    at text NOT NULL,
    "values" text[] NOT NULL,
    series text[] NOT NULL,
    leaf bigint NOT NULL,
    height smallint NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('powertree_id'::pg_catalog.regclass, ''::pg_catalog.text);
SELECT pg_catalog.pg_extension_config_dump('powertree_definition'::pg_catalog.regclass, ''::pg_catalog.text);

CREATE TABLE powertree_state (
    tree integer CONSTRAINT powertree_state_tree PRIMARY KEY,
    columns smallint[] NOT NULL,
    types oid[] NOT NULL,
    horizon bigint NOT NULL,
    compactions bigint NOT NULL,
    compacted_at timestamptz,
    stale text,
    num_vals bigint NOT NULL DEFAULT 0,
    num_series bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    format smallint NOT NULL DEFAULT 1,
    folded bigint NOT NULL DEFAULT 0
);
CREATE TABLE powertree_span (
    tree integer NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    barrier bigint,
    reason text NOT NULL
);
CREATE INDEX powertree_span_tree ON powertree_span (tree);
CREATE TABLE powertree_log (
    series bigint NOT NULL,
    leaf bigint NOT NULL,
    tree integer NOT NULL,
    key bytea NOT NULL,
    delta bytea,
    transaction bigint NOT NULL DEFAULT pg_catalog.pg_current_xact_id()::text::bigint
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 1);
CREATE INDEX powertree_log_leaf ON powertree_log (tree, series, leaf, transaction);
CREATE TABLE powertree_series (
    series bigint NOT NULL,
    tree integer NOT NULL,
    key bytea NOT NULL,
    CONSTRAINT powertree_series_hash PRIMARY KEY (tree, series)
);
CREATE TABLE powertree_node (
    series bigint NOT NULL,
    node bigint NOT NULL,
    tree integer NOT NULL,
    level smallint NOT NULL,
    block bytea NOT NULL,
    CONSTRAINT powertree_node_level PRIMARY KEY (tree, level, series, node)
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05);
CREATE TABLE powertree_failure (
    tree integer CONSTRAINT powertree_failure_tree PRIMARY KEY,
    error text NOT NULL,
    failures integer NOT NULL,
    failed_at timestamptz NOT NULL
);
-- The rows of archived leaves are nowhere else in the database: both tables are dumped.
CREATE TABLE powertree_archived (
    tree integer NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    num_rows bigint NOT NULL,
    types oid[] NOT NULL,
    CONSTRAINT powertree_archived_tree PRIMARY KEY (tree, first)
);
CREATE TABLE powertree_archive_leaf (
    series bigint NOT NULL,
    node bigint NOT NULL,
    tree integer NOT NULL,
    key bytea NOT NULL,
    block bytea NOT NULL,
    CONSTRAINT powertree_archive_leaf_series PRIMARY KEY (tree, series, node)
);
ALTER TABLE powertree_archive_leaf ALTER block SET STORAGE PLAIN;
SELECT pg_catalog.pg_extension_config_dump('powertree_archived'::pg_catalog.regclass, ''::pg_catalog.text);
SELECT pg_catalog.pg_extension_config_dump('powertree_archive_leaf'::pg_catalog.regclass, ''::pg_catalog.text);
ALTER TABLE powertree_log ALTER delta SET STORAGE PLAIN;
ALTER TABLE powertree_node ALTER block SET STORAGE PLAIN;

-- A publication of all tables contains these too.
CREATE FUNCTION powertree_skip() RETURNS trigger AS 'MODULE_PATHNAME', 'powertree_skip_wrapper' LANGUAGE C;
REVOKE EXECUTE ON FUNCTION powertree_skip() FROM PUBLIC;
COMMENT ON FUNCTION powertree_skip() IS 'trigger: drops rows that replication brings into the tables of power trees';
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON powertree_definition FOR EACH ROW EXECUTE FUNCTION powertree_skip();
ALTER TABLE powertree_definition ENABLE REPLICA TRIGGER skip;
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON powertree_state FOR EACH ROW EXECUTE FUNCTION powertree_skip();
ALTER TABLE powertree_state ENABLE REPLICA TRIGGER skip;
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON powertree_span FOR EACH ROW EXECUTE FUNCTION powertree_skip();
ALTER TABLE powertree_span ENABLE REPLICA TRIGGER skip;
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON powertree_log FOR EACH ROW EXECUTE FUNCTION powertree_skip();
ALTER TABLE powertree_log ENABLE REPLICA TRIGGER skip;
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON powertree_series FOR EACH ROW EXECUTE FUNCTION powertree_skip();
ALTER TABLE powertree_series ENABLE REPLICA TRIGGER skip;
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON powertree_node FOR EACH ROW EXECUTE FUNCTION powertree_skip();
ALTER TABLE powertree_node ENABLE REPLICA TRIGGER skip;
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON powertree_failure FOR EACH ROW EXECUTE FUNCTION powertree_skip();
ALTER TABLE powertree_failure ENABLE REPLICA TRIGGER skip;
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON powertree_archived FOR EACH ROW EXECUTE FUNCTION powertree_skip();
ALTER TABLE powertree_archived ENABLE REPLICA TRIGGER skip;
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON powertree_archive_leaf FOR EACH ROW EXECUTE FUNCTION powertree_skip();
ALTER TABLE powertree_archive_leaf ENABLE REPLICA TRIGGER skip;

COMMENT ON SEQUENCE powertree_id IS 'numbers of power trees';
COMMENT ON TABLE powertree_definition IS 'the definition of each power tree; the leaf in microseconds, days or units of its position';
COMMENT ON TABLE powertree_state IS 'power trees that are kept in step; one that was restored from a dump is not here until it is rebuilt';
COMMENT ON TABLE powertree_span IS 'leaves whose rows are read from the base table until the next compaction, and the transaction without which a snapshot must not use the tree';
COMMENT ON TABLE powertree_log IS 'changes of leaves since the last compaction: packed tallies to add, NULL if the leaf must be recomputed';
COMMENT ON TABLE powertree_series IS 'the series of each tree by the hash of their key';
COMMENT ON TABLE powertree_failure IS 'power trees that could not be compacted: the last error, and how many there were since the last success';
COMMENT ON TABLE powertree_archived IS 'leaves of power trees, from one to another, whose rows were archived: how many rows, and the types of the columns then';
COMMENT ON TABLE powertree_archive_leaf IS 'what is left of archived rows: each row holds the packed tallies of ten neighbouring leaves of a series';
COMMENT ON TABLE powertree_node IS 'the power trees: each row holds the packed tallies of the ten children of a node';

-- Keeping in step ----------------------------------------------------------------------------------------------

CREATE FUNCTION powertree_capture() RETURNS trigger
    AS 'MODULE_PATHNAME', 'powertree_capture_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_leaf(timestamptz, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'powertree_leaf_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION powertree_leaf(timestamp, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'powertree_leaf_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION powertree_leaf(bigint, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'powertree_leaf_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION powertree_leaf(date, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'powertree_leaf_date_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION powertree_capture() IS 'trigger: appends the changes of a statement to the log of a power tree';
COMMENT ON FUNCTION powertree_leaf(timestamptz, bigint) IS 'the leaf of a position, for leaves of this many microseconds';
COMMENT ON FUNCTION powertree_leaf(timestamp, bigint) IS 'the leaf of a position, for leaves of this many microseconds';
COMMENT ON FUNCTION powertree_leaf(bigint, bigint) IS 'the leaf of a position, leaves being so wide';
COMMENT ON FUNCTION powertree_leaf(date, bigint) IS 'the leaf of a position, for leaves of this many days';

CREATE FUNCTION powertree_create(
    base regclass, at text, "values" text[], leaf text DEFAULT NULL, series text[] DEFAULT '{}', name text DEFAULT NULL
) RETURNS void
    AS 'MODULE_PATHNAME', 'powertree_create_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_rebuild(tree text) RETURNS void
    AS 'MODULE_PATHNAME', 'powertree_rebuild_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_rebuild(tree text, leaf text) RETURNS void
    AS 'MODULE_PATHNAME', 'powertree_rebuild_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_drop(tree text) RETURNS void
    AS 'MODULE_PATHNAME', 'powertree_drop_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_archive(tree text, partition regclass) RETURNS bigint
    AS 'MODULE_PATHNAME', 'powertree_archive_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_unarchive(tree text, "from" anycompatible, "to" anycompatible) RETURNS bigint
    AS 'MODULE_PATHNAME', 'powertree_unarchive_wrapper' LANGUAGE C;
CREATE PROCEDURE powertree_compact(tree text DEFAULT NULL)
    AS 'MODULE_PATHNAME', 'powertree_compact_wrapper' LANGUAGE C;

-- Reading ------------------------------------------------------------------------------------------------------

CREATE FUNCTION powertree_tally(
    tree text, value text, "from" anycompatible, "to" anycompatible, VARIADIC series text[] DEFAULT '{}'
) RETURNS tally
    AS 'MODULE_PATHNAME', 'powertree_tally_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
CREATE FUNCTION powertree_last(
    tree text, value text, num_vals bigint, VARIADIC series text[] DEFAULT '{}',
    OUT tally tally, OUT first double precision, OUT last double precision
)
    AS 'MODULE_PATHNAME', 'powertree_last_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
CREATE FUNCTION powertree_buckets(
    tree text, value text, "from" timestamptz, "to" timestamptz, step text, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket timestamptz, tally tally)
    AS 'MODULE_PATHNAME', 'powertree_buckets_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
CREATE FUNCTION powertree_buckets(
    tree text, value text, "from" text, "to" text, step text, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket timestamptz, tally tally)
    AS 'MODULE_PATHNAME', 'powertree_buckets_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
CREATE FUNCTION powertree_buckets(
    tree text, value text, "from" timestamp, "to" timestamp, step text, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket timestamp, tally tally)
    AS 'MODULE_PATHNAME', 'powertree_buckets_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
CREATE FUNCTION powertree_buckets(
    tree text, value text, "from" date, "to" date, step text, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket date, tally tally)
    AS 'MODULE_PATHNAME', 'powertree_buckets_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
CREATE FUNCTION powertree_buckets(
    tree text, value text, "from" bigint, "to" bigint, step text, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket bigint, tally tally)
    AS 'MODULE_PATHNAME', 'powertree_buckets_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;

-- What asks by an interval, asks by its text.
CREATE FUNCTION powertree_buckets(
    tree text, value text, "from" timestamptz, "to" timestamptz, step interval, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket timestamptz, tally tally)
    LANGUAGE SQL STABLE PARALLEL RESTRICTED
    BEGIN ATOMIC
        SELECT b.bucket, b.tally FROM powertree_buckets(tree, value, "from", "to", step::text, VARIADIC series) b;
    END;
CREATE FUNCTION powertree_buckets(
    tree text, value text, "from" timestamp, "to" timestamp, step interval, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket timestamp, tally tally)
    LANGUAGE SQL STABLE PARALLEL RESTRICTED
    BEGIN ATOMIC
        SELECT b.bucket, b.tally FROM powertree_buckets(tree, value, "from", "to", step::text, VARIADIC series) b;
    END;
CREATE FUNCTION powertree_buckets(
    tree text, value text, "from" date, "to" date, step interval, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket date, tally tally)
    LANGUAGE SQL STABLE PARALLEL RESTRICTED
    BEGIN ATOMIC
        SELECT b.bucket, b.tally FROM powertree_buckets(tree, value, "from", "to", step::text, VARIADIC series) b;
    END;

CREATE FUNCTION powertree_series(
    tree text, VARIADIC prefix text[] DEFAULT '{}'
) RETURNS TABLE (series text[], first text, last text, num_rows bigint)
    AS 'MODULE_PATHNAME', 'powertree_series_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
CREATE FUNCTION powertree_tallies(
    tree text, value text, "from" anycompatible, "to" anycompatible, VARIADIC prefix text[] DEFAULT '{}'
) RETURNS TABLE (series text[], tally tally)
    AS 'MODULE_PATHNAME', 'powertree_tallies_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
CREATE FUNCTION powertree_zoom(
    tree text, value text, "from" timestamptz, "to" timestamptz, points integer, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket timestamptz, step interval, tally tally)
    AS 'MODULE_PATHNAME', 'powertree_zoom_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
CREATE FUNCTION powertree_zoom(
    tree text, value text, "from" text, "to" text, points integer, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket timestamptz, step interval, tally tally)
    AS 'MODULE_PATHNAME', 'powertree_zoom_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
CREATE FUNCTION powertree_zoom(
    tree text, value text, "from" timestamp, "to" timestamp, points integer, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket timestamp, step interval, tally tally)
    AS 'MODULE_PATHNAME', 'powertree_zoom_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
CREATE FUNCTION powertree_zoom(
    tree text, value text, "from" date, "to" date, points integer, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket date, step interval, tally tally)
    AS 'MODULE_PATHNAME', 'powertree_zoom_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
CREATE FUNCTION powertree_zoom(
    tree text, value text, "from" bigint, "to" bigint, points integer, VARIADIC series text[] DEFAULT '{}'
) RETURNS TABLE (bucket bigint, step bigint, tally tally)
    AS 'MODULE_PATHNAME', 'powertree_zoom_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED;
-- Both plan or run the text as the caller.
CREATE FUNCTION powertree_explain(sql text) RETURNS TABLE (tree text, answers boolean, reason text)
    AS 'MODULE_PATHNAME', 'powertree_explain_wrapper' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1;
CREATE FUNCTION powertree_verify(sql text) RETURNS TABLE (answer text, "row" text, times bigint)
    AS 'MODULE_PATHNAME', 'powertree_verify_wrapper' LANGUAGE C STABLE PARALLEL UNSAFE COST 10000 ROWS 1;

COMMENT ON FUNCTION powertree_create(regclass, text, text[], text, text[], text) IS
    'makes a power tree of these values by position and series; until it is compacted it reads its table';
COMMENT ON FUNCTION powertree_rebuild(text) IS 'installs the triggers of a power tree again and marks all of it to be recomputed';
COMMENT ON FUNCTION powertree_rebuild(text, text) IS 'makes a power tree again with leaves of another width, or of one that is chosen from the data if it is NULL';
COMMENT ON FUNCTION powertree_drop(text) IS 'drops a power tree, its triggers and its stored data';
COMMENT ON FUNCTION powertree_archive(text, regclass) IS
    'keeps the leaves of a partition for all power trees of its table, and detaches it; returns how many there are';
COMMENT ON FUNCTION powertree_unarchive(text, anycompatible, anycompatible) IS
    'forgets the archived leaves of all power trees of a table from one position to before another, before their rows are restored; returns how many there were';
COMMENT ON PROCEDURE powertree_compact(text) IS
    'folds the log of a power tree, or of all that the caller owns, into its nodes; commits after each where it may';
COMMENT ON FUNCTION powertree_tally(text, text, anycompatible, anycompatible, text[]) IS
    'tally(value) of a series from one position to before another, NULL being no end: exact in the snapshot of the query';
COMMENT ON FUNCTION powertree_last(text, text, bigint, text[]) IS
    'tally, first and last of the last values of a series that are not NULL; of one position the greatest value is the last';
COMMENT ON FUNCTION powertree_buckets(text, text, timestamptz, timestamptz, text, text[]) IS
    'tallies of a series in buckets from one position to before another; days and months are those of the time zone';
COMMENT ON FUNCTION powertree_buckets(text, text, timestamptz, timestamptz, interval, text[]) IS
    'tallies of a series in buckets from one position to before another';
COMMENT ON FUNCTION powertree_buckets(text, text, timestamp, timestamp, interval, text[]) IS
    'tallies of a series in buckets from one position to before another';
COMMENT ON FUNCTION powertree_buckets(text, text, date, date, interval, text[]) IS
    'tallies of a series in buckets from one position to before another';
COMMENT ON FUNCTION powertree_buckets(text, text, text, text, text, text[]) IS
    'the same, of positions of type timestamptz given as text';
COMMENT ON FUNCTION powertree_buckets(text, text, timestamp, timestamp, text, text[]) IS
    'tallies of a series in buckets from one position to before another';
COMMENT ON FUNCTION powertree_buckets(text, text, date, date, text, text[]) IS
    'tallies of a series in buckets from one position to before another';
COMMENT ON FUNCTION powertree_buckets(text, text, bigint, bigint, text, text[]) IS
    'tallies of a series in buckets from one position to before another';
COMMENT ON FUNCTION powertree_series(text, text[]) IS
    'all series that begin with a prefix: the positions of their first and last row, as text, and their number of rows';
COMMENT ON FUNCTION powertree_tallies(text, text, anycompatible, anycompatible, text[]) IS
    'tallies from one position to before another of all series that have values there and begin with a prefix';
COMMENT ON FUNCTION powertree_zoom(text, text, timestamptz, timestamptz, integer, text[]) IS
    'tallies of a series in at most this many buckets around a range: the finest step that is easily read and costs little';
COMMENT ON FUNCTION powertree_zoom(text, text, text, text, integer, text[]) IS
    'tallies of a series in at most this many buckets around a range: the finest step that is easily read and costs little';
COMMENT ON FUNCTION powertree_zoom(text, text, timestamp, timestamp, integer, text[]) IS
    'tallies of a series in at most this many buckets around a range: the finest step that is easily read and costs little';
COMMENT ON FUNCTION powertree_zoom(text, text, date, date, integer, text[]) IS
    'tallies of a series in at most this many buckets around a range: the finest step that is easily read and costs little';
COMMENT ON FUNCTION powertree_zoom(text, text, bigint, bigint, integer, text[]) IS
    'tallies of a series in at most this many buckets around a range: the finest step that is easily read and costs little';
COMMENT ON FUNCTION powertree_explain(text) IS
    'which power trees answer a SELECT, and why the others do not; the SELECT is planned and not run';
COMMENT ON FUNCTION powertree_verify(text) IS
    'rows that a SELECT returns only without power trees, or only with them: none, unless something is wrong';

-- Its readers run what it calls: everything is written so that only PostgreSQL's own functions and operators fit.
CREATE VIEW powertrees WITH (security_barrier) AS
SELECT d.name, d.base, d.at, d."values", d.series,
    CASE
        WHEN p.at_type OPERATOR(pg_catalog.=) 'bigint'::regtype::oid THEN d.leaf::text
        WHEN p.at_type OPERATOR(pg_catalog.=) 'date'::regtype::oid THEN d.leaf::text OPERATOR(pg_catalog.||) ' days'::text
        ELSE (d.leaf::double precision OPERATOR(pg_catalog.*) interval '1 microsecond')::text
    END AS leaf,
    CASE
        WHEN s.tree IS NULL THEN 'stale: restored from a dump'
        WHEN s.stale IS NOT NULL THEN 'stale: '::text OPERATOR(pg_catalog.||) s.stale
        WHEN p.reasons IS NOT NULL THEN 'reads the table: '::text OPERATOR(pg_catalog.||) p.reasons
        ELSE 'live'
    END AS state,
    CASE WHEN p.shown THEN COALESCE(s.num_vals, 0) END AS num_vals,
    CASE WHEN p.shown THEN COALESCE(s.num_series, 0) END AS num_series,
    CASE WHEN p.shown THEN g.entries END AS log_rows,
    CASE WHEN p.shown THEN COALESCE(s.bytes, 0) END AS bytes,
    s.compactions, s.compacted_at, f.failed_at,
    -- An error may tell of rows: it is for those who may act as their owner.
    CASE WHEN pg_catalog.pg_has_role(
        (SELECT c.relowner FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) d.base::oid), 'USAGE'::text)
        THEN f.error END AS last_error,
    CASE WHEN p.shown THEN g.dirty END AS dirty_leaves,
    CASE WHEN p.shown THEN g.bytes END AS log_bytes,
    -- A parameter of the launcher's is there only where the server has loaded the library.
    EXISTS (SELECT FROM pg_catalog.pg_settings c, pg_catalog.string_to_table(c.setting, ','::text) AS n(name)
        WHERE c.name OPERATOR(pg_catalog.=) 'pg_tally.powertree_databases'::text
            AND pg_catalog.btrim(n.name, E' \t\n'::text) OPERATOR(pg_catalog.=) pg_catalog.current_database()::text) AS served,
    CASE WHEN p.shown THEN COALESCE(r.num_rows, 0) END AS archived_rows,
    CASE
        WHEN NOT p.shown THEN NULL
        WHEN p.at_type OPERATOR(pg_catalog.=) 'bigint'::regtype::oid THEN r.until::text
        WHEN p.at_type OPERATOR(pg_catalog.=) 'date'::regtype::oid THEN ('2000-01-01'::date OPERATOR(pg_catalog.+) r.until::integer)::text
        WHEN p.at_type OPERATOR(pg_catalog.=) 'timestamp'::regtype::oid
            THEN ('2000-01-01'::timestamp OPERATOR(pg_catalog.+) (r.until::double precision OPERATOR(pg_catalog.*) interval '1 microsecond'))::text
        ELSE ('2000-01-01 00:00Z'::timestamptz OPERATOR(pg_catalog.+) (r.until::double precision OPERATOR(pg_catalog.*) interval '1 microsecond'))::text
    END AS archived_until
FROM powertree_definition d LEFT JOIN powertree_state s ON s.tree OPERATOR(pg_catalog.=) d.id
LEFT JOIN powertree_failure f ON f.tree OPERATOR(pg_catalog.=) d.id
LEFT JOIN LATERAL (
    SELECT pg_catalog.count(*) AS entries, pg_catalog.count(*) FILTER (WHERE l.delta IS NULL) AS dirty,
        -- With the header of the row and its place in the index.
        COALESCE(pg_catalog.sum(pg_catalog.octet_length(l.key) OPERATOR(pg_catalog.+)
            COALESCE(pg_catalog.octet_length(l.delta), 0) OPERATOR(pg_catalog.+) 86), 0::bigint) AS bytes
    -- Nobody who watches trees should have to wait for the count of a long log.
    FROM (SELECT e.key, e.delta FROM powertree_log e WHERE e.tree OPERATOR(pg_catalog.=) d.id LIMIT 100000) l
) g ON true LEFT JOIN LATERAL (
    SELECT pg_catalog.sum(a.num_rows)::bigint AS num_rows,
        (pg_catalog.max(a.last) OPERATOR(pg_catalog.+) 1::bigint) OPERATOR(pg_catalog.*) d.leaf AS until
    FROM powertree_archived a WHERE a.tree OPERATOR(pg_catalog.=) d.id
) r ON true, LATERAL (
    SELECT (SELECT a.atttypid FROM pg_catalog.pg_attribute a
            WHERE a.attrelid OPERATOR(pg_catalog.=) d.base::oid AND a.attname OPERATOR(pg_catalog.=) d.at) AS at_type,
        (SELECT pg_catalog.string_agg(DISTINCT w.reason, ', '::text) FROM powertree_span w
            WHERE w.tree OPERATOR(pg_catalog.=) d.id AND w.first OPERATOR(pg_catalog.<=) w.last) AS reasons,
        -- Totals tell of rows that row security may hide.
        NOT pg_catalog.row_security_active(d.base::oid) AS shown
) p
-- Who may SELECT all that the tree is made of.
WHERE pg_catalog.has_schema_privilege(
        (SELECT c.relnamespace FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) d.base::oid), 'USAGE'::text)
    AND (pg_catalog.has_table_privilege(d.base::oid, 'SELECT'::text)
        OR pg_catalog.has_any_column_privilege(d.base::oid, 'SELECT'::text) AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_attribute a
            WHERE a.attrelid OPERATOR(pg_catalog.=) d.base::oid
                AND (a.attname OPERATOR(pg_catalog.=) d.at OR a.attname::text OPERATOR(pg_catalog.=) ANY (d."values")
                    OR a.attname::text OPERATOR(pg_catalog.=) ANY (d.series))
                AND NOT pg_catalog.has_column_privilege(d.base::oid, a.attnum, 'SELECT'::text)));
GRANT SELECT ON powertrees TO PUBLIC;
COMMENT ON VIEW powertrees IS
    'the power trees whose columns the user may read: state, last compaction, last failure and, to the owner, its error; is there a worker; unless row security hides rows, values and series in nodes, size, rows, dirty leaves and bytes in the log (up to 100000 rows), archived rows and until when';

-- What happens to the tables beside changes of their rows ---------------------------------------------------------

CREATE FUNCTION powertree_on_ddl() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'powertree_on_ddl_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_on_drop() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'powertree_on_drop_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_on_rewrite() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'powertree_on_rewrite_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_before_ddl() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'powertree_before_ddl_wrapper' LANGUAGE C;
CREATE EVENT TRIGGER powertree_before_ddl ON ddl_command_start EXECUTE FUNCTION powertree_before_ddl();
COMMENT ON FUNCTION powertree_before_ddl() IS 'event trigger: refuses DETACH PARTITION CONCURRENTLY for tables of power trees';
COMMENT ON EVENT TRIGGER powertree_before_ddl IS 'refuses what power trees cannot follow';
CREATE FUNCTION powertree_before_drop() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'powertree_before_drop_wrapper' LANGUAGE C;
CREATE EVENT TRIGGER powertree_before_drop ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION powertree_before_drop();
COMMENT ON FUNCTION powertree_before_drop() IS 'event trigger: a partition of a table of a power tree may be about to go';
COMMENT ON EVENT TRIGGER powertree_before_drop IS 'keeps power trees in step with partitions that are dropped';
CREATE EVENT TRIGGER powertree_on_ddl ON ddl_command_end EXECUTE FUNCTION powertree_on_ddl();
CREATE EVENT TRIGGER powertree_on_drop ON sql_drop EXECUTE FUNCTION powertree_on_drop();
CREATE EVENT TRIGGER powertree_on_rewrite ON table_rewrite EXECUTE FUNCTION powertree_on_rewrite();
-- Whatever session_replication_role is.
ALTER EVENT TRIGGER powertree_before_ddl ENABLE ALWAYS;
ALTER EVENT TRIGGER powertree_before_drop ENABLE ALWAYS;
ALTER EVENT TRIGGER powertree_on_ddl ENABLE ALWAYS;
ALTER EVENT TRIGGER powertree_on_drop ENABLE ALWAYS;
ALTER EVENT TRIGGER powertree_on_rewrite ENABLE ALWAYS;

COMMENT ON FUNCTION powertree_on_ddl() IS 'event trigger: a table of a power tree may have changed its columns, partitions or triggers';
COMMENT ON FUNCTION powertree_on_drop() IS 'event trigger: a table of a power tree, or a partition or column of it, may be gone';
COMMENT ON FUNCTION powertree_on_rewrite() IS 'event trigger: the rows of a table of a power tree may be rewritten';
COMMENT ON EVENT TRIGGER powertree_on_ddl IS 'keeps power trees in step with changes of their tables';
COMMENT ON EVENT TRIGGER powertree_on_drop IS 'keeps power trees in step with what is dropped';
COMMENT ON EVENT TRIGGER powertree_on_rewrite IS 'keeps power trees in step with tables that are rewritten';

-- PostgreSQL calls them without asking; nobody else needs to.
REVOKE EXECUTE ON FUNCTION
    powertree_before_ddl(), powertree_before_drop(), powertree_on_ddl(), powertree_on_drop(), powertree_on_rewrite()
    FROM PUBLIC;
