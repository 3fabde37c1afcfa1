-- Text in and out.
SELECT '(3,2,2,1,3)'::tally;
SELECT ' ( 3 , 2, 2.0, 1e0, 3 ) '::tally;
SELECT '(0,,,,)'::tally;
SELECT '(1,-0,0,-0,-0)'::tally;
SELECT '(2,2.5,0.5,>=1,<=9)'::tally;
SELECT '(2,NaN,NaN,1,1) sum[1] squares[1] nonfinite[1 0 0]'::tally;

-- Every output reads back, bit for bit in all accessors: sums that need more words than mean and M2 show,
-- extreme magnitudes, special values, bounds that are not known.
CREATE TABLE samples (name text, t tally);
INSERT INTO samples
SELECT 'decimals', tally(x / 10.0::float8) FROM generate_series(1, 100) x
UNION ALL SELECT 'offset', tally(1e9 + x * 1e-3::float8) FROM generate_series(1, 100) x
UNION ALL SELECT 'huge', tally(x * 1e306::float8) FROM generate_series(1, 100) x
UNION ALL SELECT 'tiny', tally(x * 1e-306::float8) FROM generate_series(1, 100) x
UNION ALL SELECT 'subnormal', tally(x * 5e-324::float8) FROM generate_series(1, 100) x
UNION ALL SELECT 'mixed', tally(x) FROM unnest('{1e300,1,1e-300,-1e300}'::float8[]) x
UNION ALL SELECT 'special', tally(x) FROM unnest('{1,NaN,Infinity,-Infinity,NaN}'::float8[]) x
UNION ALL SELECT 'infinite', tally(x) FROM unnest('{1,2,Infinity}'::float8[]) x
UNION ALL SELECT 'only NaN', tally(x) FROM unnest('{NaN,NaN}'::float8[]) x
UNION ALL SELECT 'zeros', tally(x) FROM unnest('{0,-0}'::float8[]) x
UNION ALL SELECT 'one', tally(0.1::float8)
UNION ALL SELECT 'empty', tally(NULL::float8)
UNION ALL SELECT 'integers', tally(9223372036854775807 - x) FROM generate_series(1, 100) x
UNION ALL SELECT 'numerics', tally(x / 7.0) FROM generate_series(1, 100) x
UNION ALL SELECT 'lost bounds', tally(x / 10.0::float8) - (tally(0.1::float8) FILTER (WHERE x = 1)) FROM generate_series(1, 100) x;
INSERT INTO samples SELECT a.name || ' + ' || b.name, a.t + b.t FROM samples a, samples b;

CREATE FUNCTION report(t tally) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT concat_ws('|', num_vals(t), encode(float8send(sum(t)), 'hex'), encode(float8send(avg(t)), 'hex'),
        encode(float8send(m2(t)), 'hex'), encode(float8send(var_samp(t)), 'hex'),
        encode(float8send(stddev_pop(t)), 'hex'), encode(float8send(min(t)), 'hex'),
        encode(float8send(max(t)), 'hex'))
$$;
SELECT count(*), count(*) FILTER (WHERE report(t) = report(t::text::tally)) AS text,
    count(*) FILTER (WHERE t::text = t::text::tally::text) AS same_text,
    count(*) FILTER (WHERE report(t) = report(t::jsonb::tally)) AS jsonb,
    count(*) FILTER (WHERE t = t::text::tally AND t = t::jsonb::tally AND NOT t <> t::text::tally) AS equal
FROM samples;

-- Binary, by way of COPY.
SELECT current_setting('data_directory') || '/pg_tally_samples.bin' AS file \gset
COPY samples TO :'file' BINARY;
CREATE TABLE copied (name text, t tally);
COPY copied FROM :'file' BINARY;
SELECT count(*), count(*) FILTER (WHERE report(a.t) = report(b.t)) AS binary,
    count(*) FILTER (WHERE tally_send(a.t) = tally_send(b.t)) AS same_bytes
FROM samples a JOIN copied b USING (name);
SELECT tally_send('(0,,,,)');
SELECT typlen, typbyval, typalign, typstorage FROM pg_type WHERE oid = 'tally'::regtype;

-- What cannot be a tally is refused: 22P02.
SELECT '(3,2,2,1'::tally;
SELECT '(3,2,-1,1,3)'::tally;
\set VERBOSITY sqlstate
SELECT ''::tally;
SELECT '(-1,2,2,1,3)'::tally;
SELECT '(9223372036854775808,2,2,1,3)'::tally;
SELECT '(3,5,2,1,3)'::tally;
SELECT '(3,2,2,3,1)'::tally;
SELECT '(3,2,2,NaN,3)'::tally;
SELECT '(3,Infinity,2,1,3)'::tally;
SELECT '(3,2,1e400,1,3)'::tally;
SELECT '(3,2,2,1,3) sum[1 2 3 4] squares[14]'::tally;
SELECT '(3,2,2,1,3) nonfinite[9 9 9]'::tally;
SELECT '(3,2,2,1,3) scale[7]'::tally;
SELECT '(3,2,2,1,3) sum[6] squares[14] scale[2]'::tally;
\set VERBOSITY default

-- Moments known elsewhere.
SELECT tally_of(3, 2, 2, 1, 3);
SELECT tally_of(3, 2, 2, 1, 3) = tally(x::float8) AS equal FROM generate_series(1, 3) x;
SELECT tally_of(NULL, 2, 2, 1, 3);
SELECT tally_of(3, 2, 0.1, 1, 3);
\set VERBOSITY sqlstate
SELECT tally_of(0, 0, 0, 0, 0);
SELECT tally_of(3, 'NaN', 2, 1, 3);
SELECT tally_of(-3, 2, 2, 1, 3);
\set VERBOSITY default

-- jsonb.
SELECT tally(x::float8)::jsonb FROM generate_series(1, 3) x;
SELECT tally(x)::jsonb FROM unnest('{1,NaN,-Infinity}'::float8[]) x;
SELECT '{"num_vals": 3, "avg": 2, "m2": 2, "min": 1, "max": 3}'::jsonb::tally;
SELECT '{"num_vals": 3, "avg": 2, "m2": 2, "min": 1, "max": 3, "median": 2}'::jsonb::tally;
SELECT '{"num_vals": 3, "avg": 9, "m2": 2, "min": 1, "max": 3}'::jsonb::tally;
\set VERBOSITY sqlstate
SELECT '[]'::jsonb::tally;
SELECT 'null'::jsonb::tally;
SELECT '{"num_vals": 3, "avg": 1e400, "m2": 2, "min": 1, "max": 3}'::jsonb::tally;
SELECT '{"num_vals": 3.5, "avg": 2, "m2": 2, "min": 1, "max": 3}'::jsonb::tally;
SELECT '{"num_vals": 3, "avg": "two", "m2": 2, "min": 1, "max": 3}'::jsonb::tally;
\set VERBOSITY default

DROP FUNCTION report;
DROP TABLE samples, copied;

-- JSON: the object, wherever a value becomes json, and back from it.
CREATE TABLE j (id int, t tally, d detector);
INSERT INTO j SELECT 1, tally(x), detect(5) FROM unnest('{1,2,3}'::float8[]) x;
SELECT t::json, t::json::tally = t AS back, to_json(t)::text = t::json::text AS to_json, to_jsonb(t) = t::jsonb AS to_jsonb FROM j;
SELECT row_to_json(r), (SELECT json_agg(t) FROM j) FROM (SELECT id, t FROM j) r;
SELECT (jsonb_populate_record(NULL::j, to_jsonb(j) - 'd')).t = t AS populated FROM j;
SELECT ' {"num_vals": 3, "avg": 2, "m2": 2, "min": 1, "max": 3}'::tally;
SELECT '{"num_vals": 3}'::tally;
SELECT d::jsonb - 'noise' AS detector, to_jsonb(d) = d::jsonb AS to_jsonb FROM j;
DROP TABLE j;
-- Nothing is allocated for a text that no tally has, and little of it is shown.
DO $$
DECLARE message text;
BEGIN
    PERFORM repeat('1', 10000000)::tally;
EXCEPTION WHEN invalid_text_representation THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
    RAISE NOTICE '% characters', length(message);
END $$;
