\echo Use "CREATE EXTENSION pg_tally" to load this file. \quit
-- The type ---------------------------------------------------------------------------------------------------

CREATE TYPE tally;

CREATE FUNCTION tally_in(cstring) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_in_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_out(tally) RETURNS cstring
    AS 'MODULE_PATHNAME', 'tally_out_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_recv(internal) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_recv_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_send(tally) RETURNS bytea
    AS 'MODULE_PATHNAME', 'tally_send_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE tally (
    INPUT = tally_in, OUTPUT = tally_out, RECEIVE = tally_recv, SEND = tally_send,
    INTERNALLENGTH = 80, ALIGNMENT = double, STORAGE = plain
);

COMMENT ON TYPE tally IS 'count, mean, M2, minimum and maximum of a set of numbers; mergeable';
COMMENT ON FUNCTION tally_in(cstring) IS 'text input; 22P02 if no values have such a tally';
COMMENT ON FUNCTION tally_out(tally) IS 'text output; reads back bit for bit';
COMMENT ON FUNCTION tally_recv(internal) IS 'binary input; 22P03 if no values have such a tally';
COMMENT ON FUNCTION tally_send(tally) IS 'binary output: a version byte and ten big-endian words';

-- Aggregates -------------------------------------------------------------------------------------------------

CREATE FUNCTION tally_observe(tally, double precision) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_observe_float8_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_observe(tally, bigint) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_observe_int8_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_observe(tally, numeric) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_observe_numeric_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_merge(tally, tally) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_merge_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION tally_observe(tally, double precision) IS 'implementation of + operator';
COMMENT ON FUNCTION tally_observe(tally, bigint) IS 'implementation of + operator';
COMMENT ON FUNCTION tally_observe(tally, numeric) IS 'implementation of + operator';
COMMENT ON FUNCTION tally_merge(tally, tally) IS 'implementation of + operator';

-- Where the start of a window's frame moves: a queue of the frame's rows, which never subtracts.
CREATE FUNCTION tally_push(internal, double precision) RETURNS internal
    AS 'MODULE_PATHNAME', 'tally_push_float8_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tally_pop(internal, double precision) RETURNS internal
    AS 'MODULE_PATHNAME', 'tally_pop_float8_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tally_push(internal, bigint) RETURNS internal
    AS 'MODULE_PATHNAME', 'tally_push_int8_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tally_pop(internal, bigint) RETURNS internal
    AS 'MODULE_PATHNAME', 'tally_pop_int8_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tally_push(internal, numeric) RETURNS internal
    AS 'MODULE_PATHNAME', 'tally_push_numeric_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tally_pop(internal, numeric) RETURNS internal
    AS 'MODULE_PATHNAME', 'tally_pop_numeric_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tally_push(internal, tally) RETURNS internal
    AS 'MODULE_PATHNAME', 'tally_push_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tally_pop(internal, tally) RETURNS internal
    AS 'MODULE_PATHNAME', 'tally_pop_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tally_report_float8(internal) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_report_float8_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tally_report_int8(internal) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_report_int8_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tally_report_numeric(internal) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_report_numeric_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION tally_report(internal) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_report_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION tally_push(internal, double precision) IS 'moving transition of the aggregate tally';
COMMENT ON FUNCTION tally_pop(internal, double precision) IS 'moving inverse transition of the aggregate tally';
COMMENT ON FUNCTION tally_push(internal, bigint) IS 'moving transition of the aggregate tally';
COMMENT ON FUNCTION tally_pop(internal, bigint) IS 'moving inverse transition of the aggregate tally';
COMMENT ON FUNCTION tally_push(internal, numeric) IS 'moving transition of the aggregate tally';
COMMENT ON FUNCTION tally_pop(internal, numeric) IS 'moving inverse transition of the aggregate tally';
COMMENT ON FUNCTION tally_push(internal, tally) IS 'moving transition of the aggregate tally';
COMMENT ON FUNCTION tally_pop(internal, tally) IS 'moving inverse transition of the aggregate tally';
COMMENT ON FUNCTION tally_report_float8(internal) IS 'moving result of the aggregate tally';
COMMENT ON FUNCTION tally_report_int8(internal) IS 'moving result of the aggregate tally';
COMMENT ON FUNCTION tally_report_numeric(internal) IS 'moving result of the aggregate tally';
COMMENT ON FUNCTION tally_report(internal) IS 'moving result of the aggregate tally';

CREATE AGGREGATE tally(double precision) (
    SFUNC = tally_observe, STYPE = tally, INITCOND = '(0,,,,)', COMBINEFUNC = tally_merge, PARALLEL = safe,
    MSFUNC = tally_push, MINVFUNC = tally_pop, MSTYPE = internal, MFINALFUNC = tally_report_float8
);
CREATE AGGREGATE tally(bigint) (
    SFUNC = tally_observe, STYPE = tally, INITCOND = '(0,,,,)', COMBINEFUNC = tally_merge, PARALLEL = safe,
    MSFUNC = tally_push, MINVFUNC = tally_pop, MSTYPE = internal, MFINALFUNC = tally_report_int8
);
CREATE AGGREGATE tally(numeric) (
    SFUNC = tally_observe, STYPE = tally, INITCOND = '(0,,,,)', COMBINEFUNC = tally_merge, PARALLEL = safe,
    MSFUNC = tally_push, MINVFUNC = tally_pop, MSTYPE = internal, MFINALFUNC = tally_report_numeric
);
CREATE AGGREGATE tally(tally) (
    SFUNC = tally_merge, STYPE = tally, INITCOND = '(0,,,,)', COMBINEFUNC = tally_merge, PARALLEL = safe,
    MSFUNC = tally_push, MINVFUNC = tally_pop, MSTYPE = internal, MFINALFUNC = tally_report
);

COMMENT ON AGGREGATE tally(double precision) IS 'tally of all non-null values; of none the empty tally';
COMMENT ON AGGREGATE tally(bigint) IS 'tally of all non-null values, the sum exact beyond 53 bits';
COMMENT ON AGGREGATE tally(numeric) IS 'tally of all non-null values, each to some 100 bits; 22003 beyond double precision';
COMMENT ON AGGREGATE tally(tally) IS 'tally of all values of all non-null tallies';

-- Accessors: named after the built-in aggregate that they equal ----------------------------------------------

CREATE FUNCTION num_vals(tally) RETURNS bigint
    AS 'MODULE_PATHNAME', 'tally_num_vals_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION sum(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_sum_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION avg(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_avg_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION m2(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_m2_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION var_samp(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_var_samp_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION variance(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_var_samp_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION var_pop(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_var_pop_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION stddev_samp(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_stddev_samp_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION stddev(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_stddev_samp_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION stddev_pop(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_stddev_pop_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION min(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_min_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION max(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_max_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION num_vals(tally) IS 'how many values, NaN and infinities included; 0 if empty';
COMMENT ON FUNCTION sum(tally) IS 'sum, within 1 ulp of exact; NULL if empty, infinite beyond double precision';
COMMENT ON FUNCTION avg(tally) IS 'mean, within 1 ulp of exact; NULL if empty';
COMMENT ON FUNCTION m2(tally) IS 'sum of squared deviations from the mean; NULL if empty, NaN if a value is not finite';
COMMENT ON FUNCTION var_samp(tally) IS 'sample variance, within 1 ulp of exact; NULL below two values';
COMMENT ON FUNCTION variance(tally) IS 'sample variance, within 1 ulp of exact; NULL below two values';
COMMENT ON FUNCTION var_pop(tally) IS 'population variance, within 1 ulp of exact; NULL if empty';
COMMENT ON FUNCTION stddev_samp(tally) IS 'sample standard deviation, within 1 ulp of exact; NULL below two values';
COMMENT ON FUNCTION stddev(tally) IS 'sample standard deviation, within 1 ulp of exact; NULL below two values';
COMMENT ON FUNCTION stddev_pop(tally) IS 'population standard deviation, within 1 ulp of exact; NULL if empty';
COMMENT ON FUNCTION min(tally) IS 'least value; NULL if empty, or not known since a tally was subtracted';
COMMENT ON FUNCTION max(tally) IS 'greatest value, NaN being the greatest; NULL if empty, or not known since a tally was subtracted';

-- All of them at once. Written in SQL so that the planner keeps only the columns that are used.
CREATE TYPE tally_description AS (
    num_vals bigint,
    sum double precision,
    avg double precision,
    variance double precision,
    stddev double precision,
    min double precision,
    max double precision
);
CREATE FUNCTION describe(t tally) RETURNS tally_description
    LANGUAGE SQL IMMUTABLE PARALLEL SAFE
    RETURN ROW(num_vals(t), sum(t), avg(t), variance(t), stddev(t), min(t), max(t))::tally_description;

COMMENT ON TYPE tally_description IS 'what describe(tally) returns';
COMMENT ON FUNCTION describe(tally) IS 'one row: num_vals, sum, avg, variance, stddev, min, max';

-- Building and testing ---------------------------------------------------------------------------------------

CREATE FUNCTION tally_of(
    num_vals bigint, mean double precision, m2 double precision, min double precision, max double precision
) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_of_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION mean_interval(
    t tally, level double precision DEFAULT 0.95, OUT low double precision, OUT high double precision
)
    AS 'MODULE_PATHNAME', 'tally_mean_interval_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION welch_t_test(
    before tally, after tally, level double precision DEFAULT 0.95,
    OUT difference double precision, OUT low double precision, OUT high double precision,
    OUT t double precision, OUT df double precision, OUT p_value double precision
)
    AS 'MODULE_PATHNAME', 'tally_welch_t_test_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION tally_of(bigint, double precision, double precision, double precision, double precision) IS
    'tally from known moments, M2 being var_samp * (num_vals - 1); 22023 if no values have them';
COMMENT ON FUNCTION mean_interval(tally, double precision) IS
    'Student t interval for the mean; NULL below two values, 22023 unless 0 < level < 1';
COMMENT ON FUNCTION welch_t_test(tally, tally, double precision) IS
    'change of the mean from before to after, its interval, and Welch''s two-sided t test; NULL if either has fewer than two values';

-- Operators --------------------------------------------------------------------------------------------------

CREATE FUNCTION tally_unmerge(tally, tally) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_unmerge_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_eq(tally, tally) RETURNS boolean
    AS 'MODULE_PATHNAME', 'tally_eq_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_ne(tally, tally) RETURNS boolean
    AS 'MODULE_PATHNAME', 'tally_ne_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_hash(tally) RETURNS integer
    AS 'MODULE_PATHNAME', 'tally_hash_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_hash_extended(tally, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'tally_hash_extended_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION tally_unmerge(tally, tally) IS 'implementation of - operator';
COMMENT ON FUNCTION tally_eq(tally, tally) IS 'implementation of = operator';
COMMENT ON FUNCTION tally_ne(tally, tally) IS 'implementation of <> operator';
COMMENT ON FUNCTION tally_hash(tally) IS 'hash';
COMMENT ON FUNCTION tally_hash_extended(tally, bigint) IS 'hash';

CREATE OPERATOR + (LEFTARG = tally, RIGHTARG = tally, FUNCTION = tally_merge, COMMUTATOR = +);
CREATE OPERATOR + (LEFTARG = tally, RIGHTARG = double precision, FUNCTION = tally_observe);
CREATE OPERATOR + (LEFTARG = tally, RIGHTARG = bigint, FUNCTION = tally_observe);
CREATE OPERATOR + (LEFTARG = tally, RIGHTARG = numeric, FUNCTION = tally_observe);
CREATE OPERATOR - (LEFTARG = tally, RIGHTARG = tally, FUNCTION = tally_unmerge);
CREATE OPERATOR = (
    LEFTARG = tally, RIGHTARG = tally, FUNCTION = tally_eq, COMMUTATOR = =, NEGATOR = <>,
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
CREATE OPERATOR <> (
    LEFTARG = tally, RIGHTARG = tally, FUNCTION = tally_ne, COMMUTATOR = <>, NEGATOR = =,
    RESTRICT = neqsel, JOIN = neqjoinsel
);

COMMENT ON OPERATOR + (tally, tally) IS 'merge';
COMMENT ON OPERATOR + (tally, double precision) IS 'add one value';
COMMENT ON OPERATOR + (tally, bigint) IS 'add one value';
COMMENT ON OPERATOR + (tally, numeric) IS 'add one value';
COMMENT ON OPERATOR - (tally, tally) IS 'take a part away; 22003 if it is not a part';
COMMENT ON OPERATOR = (tally, tally) IS 'all accessors report the same';
COMMENT ON OPERATOR <> (tally, tally) IS 'some accessor reports something else';

CREATE OPERATOR CLASS tally_ops DEFAULT FOR TYPE tally USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 tally_hash(tally),
    FUNCTION 2 tally_hash_extended(tally, bigint);

COMMENT ON OPERATOR CLASS tally_ops USING hash IS 'equality of tallies';
COMMENT ON OPERATOR FAMILY tally_ops USING hash IS 'equality of tallies';

-- jsonb ------------------------------------------------------------------------------------------------------

CREATE FUNCTION tally_to_json(tally) RETURNS text
    AS 'MODULE_PATHNAME', 'tally_to_json_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_from_json(text) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_from_json_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_to_jsonb(t tally) RETURNS jsonb
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN tally_to_json(t)::jsonb;
CREATE FUNCTION tally_from_jsonb(j jsonb) RETURNS tally
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN tally_from_json(j::text);

CREATE CAST (tally AS jsonb) WITH FUNCTION tally_to_jsonb(tally);
CREATE CAST (jsonb AS tally) WITH FUNCTION tally_from_jsonb(jsonb);

COMMENT ON FUNCTION tally_to_json(tally) IS 'implementation of the cast to jsonb';
COMMENT ON FUNCTION tally_from_json(text) IS 'implementation of the cast from jsonb';
COMMENT ON FUNCTION tally_to_jsonb(tally) IS 'an object of num_vals, avg, m2, min, max and what else is needed to read it back';
COMMENT ON FUNCTION tally_from_jsonb(jsonb) IS '22P02 if no values have such a tally';
COMMENT ON CAST (tally AS jsonb) IS 'an object of num_vals, avg, m2, min, max and what else is needed to read it back';
COMMENT ON CAST (jsonb AS tally) IS '22P02 if no values have such a tally';
-- The power tree: what is stored ------------------------------------------------------------------------------
--
-- Written by the functions below only, past all triggers and without rights for anybody; the definitions are dumped, all
-- the rest is made anew from the base tables.

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
SELECT pg_extension_config_dump('powertree_id', '');
SELECT pg_extension_config_dump('powertree_definition', '');

CREATE TABLE powertree_state (
    tree integer CONSTRAINT powertree_state_tree PRIMARY KEY,
    columns smallint[] NOT NULL,
    types oid[] NOT NULL,
    horizon bigint NOT NULL,
    compactions bigint NOT NULL,
    compacted_at timestamptz,
    stale text
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
    delta bytea
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_analyze_scale_factor = 1, toast.autovacuum_enabled = off);
CREATE INDEX powertree_log_leaf ON powertree_log (tree, series, leaf);
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
ALTER TABLE powertree_log ALTER key SET STORAGE PLAIN, ALTER delta SET STORAGE PLAIN;
ALTER TABLE powertree_node ALTER block SET STORAGE PLAIN;

-- A publication of all tables contains these too.
CREATE FUNCTION powertree_skip() RETURNS trigger AS 'MODULE_PATHNAME', 'powertree_skip_wrapper' LANGUAGE C;
COMMENT ON FUNCTION powertree_skip() IS 'trigger: keeps what replication brings out of the tables of power trees';
DO $$
DECLARE
    stored regclass;
BEGIN
    FOREACH stored IN ARRAY ARRAY['powertree_definition', 'powertree_state', 'powertree_span', 'powertree_log', 'powertree_series', 'powertree_node']::regclass[] LOOP
        EXECUTE format('CREATE TRIGGER skip BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION powertree_skip()', stored);
        EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER skip', stored);
    END LOOP;
END $$;

COMMENT ON SEQUENCE powertree_id IS 'numbers of power trees';
COMMENT ON TABLE powertree_definition IS 'what each power tree summarises; the leaf in microseconds, days or units of its position';
COMMENT ON TABLE powertree_state IS 'power trees that are kept in step; one that was restored from a dump is not here until it is rebuilt';
COMMENT ON TABLE powertree_span IS 'leaves whose rows are read from the base table until the next compaction; where older snapshots must not trust the tree, with the transaction that said so';
COMMENT ON TABLE powertree_log IS 'what statements did to leaves since the last compaction: packed tallies to add, NULL if the leaf must be recomputed';
COMMENT ON TABLE powertree_series IS 'the series of each tree by the hash of their key';
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

COMMENT ON FUNCTION powertree_capture() IS 'trigger: appends to the log of a power tree what a statement did';
COMMENT ON FUNCTION powertree_leaf(timestamptz, bigint) IS 'the leaf of a position, leaves being so many microseconds wide';
COMMENT ON FUNCTION powertree_leaf(timestamp, bigint) IS 'the leaf of a position, leaves being so many microseconds wide';
COMMENT ON FUNCTION powertree_leaf(bigint, bigint) IS 'the leaf of a position, leaves being so wide';
COMMENT ON FUNCTION powertree_leaf(date, bigint) IS 'the leaf of a position, leaves being so many days wide';

CREATE FUNCTION powertree_create(
    base regclass, at text, "values" text[], leaf text, series text[] DEFAULT '{}', name text DEFAULT NULL
) RETURNS void
    AS 'MODULE_PATHNAME', 'powertree_create_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_rebuild(tree text) RETURNS void
    AS 'MODULE_PATHNAME', 'powertree_rebuild_wrapper' LANGUAGE C STRICT;
CREATE FUNCTION powertree_drop(tree text) RETURNS void
    AS 'MODULE_PATHNAME', 'powertree_drop_wrapper' LANGUAGE C STRICT;
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

COMMENT ON FUNCTION powertree_create(regclass, text, text[], text, text[], text) IS
    'makes a power tree of these values by position and series; until it is compacted it reads its table';
COMMENT ON FUNCTION powertree_rebuild(text) IS 'puts the triggers of a power tree in place again and has all of it computed anew';
COMMENT ON FUNCTION powertree_drop(text) IS 'drops a power tree, its triggers and all that is stored of it';
COMMENT ON PROCEDURE powertree_compact(text) IS
    'folds the log of a power tree, or of all that the caller owns, into its nodes; commits after each where it may';
COMMENT ON FUNCTION powertree_tally(text, text, anycompatible, anycompatible, text[]) IS
    'tally(value) of a series from one position to before another, NULL being no end: exact in the snapshot of the query';
COMMENT ON FUNCTION powertree_last(text, text, bigint, text[]) IS
    'tally, first and last of the last values of a series that are not NULL; of one position the greatest value is the last';
COMMENT ON FUNCTION powertree_buckets(text, text, timestamptz, timestamptz, text, text[]) IS
    'tallies of a series in buckets from one position to before another; days and months are those of the time zone';
COMMENT ON FUNCTION powertree_buckets(text, text, text, text, text, text[]) IS
    'the same, of positions of type timestamptz given as text';
COMMENT ON FUNCTION powertree_buckets(text, text, timestamp, timestamp, text, text[]) IS
    'tallies of a series in buckets from one position to before another';
COMMENT ON FUNCTION powertree_buckets(text, text, date, date, text, text[]) IS
    'tallies of a series in buckets from one position to before another';
COMMENT ON FUNCTION powertree_buckets(text, text, bigint, bigint, text, text[]) IS
    'tallies of a series in buckets from one position to before another';

CREATE FUNCTION powertree_count(bytea, integer) RETURNS bigint
    AS 'MODULE_PATHNAME', 'powertree_count_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION powertree_count(bytea, integer) IS 'how many values a stored node has';

CREATE VIEW powertrees AS
SELECT d.name, d.base, d.at, d."values", d.series,
    CASE (SELECT a.atttypid::regtype::text FROM pg_attribute a WHERE a.attrelid = d.base AND a.attname = d.at)
        WHEN 'bigint' THEN d.leaf::text
        WHEN 'date' THEN d.leaf || ' days'
        ELSE (d.leaf * interval '1 microsecond')::text
    END AS leaf,
    CASE
        WHEN s.tree IS NULL THEN 'stale: restored from a dump'
        WHEN s.stale IS NOT NULL THEN 'stale: ' || s.stale
        ELSE coalesce((SELECT 'reads the table: ' || string_agg(DISTINCT p.reason, ', ') FROM powertree_span p WHERE p.tree = d.id),
            'live')
    END AS state,
    (SELECT coalesce(sum(powertree_count(n.block, cardinality(d."values"))), 0)::bigint
        FROM powertree_node n WHERE n.tree = d.id AND n.level = d.height) AS num_vals,
    (SELECT count(*) FROM powertree_series e WHERE e.tree = d.id) AS num_series,
    (SELECT count(*) FROM powertree_log l WHERE l.tree = d.id) AS log_rows,
    (SELECT coalesce(sum(pg_column_size(n.*) + 36), 0)::bigint FROM powertree_node n WHERE n.tree = d.id) AS bytes,
    s.compactions, s.compacted_at
FROM powertree_definition d LEFT JOIN powertree_state s ON s.tree = d.id
WHERE has_any_column_privilege(d.base, 'SELECT');
GRANT SELECT ON powertrees TO PUBLIC;
COMMENT ON VIEW powertrees IS
    'the power trees of tables that the user may read: state, values and series in nodes, rows in the log, size, last compaction';

-- What happens to the tables beside changes of their rows ---------------------------------------------------------

CREATE FUNCTION powertree_on_ddl() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'powertree_on_ddl_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_on_drop() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'powertree_on_drop_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_on_rewrite() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'powertree_on_rewrite_wrapper' LANGUAGE C;
CREATE FUNCTION powertree_before_ddl() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'powertree_before_ddl_wrapper' LANGUAGE C;
CREATE EVENT TRIGGER powertree_before_ddl ON ddl_command_start WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION powertree_before_ddl();
COMMENT ON FUNCTION powertree_before_ddl() IS 'event trigger: refuses DETACH PARTITION CONCURRENTLY for tables of power trees';
COMMENT ON EVENT TRIGGER powertree_before_ddl IS 'refuses what power trees cannot follow';
CREATE FUNCTION powertree_before_drop() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'powertree_before_drop_wrapper' LANGUAGE C;
CREATE EVENT TRIGGER powertree_before_drop ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION powertree_before_drop();
COMMENT ON FUNCTION powertree_before_drop() IS 'event trigger: a partition of a table of a power tree may be about to go';
COMMENT ON EVENT TRIGGER powertree_before_drop IS 'keeps power trees in step with partitions that are dropped';
CREATE EVENT TRIGGER powertree_on_ddl ON ddl_command_end
    WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE', 'CREATE FOREIGN TABLE', 'CREATE SCHEMA', 'CREATE TRIGGER', 'ALTER TRIGGER')
    EXECUTE FUNCTION powertree_on_ddl();
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
COMMENT ON FUNCTION powertree_on_rewrite() IS 'event trigger: the rows of a table of a power tree may be written anew';
COMMENT ON EVENT TRIGGER powertree_on_ddl IS 'keeps power trees in step with changes of their tables';
COMMENT ON EVENT TRIGGER powertree_on_drop IS 'keeps power trees in step with what is dropped';
COMMENT ON EVENT TRIGGER powertree_on_rewrite IS 'keeps power trees in step with tables that are rewritten';
-- The type -------------------------------------------------------------------------------------------------------

CREATE TYPE detector;

CREATE FUNCTION detector_in(cstring) RETURNS detector
    AS 'MODULE_PATHNAME', 'detector_in_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION detector_out(detector) RETURNS cstring
    AS 'MODULE_PATHNAME', 'detector_out_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION detector_recv(internal) RETURNS detector
    AS 'MODULE_PATHNAME', 'detector_recv_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION detector_send(detector) RETURNS bytea
    AS 'MODULE_PATHNAME', 'detector_send_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION detector_in(cstring) IS 'text input, \x and hexadecimal digits; 22P02 if no series leads to such a state, 0A000 if it is of a later version';
COMMENT ON FUNCTION detector_out(detector) IS 'text output';
COMMENT ON FUNCTION detector_recv(internal) IS 'binary input; 22P03 if no series leads to such a state';
COMMENT ON FUNCTION detector_send(detector) IS 'binary output: a version byte and the state';

CREATE TYPE detector (
    INPUT = detector_in, OUTPUT = detector_out, RECEIVE = detector_recv, SEND = detector_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = main
);

COMMENT ON TYPE detector IS 'what is known of a series, row by row: its segments, noise and outliers; at most 2 kB';

-- Feeding it -----------------------------------------------------------------------------------------------------

CREATE FUNCTION detect_row(internal, double precision) RETURNS internal
    AS 'MODULE_PATHNAME', 'detect_row_wrapper' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
CREATE FUNCTION detect_row(internal, double precision, timestamptz) RETURNS internal
    AS 'MODULE_PATHNAME', 'detect_at_wrapper' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
CREATE FUNCTION detect_row(internal, double precision, timestamptz, double precision, interval) RETURNS internal
    AS 'MODULE_PATHNAME', 'detect_at_with_wrapper' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
CREATE FUNCTION detect_result(internal) RETURNS detector
    AS 'MODULE_PATHNAME', 'detect_result_wrapper' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED;
CREATE FUNCTION surprise_result(internal) RETURNS double precision
    AS 'MODULE_PATHNAME', 'surprise_result_wrapper' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED;
CREATE FUNCTION change_probability_result(internal) RETURNS double precision
    AS 'MODULE_PATHNAME', 'change_probability_result_wrapper' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;

COMMENT ON FUNCTION detect_row(internal, double precision) IS 'transition of detect, surprise and change_probability';
COMMENT ON FUNCTION detect_row(internal, double precision, timestamptz) IS 'transition of detect, surprise and change_probability';
COMMENT ON FUNCTION detect_row(internal, double precision, timestamptz, double precision, interval) IS 'transition of detect, surprise and change_probability';
COMMENT ON FUNCTION detect_result(internal) IS 'result of detect';
COMMENT ON FUNCTION surprise_result(internal) IS 'result of surprise';
COMMENT ON FUNCTION change_probability_result(internal) IS 'result of change_probability';

CREATE AGGREGATE detect(value double precision) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = detect_result, PARALLEL = restricted
);
CREATE AGGREGATE detect(value double precision, at timestamptz) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = detect_result, PARALLEL = restricted
);
CREATE AGGREGATE detect(value double precision, at timestamptz, sensitivity double precision, period interval) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = detect_result, PARALLEL = restricted
);
CREATE AGGREGATE surprise(value double precision) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = surprise_result, PARALLEL = restricted
);
CREATE AGGREGATE surprise(value double precision, at timestamptz) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = surprise_result, PARALLEL = restricted
);
CREATE AGGREGATE surprise(value double precision, at timestamptz, sensitivity double precision, period interval) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = surprise_result, PARALLEL = restricted
);
CREATE AGGREGATE change_probability(value double precision) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = change_probability_result, PARALLEL = restricted
);
CREATE AGGREGATE change_probability(value double precision, at timestamptz) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = change_probability_result, PARALLEL = restricted
);
CREATE AGGREGATE change_probability(value double precision, at timestamptz, sensitivity double precision, period interval) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = change_probability_result, PARALLEL = restricted
);

COMMENT ON AGGREGATE detect(double precision) IS 'the detector that has seen all rows; write ORDER BY at inside the parentheses';
COMMENT ON AGGREGATE detect(double precision, timestamptz) IS 'the detector that has seen all rows; write ORDER BY at inside the parentheses';
COMMENT ON AGGREGATE detect(double precision, timestamptz, double precision, interval) IS 'the detector that has seen all rows; write ORDER BY at inside the parentheses';
COMMENT ON AGGREGATE surprise(double precision) IS 'about -log10 of the probability of the last row, from what came before: 3 is once in a thousand rows; NULL for a row without a finite value and among the first 20; write OVER (ORDER BY at)';
COMMENT ON AGGREGATE surprise(double precision, timestamptz) IS 'about -log10 of the probability of the last row, from what came before: 3 is once in a thousand rows; NULL for a row without a finite value and among the first 20; write OVER (ORDER BY at)';
COMMENT ON AGGREGATE surprise(double precision, timestamptz, double precision, interval) IS 'about -log10 of the probability of the last row, from what came before: 3 is once in a thousand rows; NULL for a row without a finite value and among the first 20; write OVER (ORDER BY at)';
COMMENT ON AGGREGATE change_probability(double precision) IS 'probability that level, slope or noise changed within the last 25 rows; NULL among the first 20; write OVER (ORDER BY at)';
COMMENT ON AGGREGATE change_probability(double precision, timestamptz) IS 'probability that level, slope or noise changed within the last 25 rows; NULL among the first 20; write OVER (ORDER BY at)';
COMMENT ON AGGREGATE change_probability(double precision, timestamptz, double precision, interval) IS 'probability that level, slope or noise changed within the last 25 rows; NULL among the first 20; write OVER (ORDER BY at)';

CREATE FUNCTION observe(d detector, value double precision) RETURNS detector
    AS 'MODULE_PATHNAME', 'observe_row_wrapper' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
CREATE FUNCTION observe(d detector, value double precision, at timestamptz) RETURNS detector
    AS 'MODULE_PATHNAME', 'observe_at_wrapper' LANGUAGE C IMMUTABLE PARALLEL RESTRICTED COST 10;
CREATE FUNCTION detector_for(sensitivity double precision DEFAULT NULL, period interval DEFAULT NULL) RETURNS detector
    AS 'MODULE_PATHNAME', 'detector_for_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION observe(detector, double precision) IS 'the detector that has also seen a row; NULL starts one, a NULL value only counts as a row';
COMMENT ON FUNCTION observe(detector, double precision, timestamptz) IS 'the detector that has also seen a row; NULL starts one, a NULL value only advances time; 22023 if the time is before the last one';
COMMENT ON FUNCTION detector_for(double precision, interval) IS 'a detector that has seen nothing: sensitivity is how many times as frequent as by default changes are, period the length of the season, by default a day';

-- What it says ---------------------------------------------------------------------------------------------------

CREATE FUNCTION level(detector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'detector_level_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION slope(detector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'detector_slope_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION noise(detector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'detector_noise_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION run_length(detector) RETURNS bigint
    AS 'MODULE_PATHNAME', 'detector_run_length_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION num_rows(detector) RETURNS bigint
    AS 'MODULE_PATHNAME', 'detector_rows_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION surprise(detector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'detector_surprise_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
CREATE FUNCTION change_probability(detector) RETURNS double precision
    AS 'MODULE_PATHNAME', 'detector_change_probability_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION level(detector) IS 'current level; NULL before the first value';
COMMENT ON FUNCTION slope(detector) IS 'current slope, per second, or per row if rows have no time; 0 unless a slope is likelier than none';
COMMENT ON FUNCTION noise(detector) IS 'current standard deviation about level and slope';
COMMENT ON FUNCTION run_length(detector) IS 'rows since the last change';
COMMENT ON FUNCTION num_rows(detector) IS 'rows seen, those without a value included';
COMMENT ON FUNCTION surprise(detector) IS 'surprise of the last row, as the aggregate of that name';
COMMENT ON FUNCTION change_probability(detector) IS 'probability that level, slope or noise changed within the last 25 rows';

CREATE FUNCTION forecast(
    d detector, steps double precision DEFAULT 1,
    OUT mean double precision, OUT low double precision, OUT high double precision
)
    AS 'MODULE_PATHNAME', 'detector_forecast_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION forecast(detector, double precision) IS
    'expected value of the row so many steps ahead and its 95 % interval, if nothing changes; 22023 for steps below 0';

CREATE FUNCTION change_points(
    d detector, OUT "row" bigint, OUT at timestamptz, OUT first_alerted_row bigint, OUT first_alerted_at timestamptz,
    OUT kind text, OUT probability double precision, OUT before double precision, OUT after double precision,
    OUT difference double precision, OUT difference_low double precision, OUT difference_high double precision,
    OUT effect_sd double precision, OUT rows_before bigint, OUT rows_after bigint, OUT explanation text
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'detector_change_points_wrapper' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100 ROWS 5;

COMMENT ON FUNCTION change_points(detector) IS
    'the newest changes of the most probable segmentation and rows that stand out, in order, each with its interval and a sentence';

-- Many series ----------------------------------------------------------------------------------------------------

CREATE FUNCTION change_evidence(d detector, since timestamptz) RETURNS double precision
    AS 'MODULE_PATHNAME', 'detector_evidence_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION change_evidence(detector, timestamptz) IS
    'natural logarithm of the Bayes factor for a change at that time or later, against none';

CREATE FUNCTION fleet_discoveries(
    evidence double precision[], fdr double precision,
    OUT number integer, OUT probability double precision, OUT expected_false_share double precision
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'fleet_discoveries_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION fleet_discoveries(double precision[], double precision) IS
    'of many series, the numbers of those to report so that the expected share of false ones is at most fdr; 22023 unless 0 < fdr < 1';

CREATE FUNCTION important_changes(
    query text, since timestamptz DEFAULT '-infinity', fdr double precision DEFAULT 0.05, top integer DEFAULT 20
) RETURNS TABLE (
    series text, at timestamptz, first_alerted_at timestamptz, kind text, probability double precision,
    before double precision, after double precision, difference double precision, difference_low double precision,
    difference_high double precision, effect_sd double precision, importance double precision, slices text[],
    expected_false_share double precision, explanation text
) LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 10000 ROWS 20 AS $$
DECLARE
    here text := (SELECT quote_ident(n.nspname) FROM pg_catalog.pg_extension e, pg_catalog.pg_namespace n
        WHERE e.extname = 'pg_tally' AND n.oid = e.extnamespace);
    source text := format(E'(%s\n) AS q', rtrim(query, E'; \n\t'));
    weight text := 'q.weight';
    cause text;
BEGIN
    IF top < 0 THEN
        RAISE EXCEPTION 'top must not be negative' USING ERRCODE = '22023';
    END IF;
    BEGIN
        EXECUTE 'SELECT q.series::text, q.at::timestamptz, q.value::double precision FROM ' || source || ' LIMIT 0';
    EXCEPTION WHEN undefined_column OR cannot_coerce THEN
        GET STACKED DIAGNOSTICS cause = MESSAGE_TEXT;
        RAISE EXCEPTION 'the query must have the columns series, at and value' USING
            ERRCODE = '42703', DETAIL = cause || '.',
            HINT = 'Name them in the query: SELECT customer AS series, created AS at, amount AS value FROM ...; a column weight is optional.';
    END;
    BEGIN
        EXECUTE 'SELECT q.weight::double precision FROM ' || source || ' LIMIT 0';
    EXCEPTION WHEN undefined_column THEN
        weight := '1';
    END;
    -- One sorted pass: only one series is in memory at a time, and of each only its changes are kept.
    RETURN QUERY EXECUTE format($query$
        WITH detected AS MATERIALIZED (
            SELECT row_number() OVER () AS number, s.series, s.weight, %1$s.change_evidence(s.d, $2) AS evidence, c.*
            FROM (
                SELECT q.series::text AS series, max((%3$s)::double precision) AS weight,
                    %1$s.detect(q.value::double precision, q.at::timestamptz ORDER BY q.at::timestamptz) AS d
                FROM %2$s WHERE isfinite(q.at::timestamptz) GROUP BY q.series::text
            ) s LEFT JOIN LATERAL (
                SELECT * FROM %1$s.change_points(s.d) c
                WHERE c.at >= $2 AND c.kind IN ('level', 'slope', 'variance')
                ORDER BY c.probability * abs(c.effect_sd) DESC LIMIT 1
            ) c ON true
        ), found AS (
            SELECT d.*, f.probability AS posterior, f.expected_false_share,
                f.probability * abs(d.effect_sd) * d.weight AS importance,
                tstzrange(d.at, coalesce(d.first_alerted_at, d.at), '[]') AS seen
            FROM (SELECT array_agg(evidence ORDER BY number) AS evidence FROM detected) e,
                %1$s.fleet_discoveries(e.evidence, $3) f JOIN detected d USING (number)
            WHERE d.kind IS NOT NULL
        ), folded AS (
            -- A slice a/b is told with its parent a if both changed in the same direction at the same time.
            SELECT s.number AS slice, p.number AS parent FROM found s JOIN found p
                ON starts_with(s.series, p.series || '/') AND s.seen && p.seen
                AND sign(s.difference) = sign(p.difference)
        )
        SELECT f.series, f.at, f.first_alerted_at, f.kind, f.posterior, f.before, f.after, f.difference, f.difference_low,
            f.difference_high, f.effect_sd, f.importance,
            ARRAY(SELECT s.series FROM folded l JOIN found s ON s.number = l.slice
                WHERE l.parent = f.number ORDER BY s.importance DESC, s.series),
            f.expected_false_share,
            f.series || ' ' || regexp_replace(f.explanation, 'probability .*', 'probability '
                || CASE WHEN f.posterior >= 0.9995 THEN '> 0.999' ELSE round(f.posterior::numeric, 3)::text END)
                || format('; expected share of false alarms in this report %%s %%%%',
                    round(100 * f.expected_false_share::numeric, 1))
        FROM found f WHERE f.number NOT IN (SELECT slice FROM folded)
        ORDER BY f.importance DESC, f.series LIMIT $4
    $query$, here, source, weight) USING query, since, fdr, top;
END $$;

COMMENT ON FUNCTION important_changes(text, timestamptz, double precision, integer) IS
    'what changed across the series of a query (series, at, value [, weight]), most important first, with a controlled share of false alarms; 42703 if a column is missing';
