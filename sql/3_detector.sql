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

COMMENT ON FUNCTION detector_in(cstring) IS 'text input, \x and hexadecimal digits; 22P02 if the value is damaged, 0A000 if a later version wrote it';
COMMENT ON FUNCTION detector_out(detector) IS 'text output';
COMMENT ON FUNCTION detector_recv(internal) IS 'binary input; 22P03 if the value is damaged, 0A000 if a later version wrote it';
COMMENT ON FUNCTION detector_send(detector) IS 'binary output: a version byte and the state';

CREATE TYPE detector (
    INPUT = detector_in, OUTPUT = detector_out, RECEIVE = detector_recv, SEND = detector_send,
    INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = main
);

COMMENT ON TYPE detector IS 'the state of a series, updated row by row: its segments, noise and outliers; at most 2 kB';

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

-- Feeding it -----------------------------------------------------------------------------------------------------

CREATE FUNCTION detect_row(internal, double precision) RETURNS internal
    AS 'MODULE_PATHNAME', 'detect_row_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
CREATE FUNCTION detect_row(internal, double precision, timestamptz) RETURNS internal
    AS 'MODULE_PATHNAME', 'detect_at_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
CREATE FUNCTION detect_row(internal, double precision, timestamptz, double precision, interval) RETURNS internal
    AS 'MODULE_PATHNAME', 'detect_at_with_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
CREATE FUNCTION detect_row(internal, detector, double precision, timestamptz) RETURNS internal
    AS 'MODULE_PATHNAME', 'detect_on_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
CREATE FUNCTION detect_result(internal) RETURNS detector
    AS 'MODULE_PATHNAME', 'detect_result_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION surprise_result(internal) RETURNS double precision
    AS 'MODULE_PATHNAME', 'surprise_result_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION change_probability_result(internal) RETURNS double precision
    AS 'MODULE_PATHNAME', 'change_probability_result_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;

COMMENT ON FUNCTION detect_row(internal, double precision) IS 'transition of detect, surprise and change_probability';
COMMENT ON FUNCTION detect_row(internal, double precision, timestamptz) IS 'transition of detect, surprise and change_probability';
COMMENT ON FUNCTION detect_row(internal, double precision, timestamptz, double precision, interval) IS 'transition of detect, surprise and change_probability';
COMMENT ON FUNCTION detect_row(internal, detector, double precision, timestamptz) IS 'transition of detect';
COMMENT ON FUNCTION detect_result(internal) IS 'result of detect';
COMMENT ON FUNCTION surprise_result(internal) IS 'result of surprise';
COMMENT ON FUNCTION change_probability_result(internal) IS 'result of change_probability';

CREATE AGGREGATE detect(value double precision) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = detect_result, PARALLEL = safe
);
CREATE AGGREGATE detect(value double precision, at timestamptz) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = detect_result, PARALLEL = safe
);
CREATE AGGREGATE detect(value double precision, at timestamptz, sensitivity double precision, period interval) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = detect_result, PARALLEL = safe
);
CREATE AGGREGATE detect(d detector, value double precision, at timestamptz) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = detect_result, PARALLEL = safe
);
CREATE AGGREGATE surprise(value double precision) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = surprise_result, PARALLEL = safe
);
CREATE AGGREGATE surprise(value double precision, at timestamptz) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = surprise_result, PARALLEL = safe
);
CREATE AGGREGATE surprise(value double precision, at timestamptz, sensitivity double precision, period interval) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = surprise_result, PARALLEL = safe
);
CREATE AGGREGATE change_probability(value double precision) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = change_probability_result, PARALLEL = safe
);
CREATE AGGREGATE change_probability(value double precision, at timestamptz) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = change_probability_result, PARALLEL = safe
);
CREATE AGGREGATE change_probability(value double precision, at timestamptz, sensitivity double precision, period interval) (
    SFUNC = detect_row, STYPE = internal, SSPACE = 4096, FINALFUNC = change_probability_result, PARALLEL = safe
);

COMMENT ON AGGREGATE detect(detector, double precision, timestamptz) IS
    'the stored detector of the first row after it has seen all rows; NULL starts one; write ORDER BY at inside the parentheses';
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
    AS 'MODULE_PATHNAME', 'observe_row_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
CREATE FUNCTION observe(d detector, value double precision, at timestamptz) RETURNS detector
    AS 'MODULE_PATHNAME', 'observe_at_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
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

CREATE FUNCTION summary(detector) RETURNS text
    AS 'MODULE_PATHNAME', 'detector_summary_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION summary(detector) IS 'rows, level, noise, slope where there is one, and rows since the last change, to read';
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

-- Many series ----------------------------------------------------------------------------------------------------

CREATE FUNCTION change_evidence(d detector, since timestamptz) RETURNS double precision
    AS 'MODULE_PATHNAME', 'detector_evidence_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;

COMMENT ON FUNCTION change_evidence(detector, timestamptz) IS
    'natural logarithm of the Bayes factor for a change at that time or later, against none';

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
    evidence double precision[], fdr double precision,
    OUT number integer, OUT probability double precision, OUT expected_false_share double precision
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'fleet_discoveries_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 20;

COMMENT ON FUNCTION fleet_discoveries(double precision[], double precision) IS
    'of many series, the numbers of those to report so that the expected share of false ones is at most fdr; 22023 unless 0 < fdr < 1';

CREATE FUNCTION fleet_discoveries(
    evidence double precision[], wanted boolean[], fdr double precision,
    OUT number integer, OUT probability double precision, OUT expected_false_share double precision
) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'fleet_choice_wrapper' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 ROWS 10000;

COMMENT ON FUNCTION fleet_discoveries(double precision[], boolean[], double precision) IS
    'of many possible changes, the numbers of those to report of the wanted ones so that the expected share of false ones is at most fdr; 22023 unless 0 < fdr < 1';

CREATE FUNCTION fleet_weight(series text, weight double precision) RETURNS double precision
    AS 'MODULE_PATHNAME', 'fleet_weight_wrapper' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION fleet_weight(text, double precision) IS 'the weight of a series; 22023 unless it is finite and not negative';

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
