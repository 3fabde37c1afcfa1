\echo Use "ALTER EXTENSION pg_tally UPDATE" to load this file. \quit

-- The power tree ----------------------------------------------------------------------------------------------

REVOKE EXECUTE ON FUNCTION
    powertree_skip(), powertree_before_ddl(), powertree_before_drop(), powertree_on_ddl(), powertree_on_drop(), powertree_on_rewrite()
    FROM PUBLIC;

-- Totals that the view had to count, and the format of nodes, which is another one now: the next compaction computes them all.
ALTER TABLE powertree_state
    ADD COLUMN num_vals bigint NOT NULL DEFAULT 0,
    ADD COLUMN num_series bigint NOT NULL DEFAULT 0,
    ADD COLUMN bytes bigint NOT NULL DEFAULT 0,
    ADD COLUMN format smallint NOT NULL DEFAULT 1,
    -- Entries of earlier transactions are gone from the log.
    ADD COLUMN folded bigint NOT NULL DEFAULT 0;
ALTER TABLE powertree_log
    ADD COLUMN transaction bigint NOT NULL DEFAULT pg_catalog.pg_current_xact_id()::text::bigint;
DROP INDEX powertree_log_leaf;
CREATE INDEX powertree_log_leaf ON powertree_log (tree, series, leaf, transaction);
-- Why a tree could not be compacted.
CREATE TABLE powertree_failure (
    tree integer CONSTRAINT powertree_failure_tree PRIMARY KEY,
    error text NOT NULL,
    failures integer NOT NULL,
    failed_at timestamptz NOT NULL
);
COMMENT ON TABLE powertree_failure IS 'power trees that could not be compacted: the last error, and how many there were since the last success';
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON powertree_failure FOR EACH ROW EXECUTE FUNCTION powertree_skip();
ALTER TABLE powertree_failure ENABLE REPLICA TRIGGER skip;
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
COMMENT ON TABLE powertree_archived IS 'leaves of power trees, from one to another, whose rows were archived: how many rows, and the types of the columns then';
COMMENT ON TABLE powertree_archive_leaf IS 'what is left of archived rows: each row holds the packed tallies of ten neighbouring leaves of a series';
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON powertree_archived FOR EACH ROW EXECUTE FUNCTION powertree_skip();
ALTER TABLE powertree_archived ENABLE REPLICA TRIGGER skip;
CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON powertree_archive_leaf FOR EACH ROW EXECUTE FUNCTION powertree_skip();
ALTER TABLE powertree_archive_leaf ENABLE REPLICA TRIGGER skip;
CREATE OR REPLACE VIEW powertrees WITH (security_barrier) AS
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
COMMENT ON VIEW powertrees IS
    'the power trees whose columns the user may read: state, last compaction, last failure and, to the owner, its error; is there a worker; unless row security hides rows, values and series in nodes, size, rows, dirty leaves and bytes in the log (up to 100000 rows), archived rows and until when';
DROP FUNCTION powertree_count(bytea, integer);

-- Archived rows.
CREATE FUNCTION powertree_archive(tree text, partition regclass) RETURNS bigint
    AS 'MODULE_PATHNAME', 'powertree_archive_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_unarchive(tree text, "from" anycompatible, "to" anycompatible) RETURNS bigint
    AS 'MODULE_PATHNAME', 'powertree_unarchive_wrapper' LANGUAGE C;
COMMENT ON FUNCTION powertree_archive(text, regclass) IS
    'keeps the leaves of a partition for all power trees of its table, and detaches it; returns how many there are';
COMMENT ON FUNCTION powertree_unarchive(text, anycompatible, anycompatible) IS
    'forgets the archived leaves of all power trees of a table from one position to before another, before their rows are restored; returns how many there were';

-- A trigger that says when a statement begins.
CREATE FUNCTION powertree_update() RETURNS void AS 'MODULE_PATHNAME', 'powertree_update_wrapper' LANGUAGE C;
SELECT powertree_update();
DROP FUNCTION powertree_update();

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

CREATE OR REPLACE FUNCTION powertree_create(
    base regclass, at text, "values" text[], leaf text DEFAULT NULL, series text[] DEFAULT '{}', name text DEFAULT NULL
) RETURNS void
    AS 'MODULE_PATHNAME', 'powertree_create_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_rebuild(tree text, leaf text) RETURNS void
    AS 'MODULE_PATHNAME', 'powertree_rebuild_wrapper' LANGUAGE C;
COMMENT ON FUNCTION powertree_rebuild(text, text) IS 'makes a power tree again with leaves of another width, or of one that is chosen from the data if it is NULL';
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
COMMENT ON FUNCTION powertree_explain(text) IS
    'which power trees answer a SELECT, and why the others do not; the SELECT is planned and not run';
COMMENT ON FUNCTION powertree_verify(text) IS
    'rows that a SELECT returns only without power trees, or only with them: none, unless something is wrong';
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
COMMENT ON FUNCTION powertree_buckets(text, text, timestamptz, timestamptz, interval, text[]) IS
    'tallies of a series in buckets from one position to before another';
COMMENT ON FUNCTION powertree_buckets(text, text, timestamp, timestamp, interval, text[]) IS
    'tallies of a series in buckets from one position to before another';
COMMENT ON FUNCTION powertree_buckets(text, text, date, date, interval, text[]) IS
    'tallies of a series in buckets from one position to before another';

-- The detector ------------------------------------------------------------------------------------------------

CREATE FUNCTION fleet_weight(series text, weight double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'fleet_weight_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION fleet_weight(text, double precision) IS 'the weight of a series; 22023 unless it is finite and not negative';

CREATE FUNCTION detect_row(internal, detector, double precision, timestamptz) RETURNS internal
    AS 'MODULE_PATHNAME', 'detect_on_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION detect_row(internal, detector, double precision, timestamptz) IS 'transition of detect';
CREATE AGGREGATE detect(d detector, value double precision, at timestamptz) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = detect_result, PARALLEL = safe
);
COMMENT ON AGGREGATE detect(detector, double precision, timestamptz) IS
    'the stored detector of the first row after it has seen all rows; NULL starts one; write ORDER BY at inside the parentheses';

-- Aggregates that take the rows of a group in their order run in workers as well, as array_agg does.
ALTER FUNCTION detect_row(internal, double precision) PARALLEL SAFE;
ALTER FUNCTION detect_row(internal, double precision, timestamptz) PARALLEL SAFE;
ALTER FUNCTION detect_row(internal, double precision, timestamptz, double precision, interval) PARALLEL SAFE;
ALTER FUNCTION observe(detector, double precision) PARALLEL SAFE;
ALTER FUNCTION observe(detector, double precision, timestamptz) PARALLEL SAFE;
ALTER FUNCTION detect_result(internal) PARALLEL SAFE;
ALTER FUNCTION surprise_result(internal) PARALLEL SAFE;
ALTER FUNCTION change_probability_result(internal) PARALLEL SAFE;
CREATE OR REPLACE AGGREGATE detect(value double precision) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = detect_result, PARALLEL = safe
);
CREATE OR REPLACE AGGREGATE detect(value double precision, at timestamptz) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = detect_result, PARALLEL = safe
);
CREATE OR REPLACE AGGREGATE detect(value double precision, at timestamptz, sensitivity double precision, period interval) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = detect_result, PARALLEL = safe
);
CREATE OR REPLACE AGGREGATE surprise(value double precision) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = surprise_result, PARALLEL = safe
);
CREATE OR REPLACE AGGREGATE surprise(value double precision, at timestamptz) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = surprise_result, PARALLEL = safe
);
CREATE OR REPLACE AGGREGATE surprise(value double precision, at timestamptz, sensitivity double precision, period interval) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = surprise_result, PARALLEL = safe
);
CREATE OR REPLACE AGGREGATE change_probability(value double precision) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = change_probability_result, PARALLEL = safe
);
CREATE OR REPLACE AGGREGATE change_probability(value double precision, at timestamptz) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = change_probability_result, PARALLEL = safe
);
CREATE OR REPLACE AGGREGATE change_probability(value double precision, at timestamptz, sensitivity double precision, period interval) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = change_probability_result, PARALLEL = safe
);

CREATE TYPE change_point AS (
    "row" bigint, at timestamptz, first_alerted_row bigint, first_alerted_at timestamptz, kind text, probability double precision,
    before double precision, after double precision, difference double precision, difference_low double precision,
    difference_high double precision, effect_sd double precision, rows_before bigint, rows_after bigint, explanation text
);

COMMENT ON TYPE change_point IS 'a change of a series, or a row that stands out';

CREATE FUNCTION history_row(internal, double precision) RETURNS internal
    AS 'MODULE_PATHNAME', 'history_row_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
CREATE FUNCTION history_row(internal, double precision, timestamptz) RETURNS internal
    AS 'MODULE_PATHNAME', 'history_at_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
CREATE FUNCTION history_row(internal, double precision, timestamptz, double precision, interval) RETURNS internal
    AS 'MODULE_PATHNAME', 'history_at_with_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
CREATE FUNCTION history_result(internal) RETURNS change_point[]
    AS 'MODULE_PATHNAME', 'history_result_wrapper' LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION history_row(internal, double precision) IS 'transition of change_points';
COMMENT ON FUNCTION history_row(internal, double precision, timestamptz) IS 'transition of change_points';
COMMENT ON FUNCTION history_row(internal, double precision, timestamptz, double precision, interval) IS 'transition of change_points';
COMMENT ON FUNCTION history_result(internal) IS 'result of change_points';

CREATE AGGREGATE change_points(value double precision) (
    SFUNC = history_row, STYPE = internal, SSPACE = 65536, FINALFUNC = history_result, PARALLEL = safe
);
CREATE AGGREGATE change_points(value double precision, at timestamptz) (
    SFUNC = history_row, STYPE = internal, SSPACE = 65536, FINALFUNC = history_result, PARALLEL = safe
);
CREATE AGGREGATE change_points(value double precision, at timestamptz, sensitivity double precision, period interval) (
    SFUNC = history_row, STYPE = internal, SSPACE = 65536, FINALFUNC = history_result, PARALLEL = safe
);

COMMENT ON AGGREGATE change_points(double precision) IS
    'all changes of the whole history, as change_points of a detector has the newest; write ORDER BY at inside the parentheses';
COMMENT ON AGGREGATE change_points(double precision, timestamptz) IS
    'all changes of the whole history, as change_points of a detector has the newest; write ORDER BY at inside the parentheses';
COMMENT ON AGGREGATE change_points(double precision, timestamptz, double precision, interval) IS
    'all changes of the whole history, as change_points of a detector has the newest; write ORDER BY at inside the parentheses';

CREATE FUNCTION change_evidence(d detector, since timestamptz, "row" bigint) RETURNS double precision
    AS 'MODULE_PATHNAME', 'detector_row_evidence_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION change_evidence(detector, timestamptz, bigint) IS
    'natural logarithm of the Bayes factor for the change of change_points at this row, against none since that time; NULL if there is no such change';

CREATE FUNCTION recurring_changes(d detector) RETURNS bigint[]
    AS 'MODULE_PATHNAME', 'recurring_changes_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;

COMMENT ON FUNCTION recurring_changes(detector) IS
    'rows of those change_points that come alike at the same time of other days or weeks, lead between states that the series goes to and from, or are the opposite of one a week before';

CREATE FUNCTION change_excursions(d detector, since timestamptz, OUT "row" bigint, OUT first_row bigint, OUT back boolean) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'change_excursions_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 4;

COMMENT ON FUNCTION change_excursions(detector, timestamptz) IS
    'of the change_points since that time, those of level that are taken back by later ones, or take back: the row at which the series left its level, and whether they lead back to it';

CREATE FUNCTION fleet_discoveries(
    evidence double precision[], wanted boolean[], fdr double precision,
    OUT number integer, OUT probability double precision, OUT expected_false_share double precision
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'fleet_choice_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 10000;

COMMENT ON FUNCTION fleet_discoveries(double precision[], boolean[], double precision) IS
    'of many possible changes, the numbers of those to report of the wanted ones so that the expected share of false ones is at most fdr; 22023 unless 0 < fdr < 1';

DROP FUNCTION important_changes(text, timestamptz, double precision, integer);
CREATE FUNCTION series_query(query text, home name, OUT source text, OUT stored boolean, OUT weighted boolean) LANGUAGE plpgsql STABLE PARALLEL UNSAFE AS $$
-- The query is the caller's and so is its search_path. Everything else names PostgreSQL's own operators and functions.
DECLARE
    said pg_catalog.text;
BEGIN
    IF query IS NULL THEN
        RAISE EXCEPTION 'the query must not be null' USING
            ERRCODE = '22004', HINT = 'Give a query of series, at and value: SELECT customer AS series, created AS at, amount AS value FROM ....';
    ELSIF pg_catalog.octet_length(query) OPERATOR(pg_catalog.>) 1000000 THEN
        RAISE EXCEPTION 'the query is longer than 1 MB' USING ERRCODE = '54000', HINT = 'Put what it reads into a table or a view.';
    END IF;
    source := pg_catalog.rtrim(query, E'; \n\t');
    IF source OPERATOR(pg_catalog.=) '' THEN
        RAISE EXCEPTION 'the query is empty' USING
            ERRCODE = '22023', HINT = 'Give a query of series, at and value: SELECT customer AS series, created AS at, amount AS value FROM ....';
    END IF;
    -- By itself: what fails here is not about its columns.
    BEGIN
        EXECUTE pg_catalog.format(E'SELECT FROM (%s\n) AS q LIMIT 0', source);
    EXCEPTION WHEN syntax_error THEN
        GET STACKED DIAGNOSTICS said = MESSAGE_TEXT;
        RAISE EXCEPTION 'the query is not one SELECT' USING
            ERRCODE = '42601', DETAIL = pg_catalog.format('%s.', said), HINT = 'Run it by itself first.';
    END;
    BEGIN
        BEGIN
            EXECUTE pg_catalog.format(E'SELECT q.series::pg_catalog.text, COALESCE(q.detector, NULL::%I.detector) FROM (%s\n) AS q LIMIT 0', home, source);
            stored := true;
        EXCEPTION WHEN undefined_column OR datatype_mismatch OR cannot_coerce THEN
            EXECUTE pg_catalog.format(E'SELECT q.series::pg_catalog.text, q.at::pg_catalog.timestamptz, q.value::pg_catalog.float8 FROM (%s\n) AS q LIMIT 0', source);
            stored := false;
        END;
        BEGIN
            EXECUTE pg_catalog.format(E'SELECT q.weight::pg_catalog.float8 FROM (%s\n) AS q LIMIT 0', source);
            weighted := true;
        EXCEPTION WHEN undefined_column THEN
            weighted := false;
        END;
    EXCEPTION
        WHEN undefined_column THEN
            GET STACKED DIAGNOSTICS said = MESSAGE_TEXT;
            RAISE EXCEPTION 'the query must have the columns series, at and value' USING
                ERRCODE = '42703', DETAIL = pg_catalog.format('%s.', said),
                HINT = 'Name them in the query: SELECT customer AS series, created AS at, amount AS value FROM ...; a column weight is optional.';
        WHEN cannot_coerce THEN
            GET STACKED DIAGNOSTICS said = MESSAGE_TEXT;
            RAISE EXCEPTION 'the columns of the query do not have the right types' USING
                ERRCODE = '42804', DETAIL = pg_catalog.format('%s.', said),
                HINT = 'The column at is a timestamptz, value and weight are numbers: cast them in the query, as in to_timestamp(at) AS at and value::int AS value.';
    END;
END $$;

COMMENT ON FUNCTION series_query(text, name) IS
    'the query without its semicolon, and whether it has the columns detector and weight; an error unless it is one SELECT of either series, at and value or series and detector';

CREATE FUNCTION important_changes(
    query text, since timestamptz DEFAULT '-infinity', fdr double precision DEFAULT 0.05, top integer DEFAULT 20,
    per_series integer DEFAULT 3, direction text DEFAULT 'both', min_effect double precision DEFAULT 0, min_percent double precision DEFAULT 0,
    sensitivity double precision DEFAULT NULL, period interval DEFAULT NULL, separator text DEFAULT '/'
) RETURNS TABLE (
    series text, at timestamptz, first_alerted_at timestamptz, ended_at timestamptz, kind text, probability double precision,
    before double precision, after double precision, difference double precision, difference_low double precision,
    difference_high double precision, effect_sd double precision, importance double precision, slices text[],
    slice_effects double precision[], expected_false_share double precision, explanation text
) LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000 ROWS 20 SET jit = off AS $$
-- Without jit, as compiling the plan would take longer than running it. The query is the caller's and so is its search_path. Everything
-- else names PostgreSQL's own operators and functions, and those of the extension with exactly the types that they are declared with: nothing that others have made can fit better.
DECLARE
    here pg_catalog.name := (SELECT n.nspname FROM pg_catalog.pg_extension e, pg_catalog.pg_namespace n
        WHERE e.extname OPERATOR(pg_catalog.=) 'pg_tally' AND n.oid OPERATOR(pg_catalog.=) e.extnamespace);
    source pg_catalog.text;
    stored pg_catalog.bool;
    weighted pg_catalog.bool;
    watched pg_catalog.text;
    said pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
BEGIN
    IF query IS NULL OR since IS NULL OR fdr IS NULL OR direction IS NULL OR min_effect IS NULL OR min_percent IS NULL THEN
        RAISE EXCEPTION 'query, since, fdr, direction, min_effect and min_percent must not be null' USING
            ERRCODE = '22004', HINT = 'Leave out what you do not need: the default is all changes of all times at 5 %.';
    ELSIF NOT (fdr OPERATOR(pg_catalog.>) 0 AND fdr OPERATOR(pg_catalog.<) 1) THEN
        RAISE EXCEPTION 'false discovery rate must be between 0 and 1: %', fdr USING ERRCODE = '22023', HINT = 'Write 5 % as 0.05.';
    ELSIF top OPERATOR(pg_catalog.<) 0 OR per_series OPERATOR(pg_catalog.<) 0 THEN
        RAISE EXCEPTION 'top and per_series must not be negative' USING
            ERRCODE = '22023', HINT = 'Give the number of changes to report, or NULL for all.';
    ELSIF direction OPERATOR(pg_catalog.<>) ALL ('{both,up,down}'::pg_catalog.text[]) THEN
        RAISE EXCEPTION 'unrecognized direction: "%"', pg_catalog.left(direction, 100) USING ERRCODE = '22023', HINT = 'Directions are up, down and both.';
    ELSIF NOT (min_effect OPERATOR(pg_catalog.>=) 0 AND min_percent OPERATOR(pg_catalog.>=) 0) THEN
        RAISE EXCEPTION 'min_effect and min_percent must not be negative' USING
            ERRCODE = '22023', HINT = 'Give sizes without a sign; direction chooses between rises and falls.';
    END IF;
    BEGIN
        EXECUTE pg_catalog.format('SELECT * FROM %I.series_query($1, $2)', here) INTO source, stored, weighted USING query, here;
        IF stored AND (sensitivity IS NOT NULL OR period IS NOT NULL) THEN
            RAISE EXCEPTION 'stored detectors have their own sensitivity and period' USING
                ERRCODE = '22023', HINT = 'Give these to detector_for() when a detector is begun.';
        END IF;
        -- One sorted pass over rows: only one series is in memory at a time. Rows of the same time are taken in the order of their values.
        watched := CASE WHEN NOT stored THEN
            $rows$SELECT q.series::pg_catalog.text AS series, pg_catalog.max((%2$s)::pg_catalog.float8) AS weight,
                %1$I.detect(q.value::pg_catalog.float8, q.at::pg_catalog.timestamptz, $5, $6
                    ORDER BY q.at::pg_catalog.timestamptz, q.value::pg_catalog.float8) AS d
            FROM q WHERE pg_catalog.isfinite(q.at::pg_catalog.timestamptz) GROUP BY q.series::pg_catalog.text$rows$
        ELSE
            $stored$SELECT q.series::pg_catalog.text AS series, (%2$s)::pg_catalog.float8 AS weight, q.detector AS d FROM q
            WHERE q.detector IS NOT NULL$stored$
        END;
        watched := pg_catalog.format(watched, here, CASE WHEN weighted THEN 'q.weight' ELSE 'NULL' END);
        -- The query on its own, so that it may be of tables that others distribute.
        RETURN QUERY EXECUTE pg_catalog.format($query$
            WITH q AS MATERIALIZED (
                %2$s
            ), watched AS (
                SELECT pg_catalog.row_number() OVER () AS which, s.series, %1$I.fleet_weight(s.series, COALESCE(s.weight, 1)) AS weight, s.d,
                    %1$I.recurring_changes(s.d) AS recurring
                FROM (%3$s) s
            ), detected AS MATERIALIZED (
                -- All changes of all series, and a row without a change for each of the others.
                SELECT pg_catalog.row_number() OVER () AS number, s.which, s.series, s.weight, c.*,
                    CASE WHEN c."row" IS NULL THEN %1$I.change_evidence(s.d, $2) ELSE %1$I.change_evidence(s.d, $2, c."row") END AS evidence,
                    c."row" OPERATOR(pg_catalog.=) ANY (s.recurring) AS recurs
                FROM watched s LEFT JOIN LATERAL (
                    SELECT c.*, x.first_row, x.back
                    FROM %1$I.change_points(s.d) c LEFT JOIN %1$I.change_excursions(s.d, $2) x ON x."row" OPERATOR(pg_catalog.=) c."row"
                    WHERE c.kind OPERATOR(pg_catalog.=) ANY ('{level,slope,variance}'::pg_catalog.text[])
                        AND COALESCE(c.at OPERATOR(pg_catalog.>=) $2, $2 OPERATOR(pg_catalog.=) '-infinity'::pg_catalog.timestamptz)
                ) c ON true
            ), chosen AS (
                SELECT f.number::pg_catalog.int8 AS number, f.probability, f.expected_false_share
                FROM (
                    -- What recurs is no evidence that anything happened.
                    SELECT pg_catalog.array_agg(CASE WHEN d.recurs THEN NULL ELSE d.evidence END ORDER BY d.number) AS evidence,
                        pg_catalog.array_agg(d.kind IS NOT NULL AND NOT d.recurs
                            AND ($7 OPERATOR(pg_catalog.=) 'both'
                                OR (d.difference OPERATOR(pg_catalog.>) 0::pg_catalog.float8) OPERATOR(pg_catalog.=) ($7 OPERATOR(pg_catalog.=) 'up'))
                            AND pg_catalog.abs(d.effect_sd) OPERATOR(pg_catalog.>=) $8
                            AND (100 OPERATOR(pg_catalog.*) pg_catalog.abs(d.difference::pg_catalog.numeric))
                                OPERATOR(pg_catalog.>=) ($9::pg_catalog.numeric OPERATOR(pg_catalog.*) pg_catalog.abs(d.before::pg_catalog.numeric))
                            ORDER BY d.number) AS wanted
                    FROM detected d
                ) e, %1$I.fleet_discoveries(e.evidence, e.wanted, $3) f
            ), found AS MATERIALIZED (
                -- A change that leads back is told with those that it takes back.
                SELECT * FROM (
                    SELECT l.*, CASE WHEN NOT l.back THEN pg_catalog.max(l.at) OVER excursion END AS ended_at,
                        l.back AND pg_catalog.bool_or(NOT l.back AND l.posterior IS NOT NULL) OVER excursion AS told,
                        l.posterior OPERATOR(pg_catalog.*) LEAST(pg_catalog.abs(l.effect_sd), 100::pg_catalog.float8)
                            OPERATOR(pg_catalog.*) l.weight AS importance,
                        -- It came after the row before: a slice may have more frequent rows than its parent.
                        pg_catalog.tstzrange(l.at OPERATOR(pg_catalog.-) CASE WHEN l.first_alerted_row OPERATOR(pg_catalog.>) l."row"
                            THEN (l.first_alerted_at OPERATOR(pg_catalog.-) l.at)
                                OPERATOR(pg_catalog./) (l.first_alerted_row OPERATOR(pg_catalog.-) l."row")::pg_catalog.float8
                            ELSE '0'::pg_catalog.interval END, COALESCE(l.first_alerted_at, l.at), '[]') AS seen,
                        CASE WHEN $10 OPERATOR(pg_catalog.<>) '' THEN pg_catalog.string_to_array(l.series, $10) END AS path
                    FROM (
                        SELECT d.*, f.probability AS posterior, f.expected_false_share
                        FROM detected d LEFT JOIN chosen f ON f.number OPERATOR(pg_catalog.=) d.number
                        WHERE d.kind IS NOT NULL
                    ) l
                    WINDOW excursion AS (PARTITION BY l.which, l.first_row)
                ) l
                WHERE l.posterior IS NOT NULL
            ), above AS MATERIALIZED (
                -- The names of which a series may be a slice: its own without some neighbouring parts.
                SELECT f.number, f.seen, f.difference,
                    pg_catalog.array_to_string(f.path[:head] OPERATOR(pg_catalog.||) f.path[tail:], $10) AS parent
                FROM found f CROSS JOIN LATERAL pg_catalog.generate_series(0, pg_catalog.cardinality(f.path)) head
                    CROSS JOIN LATERAL pg_catalog.generate_series(head OPERATOR(pg_catalog.+) 2, pg_catalog.cardinality(f.path) OPERATOR(pg_catalog.+) 1) tail
                WHERE pg_catalog.cardinality(f.path) OPERATOR(pg_catalog.<=) 32 AND pg_catalog.cardinality(f.path) OPERATOR(pg_catalog.>) 1
            ), sliced AS MATERIALIZED (
                -- A slice is told with its parent if both changed in the same direction at the same time.
                SELECT DISTINCT s.number AS slice, p.number AS parent FROM above s JOIN found p ON p.series OPERATOR(pg_catalog.=) s.parent
                WHERE p.seen OPERATOR(pg_catalog.&&) s.seen AND pg_catalog.sign(p.difference) OPERATOR(pg_catalog.=) pg_catalog.sign(s.difference)
                    AND p.number OPERATOR(pg_catalog.<>) s.number
            ), folded AS MATERIALIZED (
                -- So is a total of another dimension, if all its slices are also those of a more important parent.
                SELECT l.slice, l.parent FROM sliced l
                UNION
                SELECT o.parent, p.parent
                FROM sliced o JOIN sliced p ON p.slice OPERATOR(pg_catalog.=) o.slice AND p.parent OPERATOR(pg_catalog.<>) o.parent
                    JOIN found f ON f.number OPERATOR(pg_catalog.=) o.parent JOIN found g ON g.number OPERATOR(pg_catalog.=) p.parent
                    JOIN (SELECT l.parent, pg_catalog.count(*) AS slices FROM sliced l GROUP BY l.parent) c ON c.parent OPERATOR(pg_catalog.=) o.parent
                WHERE g.importance OPERATOR(pg_catalog.>) f.importance
                    OR g.importance OPERATOR(pg_catalog.=) f.importance AND g.number OPERATOR(pg_catalog.<) f.number
                GROUP BY o.parent, p.parent, c.slices HAVING pg_catalog.count(*) OPERATOR(pg_catalog.=) c.slices
            ), reported AS MATERIALIZED (
                SELECT r.*
                FROM (
                    SELECT f.*, pg_catalog.row_number() OVER (PARTITION BY f.which ORDER BY f.importance DESC NULLS LAST, f.at) AS place
                    FROM found f
                    WHERE f.told IS NOT TRUE AND NOT EXISTS (SELECT FROM folded l WHERE l.slice OPERATOR(pg_catalog.=) f.number)
                ) r
                WHERE COALESCE(r.place OPERATOR(pg_catalog.<=) $11, true)
                ORDER BY r.importance DESC NULLS LAST, r.series, r.at LIMIT $4
            ), named AS (
                SELECT l.parent, pg_catalog.array_agg(s.series ORDER BY s.importance DESC NULLS LAST, s.series) AS slices,
                    pg_catalog.array_agg(s.effect_sd ORDER BY s.importance DESC NULLS LAST, s.series) AS effects
                FROM reported r JOIN folded l ON l.parent OPERATOR(pg_catalog.=) r.number JOIN found s ON s.number OPERATOR(pg_catalog.=) l.slice
                GROUP BY l.parent
            )
            SELECT r.series, r.at, r.first_alerted_at, r.ended_at, r.kind, r.posterior, r.before, r.after, r.difference, r.difference_low,
                r.difference_high, r.effect_sd, r.importance, COALESCE(n.slices, '{}'::pg_catalog.text[]),
                COALESCE(n.effects, '{}'::pg_catalog.float8[]), r.expected_false_share,
                pg_catalog.concat(COALESCE(r.series, '(no series)'), ' ', pg_catalog.regexp_replace(r.explanation, '; probability .*', ''),
                    CASE WHEN r.posterior OPERATOR(pg_catalog.<) 0.9995::pg_catalog.float8
                        THEN pg_catalog.format('; probability %%s', pg_catalog.round(r.posterior::pg_catalog.numeric, 3)) END,
                    CASE WHEN r.ended_at IS NOT NULL
                        THEN pg_catalog.format('; back after %%s', pg_catalog.justify_hours(r.ended_at OPERATOR(pg_catalog.-) r.at)) END)
            FROM reported r LEFT JOIN named n ON n.parent OPERATOR(pg_catalog.=) r.number
            ORDER BY r.importance DESC NULLS LAST, r.series, r.at
        $query$, here, source, watched) USING query, since, fdr, top, sensitivity, period, direction, min_effect, min_percent, separator, per_series;
    EXCEPTION WHEN OTHERS THEN
        -- The same error, without the lines above as its context.
        GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
        hint := CASE WHEN hint OPERATOR(pg_catalog.=) '' THEN 'Run the query by itself; series is read as a text, at as a timestamptz, value and weight as numbers.' ELSE hint END;
        IF detail OPERATOR(pg_catalog.=) '' THEN
            RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = said, HINT = hint;
        END IF;
        RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = said, DETAIL = detail, HINT = hint;
    END;
END $$;

COMMENT ON FUNCTION important_changes(
    text, timestamptz, double precision, integer, integer, text, double precision, double precision, double precision, interval, text
) IS
    'what changed across the series of a query (series, at, value [, weight]) or its detectors (series, detector [, weight]), most important first, with a controlled share of false alarms; 42703 if a column is missing';

CREATE FUNCTION surprising_episodes(
    query text, threshold double precision DEFAULT 4, gap interval DEFAULT '1 hour',
    sensitivity double precision DEFAULT NULL, period interval DEFAULT NULL
) RETURNS TABLE (
    series text, first_at timestamptz, peak_at timestamptz, last_at timestamptz, num_rows bigint, value double precision, surprise double precision
) LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000 ROWS 20 SET jit = off AS $$
-- The query is the caller's and so is its search_path, as in important_changes.
DECLARE
    here pg_catalog.name := (SELECT n.nspname FROM pg_catalog.pg_extension e, pg_catalog.pg_namespace n
        WHERE e.extname OPERATOR(pg_catalog.=) 'pg_tally' AND n.oid OPERATOR(pg_catalog.=) e.extnamespace);
    source pg_catalog.text;
    stored pg_catalog.bool;
    said pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
BEGIN
    IF threshold IS NULL OR gap IS NULL THEN
        RAISE EXCEPTION 'threshold and gap must not be null' USING ERRCODE = '22004', HINT = 'Leave them out for a surprise of 4 and an hour.';
    END IF;
    BEGIN
        EXECUTE pg_catalog.format('SELECT * FROM %I.series_query($1, $2)', here) INTO source, stored USING query, here;
        IF stored THEN
            RAISE EXCEPTION 'episodes need rows' USING
                ERRCODE = '22023', DETAIL = 'A detector keeps only its last surprises.', HINT = 'Give a query of series, at and value.';
        END IF;
        RETURN QUERY EXECUTE pg_catalog.format($query$
            WITH q AS MATERIALIZED (
                %2$s
            ), judged AS (
                SELECT r.*, %1$I.surprise(r.value, r.at, $4, $5) OVER (PARTITION BY r.series ORDER BY r.at, r.value ROWS UNBOUNDED PRECEDING) AS surprise
                FROM (SELECT q.series::pg_catalog.text AS series, q.at::pg_catalog.timestamptz AS at, q.value::pg_catalog.float8 AS value FROM q) r
                WHERE pg_catalog.isfinite(r.at)
            ), alerts AS (
                SELECT j.*, COALESCE(j.at OPERATOR(pg_catalog.-) pg_catalog.lag(j.at) OVER before OPERATOR(pg_catalog.>) $3, true) AS begins
                FROM judged j WHERE j.surprise OPERATOR(pg_catalog.>=) $2
                WINDOW before AS (PARTITION BY j.series ORDER BY j.at)
            ), numbered AS (
                SELECT a.*, pg_catalog.count(*) FILTER (WHERE a.begins) OVER (PARTITION BY a.series ORDER BY a.at ROWS UNBOUNDED PRECEDING) AS episode
                FROM alerts a
            )
            SELECT n.series, pg_catalog.min(n.at), (pg_catalog.array_agg(n.at ORDER BY n.surprise DESC, n.at))[1], pg_catalog.max(n.at), pg_catalog.count(*),
                (pg_catalog.array_agg(n.value ORDER BY n.surprise DESC, n.at))[1], pg_catalog.max(n.surprise)
            FROM numbered n GROUP BY n.series, n.episode ORDER BY 2, 1
        $query$, here, source) USING query, threshold, gap, sensitivity, period;
    EXCEPTION WHEN OTHERS THEN
        -- The same error, without the lines above as its context.
        GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
        hint := CASE WHEN hint OPERATOR(pg_catalog.=) '' THEN 'Run the query by itself; series is read as a text, at as a timestamptz, value and weight as numbers.' ELSE hint END;
        IF detail OPERATOR(pg_catalog.=) '' THEN
            RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = said, HINT = hint;
        END IF;
        RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = said, DETAIL = detail, HINT = hint;
    END;
END $$;

COMMENT ON FUNCTION surprising_episodes(text, double precision, interval, double precision, interval) IS
    'stretches of surprising rows of the series of a query (series, at, value): first, most surprising and last row of each, how many, and the value and surprise of its peak';

-- The types ---------------------------------------------------------------------------------------------------

CREATE FUNCTION detector_eq(detector, detector) RETURNS boolean
    AS 'byteaeq' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION detector_ne(detector, detector) RETURNS boolean
    AS 'byteane' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION detector_hash(detector) RETURNS integer
    AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION detector_hash_extended(detector, bigint) RETURNS bigint
    AS 'hashvarlenaextended' LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION detector_eq(detector, detector) IS 'implementation of = operator';
COMMENT ON FUNCTION detector_ne(detector, detector) IS 'implementation of <> operator';
COMMENT ON FUNCTION detector_hash(detector) IS 'hash';
COMMENT ON FUNCTION detector_hash_extended(detector, bigint) IS 'hash';

CREATE OPERATOR = (
    LEFTARG = detector, RIGHTARG = detector, FUNCTION = detector_eq, COMMUTATOR = =, NEGATOR = <>,
    RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel, HASHES
);
CREATE OPERATOR <> (
    LEFTARG = detector, RIGHTARG = detector, FUNCTION = detector_ne, COMMUTATOR = <>, NEGATOR = =,
    RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);

COMMENT ON OPERATOR = (detector, detector) IS 'the same state, bit for bit: any rows to come are judged alike';
COMMENT ON OPERATOR <> (detector, detector) IS 'another state';

CREATE OPERATOR CLASS detector_ops DEFAULT FOR TYPE detector USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 detector_hash(detector),
    FUNCTION 2 detector_hash_extended(detector, bigint);

COMMENT ON OPERATOR CLASS detector_ops USING hash IS 'equality of detectors';
COMMENT ON OPERATOR FAMILY detector_ops USING hash IS 'equality of detectors';

CREATE FUNCTION summary(detector) RETURNS text
    AS 'MODULE_PATHNAME', 'detector_summary_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION summary(tally) RETURNS text
    AS 'MODULE_PATHNAME', 'tally_summary_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION summary(detector) IS 'rows, level, noise, slope where there is one, and rows since the last change, to read';
COMMENT ON FUNCTION summary(tally) IS 'count, mean, standard deviation and range, to read';
COMMENT ON FUNCTION detector_in(cstring) IS 'text input, \x and hexadecimal digits; 22P02 if the value is damaged, 0A000 if a later version wrote it';
COMMENT ON FUNCTION detector_recv(internal) IS 'binary input; 22P03 if the value is damaged, 0A000 if a later version wrote it';

-- Commands of all kinds may change the table of a power tree.
ALTER EXTENSION pg_tally DROP EVENT TRIGGER powertree_before_ddl;
DROP EVENT TRIGGER powertree_before_ddl;
CREATE EVENT TRIGGER powertree_before_ddl ON ddl_command_start EXECUTE FUNCTION powertree_before_ddl();
COMMENT ON EVENT TRIGGER powertree_before_ddl IS 'refuses what power trees cannot follow';
ALTER EVENT TRIGGER powertree_before_ddl ENABLE ALWAYS;
ALTER EXTENSION pg_tally DROP EVENT TRIGGER powertree_on_ddl;
DROP EVENT TRIGGER powertree_on_ddl;
CREATE EVENT TRIGGER powertree_on_ddl ON ddl_command_end EXECUTE FUNCTION powertree_on_ddl();
COMMENT ON EVENT TRIGGER powertree_on_ddl IS 'keeps power trees in step with changes of their tables';
ALTER EVENT TRIGGER powertree_on_ddl ENABLE ALWAYS;

-- Keys of series may be of any length.
ALTER TABLE powertree_log ALTER key SET STORAGE EXTENDED, RESET (toast.autovacuum_enabled);
-- No tree is no tree to rebuild or drop.
ALTER FUNCTION powertree_rebuild(text) CALLED ON NULL INPUT;
ALTER FUNCTION powertree_drop(text) CALLED ON NULL INPUT;

-- Operators, order and json of the types -----------------------------------------------------------------------

CREATE FUNCTION tally_result(tally) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_result_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sem(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_sem_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cv(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_cv_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION zscore(t tally, x double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_zscore_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_unobserve(tally, double precision) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_unobserve_float8_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_unobserve(tally, bigint) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_unobserve_int8_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_unobserve(tally, numeric) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_unobserve_numeric_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_observed(double precision, tally) RETURNS tally
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN tally_observe($2, $1);
CREATE FUNCTION tally_observed(bigint, tally) RETURNS tally
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN tally_observe($2, $1);
CREATE FUNCTION tally_observed(numeric, tally) RETURNS tally
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN tally_observe($2, $1);
CREATE FUNCTION tally_lt(tally, tally) RETURNS boolean
    AS 'MODULE_PATHNAME', 'tally_lt_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_le(tally, tally) RETURNS boolean
    AS 'MODULE_PATHNAME', 'tally_le_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_ge(tally, tally) RETURNS boolean
    AS 'MODULE_PATHNAME', 'tally_ge_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_gt(tally, tally) RETURNS boolean
    AS 'MODULE_PATHNAME', 'tally_gt_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_cmp(tally, tally) RETURNS integer
    AS 'MODULE_PATHNAME', 'tally_cmp_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tally_result(tally) IS 'result of the aggregate tally: the same tally, in bytes that do not depend on the order of the rows where its sums are exact';
COMMENT ON FUNCTION sem(tally) IS 'standard error of the mean, stddev / sqrt(num_vals); NULL below two values';
COMMENT ON FUNCTION cv(tally) IS 'coefficient of variation, stddev / abs(avg); NULL below two values, or if the mean is 0';
COMMENT ON FUNCTION zscore(tally, double precision) IS 'how many standard deviations a value is above the mean; NULL below two values, or if all are the same';
COMMENT ON FUNCTION tally_unobserve(tally, double precision) IS 'implementation of - operator';
COMMENT ON FUNCTION tally_unobserve(tally, bigint) IS 'implementation of - operator';
COMMENT ON FUNCTION tally_unobserve(tally, numeric) IS 'implementation of - operator';
COMMENT ON FUNCTION tally_observed(double precision, tally) IS 'implementation of + operator';
COMMENT ON FUNCTION tally_observed(bigint, tally) IS 'implementation of + operator';
COMMENT ON FUNCTION tally_observed(numeric, tally) IS 'implementation of + operator';
COMMENT ON FUNCTION tally_lt(tally, tally) IS 'implementation of < operator';
COMMENT ON FUNCTION tally_le(tally, tally) IS 'implementation of <= operator';
COMMENT ON FUNCTION tally_ge(tally, tally) IS 'implementation of >= operator';
COMMENT ON FUNCTION tally_gt(tally, tally) IS 'implementation of > operator';
COMMENT ON FUNCTION tally_cmp(tally, tally) IS 'less, equal or greater, in the order of <';

CREATE OR REPLACE AGGREGATE tally(double precision) (
    SFUNC = tally_observe, STYPE = tally, INITCOND = '(0,,,,)', FINALFUNC = tally_result, COMBINEFUNC = tally_merge, PARALLEL = safe,
    MSFUNC = tally_push, MINVFUNC = tally_pop, MSTYPE = internal, MFINALFUNC = tally_report_float8
);
CREATE OR REPLACE AGGREGATE tally(bigint) (
    SFUNC = tally_observe, STYPE = tally, INITCOND = '(0,,,,)', FINALFUNC = tally_result, COMBINEFUNC = tally_merge, PARALLEL = safe,
    MSFUNC = tally_push, MINVFUNC = tally_pop, MSTYPE = internal, MFINALFUNC = tally_report_int8
);
CREATE OR REPLACE AGGREGATE tally(numeric) (
    SFUNC = tally_observe, STYPE = tally, INITCOND = '(0,,,,)', FINALFUNC = tally_result, COMBINEFUNC = tally_merge, PARALLEL = safe,
    MSFUNC = tally_push, MINVFUNC = tally_pop, MSTYPE = internal, MFINALFUNC = tally_report_numeric
);
CREATE OR REPLACE AGGREGATE tally(tally) (
    SFUNC = tally_merge, STYPE = tally, INITCOND = '(0,,,,)', FINALFUNC = tally_result, COMBINEFUNC = tally_merge, PARALLEL = safe,
    MSFUNC = tally_push, MINVFUNC = tally_pop, MSTYPE = internal, MFINALFUNC = tally_report
);

CREATE OPERATOR + (LEFTARG = double precision, RIGHTARG = tally, FUNCTION = tally_observed, COMMUTATOR = +);
CREATE OPERATOR + (LEFTARG = bigint, RIGHTARG = tally, FUNCTION = tally_observed, COMMUTATOR = +);
CREATE OPERATOR + (LEFTARG = numeric, RIGHTARG = tally, FUNCTION = tally_observed, COMMUTATOR = +);
CREATE OPERATOR - (LEFTARG = tally, RIGHTARG = double precision, FUNCTION = tally_unobserve);
CREATE OPERATOR - (LEFTARG = tally, RIGHTARG = bigint, FUNCTION = tally_unobserve);
CREATE OPERATOR - (LEFTARG = tally, RIGHTARG = numeric, FUNCTION = tally_unobserve);
CREATE OPERATOR < (
    LEFTARG = tally, RIGHTARG = tally, FUNCTION = tally_lt, COMMUTATOR = >, NEGATOR = >=,
    RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
CREATE OPERATOR <= (
    LEFTARG = tally, RIGHTARG = tally, FUNCTION = tally_le, COMMUTATOR = >=, NEGATOR = >,
    RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
CREATE OPERATOR >= (
    LEFTARG = tally, RIGHTARG = tally, FUNCTION = tally_ge, COMMUTATOR = <=, NEGATOR = <,
    RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
CREATE OPERATOR > (
    LEFTARG = tally, RIGHTARG = tally, FUNCTION = tally_gt, COMMUTATOR = <, NEGATOR = <=,
    RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
-- No command before PostgreSQL 17 says it of an operator that exists.
UPDATE pg_catalog.pg_operator SET oprcanmerge = true WHERE oid OPERATOR(pg_catalog.=) '=(tally,tally)'::pg_catalog.regoperator;
COMMENT ON OPERATOR + (double precision, tally) IS 'add one value';
COMMENT ON OPERATOR + (bigint, tally) IS 'add one value';
COMMENT ON OPERATOR + (numeric, tally) IS 'add one value';
COMMENT ON OPERATOR - (tally, double precision) IS 'take one value away; 22003 if it is not among them';
COMMENT ON OPERATOR - (tally, bigint) IS 'take one value away; 22003 if it is not among them';
COMMENT ON OPERATOR - (tally, numeric) IS 'take one value away; 22003 if it is not among them';
COMMENT ON OPERATOR < (tally, tally) IS 'fewer values, or as many and a lesser mean, M2, sum, minimum or maximum';
COMMENT ON OPERATOR <= (tally, tally) IS 'before in the order of <, or equal';
COMMENT ON OPERATOR >= (tally, tally) IS 'after in the order of <, or equal';
COMMENT ON OPERATOR > (tally, tally) IS 'after in the order of <';
CREATE OPERATOR CLASS tally_ops DEFAULT FOR TYPE tally USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 tally_cmp(tally, tally);
COMMENT ON OPERATOR CLASS tally_ops USING btree IS 'order of tallies: by the number of values, then by mean, M2, sum, minimum and maximum';
COMMENT ON OPERATOR FAMILY tally_ops USING btree IS 'order of tallies: by the number of values, then by mean, M2, sum, minimum and maximum';

-- tally_to_json gives json now, not text; tally_to_jsonb stands aside for a moment.
CREATE OR REPLACE FUNCTION tally_to_jsonb(t tally) RETURNS jsonb
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN NULL::jsonb;
DROP FUNCTION tally_to_json(tally);
CREATE FUNCTION tally_to_json(tally) RETURNS json
    AS 'MODULE_PATHNAME', 'tally_to_json_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE OR REPLACE FUNCTION tally_to_jsonb(t tally) RETURNS jsonb
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN tally_to_json(t)::jsonb;
CREATE CAST (tally AS json) WITH FUNCTION tally_to_json(tally);
CREATE CAST (json AS tally) WITH INOUT;
COMMENT ON FUNCTION tally_to_json(tally) IS 'an object of num_vals, avg, m2, min, max and the fields that restore it exactly';
COMMENT ON CAST (tally AS json) IS 'an object of num_vals, avg, m2, min, max and the fields that restore it exactly';
COMMENT ON CAST (json AS tally) IS '22P02 if no values have such a tally';

CREATE FUNCTION detector_to_json(detector) RETURNS json
    AS 'MODULE_PATHNAME', 'detector_to_json_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION detector_to_jsonb(d detector) RETURNS jsonb
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN detector_to_json(d)::jsonb;
CREATE CAST (detector AS json) WITH FUNCTION detector_to_json(detector);
CREATE CAST (detector AS jsonb) WITH FUNCTION detector_to_jsonb(detector);
COMMENT ON FUNCTION detector_to_json(detector) IS 'an object of num_rows, level, slope, noise, run_length, surprise and change_probability';
COMMENT ON FUNCTION detector_to_jsonb(detector) IS 'an object of num_rows, level, slope, noise, run_length, surprise and change_probability';
COMMENT ON CAST (detector AS json) IS 'an object of num_rows, level, slope, noise, run_length, surprise and change_probability; to keep a detector use its text';
COMMENT ON CAST (detector AS jsonb) IS 'an object of num_rows, level, slope, noise, run_length, surprise and change_probability; to keep a detector use its text';

-- Comments in the words of this version.
COMMENT ON FUNCTION tally_to_jsonb(tally) IS 'an object of num_vals, avg, m2, min, max and the fields that restore it exactly';
COMMENT ON CAST (tally AS jsonb) IS 'an object of num_vals, avg, m2, min, max and the fields that restore it exactly';
COMMENT ON FUNCTION powertree_skip() IS 'trigger: drops rows that replication brings into the tables of power trees';
COMMENT ON TABLE powertree_definition IS 'the definition of each power tree; the leaf in microseconds, days or units of its position';
COMMENT ON TABLE powertree_span IS 'leaves whose rows are read from the base table until the next compaction, and the transaction without which a snapshot must not use the tree';
COMMENT ON TABLE powertree_log IS 'changes of leaves since the last compaction: packed tallies to add, NULL if the leaf must be recomputed';
COMMENT ON FUNCTION powertree_capture() IS 'trigger: appends the changes of a statement to the log of a power tree';
COMMENT ON FUNCTION powertree_leaf(timestamptz, bigint) IS 'the leaf of a position, for leaves of this many microseconds';
COMMENT ON FUNCTION powertree_leaf(timestamp, bigint) IS 'the leaf of a position, for leaves of this many microseconds';
COMMENT ON FUNCTION powertree_leaf(date, bigint) IS 'the leaf of a position, for leaves of this many days';
COMMENT ON FUNCTION powertree_rebuild(text) IS 'installs the triggers of a power tree again and marks all of it to be recomputed';
COMMENT ON FUNCTION powertree_drop(text) IS 'drops a power tree, its triggers and its stored data';
COMMENT ON FUNCTION powertree_on_rewrite() IS 'event trigger: the rows of a table of a power tree may be rewritten';
COMMENT ON TYPE detector IS 'the state of a series, updated row by row: its segments, noise and outliers; at most 2 kB';
