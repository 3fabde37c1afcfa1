-- Acceleration of window functions ---------------------------------------------------------------------------
--
-- With the library preloaded, min and max over moving frames become these, and avg, sum, variance and stddev become
-- core_avg(tally(x) OVER ...) and so on.

CREATE FUNCTION moving_least(internal, bigint) RETURNS internal
    AS 'MODULE_PATHNAME', 'least_int8_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION moving_greatest(internal, bigint) RETURNS internal
    AS 'MODULE_PATHNAME', 'greatest_int8_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION moving_pop(internal, bigint) RETURNS internal
    AS 'MODULE_PATHNAME', 'pop_int8_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION moving_extreme_int8(internal) RETURNS bigint
    AS 'MODULE_PATHNAME', 'extreme_int8_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE moving_min(bigint) (
    SFUNC = int8smaller, STYPE = bigint, PARALLEL = safe,
    MSFUNC = moving_least, MINVFUNC = moving_pop, MSTYPE = internal, MFINALFUNC = moving_extreme_int8
);
CREATE AGGREGATE moving_max(bigint) (
    SFUNC = int8larger, STYPE = bigint, PARALLEL = safe,
    MSFUNC = moving_greatest, MINVFUNC = moving_pop, MSTYPE = internal, MFINALFUNC = moving_extreme_int8
);

CREATE FUNCTION moving_least(internal, numeric) RETURNS internal
    AS 'MODULE_PATHNAME', 'least_numeric_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION moving_greatest(internal, numeric) RETURNS internal
    AS 'MODULE_PATHNAME', 'greatest_numeric_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION moving_pop(internal, numeric) RETURNS internal
    AS 'MODULE_PATHNAME', 'pop_numeric_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION moving_extreme_numeric(internal) RETURNS numeric
    AS 'MODULE_PATHNAME', 'extreme_numeric_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE AGGREGATE moving_min(numeric) (
    SFUNC = numeric_smaller, STYPE = numeric, PARALLEL = safe,
    MSFUNC = moving_least, MINVFUNC = moving_pop, MSTYPE = internal, MFINALFUNC = moving_extreme_numeric
);
CREATE AGGREGATE moving_max(numeric) (
    SFUNC = numeric_larger, STYPE = numeric, PARALLEL = safe,
    MSFUNC = moving_greatest, MINVFUNC = moving_pop, MSTYPE = internal, MFINALFUNC = moving_extreme_numeric
);

COMMENT ON FUNCTION moving_least(internal, bigint) IS 'moving transition of the aggregate moving_min';
COMMENT ON FUNCTION moving_greatest(internal, bigint) IS 'moving transition of the aggregate moving_max';
COMMENT ON FUNCTION moving_pop(internal, bigint) IS 'moving inverse transition of moving_min and moving_max';
COMMENT ON FUNCTION moving_extreme_int8(internal) IS 'moving result of moving_min and moving_max';
COMMENT ON AGGREGATE moving_min(bigint) IS 'min(x), in constant time per row over moving frames';
COMMENT ON AGGREGATE moving_max(bigint) IS 'max(x), in constant time per row over moving frames';
COMMENT ON FUNCTION moving_least(internal, numeric) IS 'moving transition of the aggregate moving_min';
COMMENT ON FUNCTION moving_greatest(internal, numeric) IS 'moving transition of the aggregate moving_max';
COMMENT ON FUNCTION moving_pop(internal, numeric) IS 'moving inverse transition of moving_min and moving_max';
COMMENT ON FUNCTION moving_extreme_numeric(internal) IS 'moving result of moving_min and moving_max';
COMMENT ON AGGREGATE moving_min(numeric) IS 'min(x), in constant time per row over moving frames';
COMMENT ON AGGREGATE moving_max(numeric) IS 'max(x), in constant time per row over moving frames';
