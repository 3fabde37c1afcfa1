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

CREATE FUNCTION tally_result(tally) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_result_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION tally_result(tally) IS 'result of the aggregate tally: the same tally, in bytes that do not depend on the order of the rows where its sums are exact';

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
    SFUNC = tally_observe, STYPE = tally, INITCOND = '(0,,,,)', FINALFUNC = tally_result, COMBINEFUNC = tally_merge, PARALLEL = safe,
    MSFUNC = tally_push, MINVFUNC = tally_pop, MSTYPE = internal, MFINALFUNC = tally_report_float8
);
CREATE AGGREGATE tally(bigint) (
    SFUNC = tally_observe, STYPE = tally, INITCOND = '(0,,,,)', FINALFUNC = tally_result, COMBINEFUNC = tally_merge, PARALLEL = safe,
    MSFUNC = tally_push, MINVFUNC = tally_pop, MSTYPE = internal, MFINALFUNC = tally_report_int8
);
CREATE AGGREGATE tally(numeric) (
    SFUNC = tally_observe, STYPE = tally, INITCOND = '(0,,,,)', FINALFUNC = tally_result, COMBINEFUNC = tally_merge, PARALLEL = safe,
    MSFUNC = tally_push, MINVFUNC = tally_pop, MSTYPE = internal, MFINALFUNC = tally_report_numeric
);
CREATE AGGREGATE tally(tally) (
    SFUNC = tally_merge, STYPE = tally, INITCOND = '(0,,,,)', FINALFUNC = tally_result, COMBINEFUNC = tally_merge, PARALLEL = safe,
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
CREATE FUNCTION sem(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_sem_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION cv(tally) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_cv_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION zscore(t tally, x double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'tally_zscore_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION sem(tally) IS 'standard error of the mean, stddev / sqrt(num_vals); NULL below two values';
COMMENT ON FUNCTION cv(tally) IS 'coefficient of variation, stddev / abs(avg); NULL below two values, or if the mean is 0';
COMMENT ON FUNCTION zscore(tally, double precision) IS 'how many standard deviations a value is above the mean; NULL below two values, or if all are the same';
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

CREATE FUNCTION summary(tally) RETURNS text
    AS 'MODULE_PATHNAME', 'tally_summary_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION summary(tally) IS 'count, mean, standard deviation and range, to read';
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
CREATE FUNCTION tally_eq(tally, tally) RETURNS boolean
    AS 'MODULE_PATHNAME', 'tally_eq_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_ne(tally, tally) RETURNS boolean
    AS 'MODULE_PATHNAME', 'tally_ne_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_hash(tally) RETURNS integer
    AS 'MODULE_PATHNAME', 'tally_hash_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_hash_extended(tally, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'tally_hash_extended_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION tally_unmerge(tally, tally) IS 'implementation of - operator';
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
COMMENT ON FUNCTION tally_eq(tally, tally) IS 'implementation of = operator';
COMMENT ON FUNCTION tally_ne(tally, tally) IS 'implementation of <> operator';
COMMENT ON FUNCTION tally_hash(tally) IS 'hash';
COMMENT ON FUNCTION tally_hash_extended(tally, bigint) IS 'hash';

CREATE OPERATOR + (LEFTARG = tally, RIGHTARG = tally, FUNCTION = tally_merge, COMMUTATOR = +);
CREATE OPERATOR + (LEFTARG = tally, RIGHTARG = double precision, FUNCTION = tally_observe);
CREATE OPERATOR + (LEFTARG = tally, RIGHTARG = bigint, FUNCTION = tally_observe);
CREATE OPERATOR + (LEFTARG = tally, RIGHTARG = numeric, FUNCTION = tally_observe);
CREATE OPERATOR + (LEFTARG = double precision, RIGHTARG = tally, FUNCTION = tally_observed, COMMUTATOR = +);
CREATE OPERATOR + (LEFTARG = bigint, RIGHTARG = tally, FUNCTION = tally_observed, COMMUTATOR = +);
CREATE OPERATOR + (LEFTARG = numeric, RIGHTARG = tally, FUNCTION = tally_observed, COMMUTATOR = +);
CREATE OPERATOR - (LEFTARG = tally, RIGHTARG = tally, FUNCTION = tally_unmerge);
CREATE OPERATOR - (LEFTARG = tally, RIGHTARG = double precision, FUNCTION = tally_unobserve);
CREATE OPERATOR - (LEFTARG = tally, RIGHTARG = bigint, FUNCTION = tally_unobserve);
CREATE OPERATOR - (LEFTARG = tally, RIGHTARG = numeric, FUNCTION = tally_unobserve);
CREATE OPERATOR = (
    LEFTARG = tally, RIGHTARG = tally, FUNCTION = tally_eq, COMMUTATOR = =, NEGATOR = <>,
    RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR <> (
    LEFTARG = tally, RIGHTARG = tally, FUNCTION = tally_ne, COMMUTATOR = <>, NEGATOR = =,
    RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
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

COMMENT ON OPERATOR + (tally, tally) IS 'merge';
COMMENT ON OPERATOR + (tally, double precision) IS 'add one value';
COMMENT ON OPERATOR + (tally, bigint) IS 'add one value';
COMMENT ON OPERATOR + (tally, numeric) IS 'add one value';
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
COMMENT ON OPERATOR - (tally, tally) IS 'take a part away; 22003 if it is not a part';
COMMENT ON OPERATOR = (tally, tally) IS 'all accessors report the same';
COMMENT ON OPERATOR <> (tally, tally) IS 'some accessor reports something else';

CREATE OPERATOR CLASS tally_ops DEFAULT FOR TYPE tally USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 tally_hash(tally),
    FUNCTION 2 tally_hash_extended(tally, bigint);

COMMENT ON OPERATOR CLASS tally_ops USING hash IS 'equality of tallies';
COMMENT ON OPERATOR FAMILY tally_ops USING hash IS 'equality of tallies';

CREATE OPERATOR CLASS tally_ops DEFAULT FOR TYPE tally USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 tally_cmp(tally, tally);

COMMENT ON OPERATOR CLASS tally_ops USING btree IS 'order of tallies: by the number of values, then by mean, M2, sum, minimum and maximum';
COMMENT ON OPERATOR FAMILY tally_ops USING btree IS 'order of tallies: by the number of values, then by mean, M2, sum, minimum and maximum';

-- json and jsonb ---------------------------------------------------------------------------------------------

CREATE FUNCTION tally_to_json(tally) RETURNS json
    AS 'MODULE_PATHNAME', 'tally_to_json_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_from_json(text) RETURNS tally
    AS 'MODULE_PATHNAME', 'tally_from_json_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION tally_to_jsonb(t tally) RETURNS jsonb
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN tally_to_json(t)::jsonb;
CREATE FUNCTION tally_from_jsonb(j jsonb) RETURNS tally
    LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE RETURN tally_from_json(j::text);

CREATE CAST (tally AS json) WITH FUNCTION tally_to_json(tally);
CREATE CAST (json AS tally) WITH INOUT;
CREATE CAST (tally AS jsonb) WITH FUNCTION tally_to_jsonb(tally);
CREATE CAST (jsonb AS tally) WITH FUNCTION tally_from_jsonb(jsonb);

COMMENT ON FUNCTION tally_to_json(tally) IS 'an object of num_vals, avg, m2, min, max and the fields that restore it exactly';
COMMENT ON CAST (tally AS json) IS 'an object of num_vals, avg, m2, min, max and the fields that restore it exactly';
COMMENT ON CAST (json AS tally) IS '22P02 if no values have such a tally';
COMMENT ON FUNCTION tally_from_json(text) IS 'implementation of the cast from jsonb';
COMMENT ON FUNCTION tally_to_jsonb(tally) IS 'an object of num_vals, avg, m2, min, max and the fields that restore it exactly';
COMMENT ON FUNCTION tally_from_jsonb(jsonb) IS '22P02 if no values have such a tally';
COMMENT ON CAST (tally AS jsonb) IS 'an object of num_vals, avg, m2, min, max and the fields that restore it exactly';
COMMENT ON CAST (jsonb AS tally) IS '22P02 if no values have such a tally';
