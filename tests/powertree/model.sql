-- The tables of the model test, and what it asks. The shadow keeps all rows, and knows which are archived.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tally;
CREATE TABLE m (id bigint NOT NULL, at bigint NOT NULL, s text, x float8, n bigint) PARTITION BY RANGE (at);
CREATE TABLE m_rest PARTITION OF m DEFAULT;
CREATE INDEX ON m (s, at);
CREATE TABLE shadow (id bigint PRIMARY KEY, at bigint NOT NULL, s text, x float8, n bigint, archived boolean NOT NULL DEFAULT false);
CREATE INDEX ON shadow (at);
CREATE SEQUENCE ids;
SELECT powertree_create('m', at => 'at', "values" => '{x,n}', series => '{s}', leaf => '10');
SELECT powertree_create('m', at => 'at', "values" => '{n}', leaf => '50', name => 'wide');

CREATE FUNCTION leaf_of(tree text) RETURNS bigint LANGUAGE sql AS $$ SELECT leaf FROM powertree_definition WHERE name = tree $$;

-- Whether one of the positions cuts archived rows of a leaf, of one series or any that the tree tells apart: 2, or 1 if those have no
-- values, which the tree may know; 0 if not. An archived leaf is all that was archived of it together.
CREATE FUNCTION cuts(tree text, value text, series text, VARIADIC ends bigint[]) RETURNS int LANGUAGE sql AS $$
    SELECT coalesce(max(CASE WHEN vals > 0 THEN 2 ELSE 1 END), 0) FROM unnest(ends) AS e(e), LATERAL (
        SELECT min(at) AS first, max(at) AS last, count(CASE value WHEN 'x' THEN x ELSE n END) AS vals
        FROM shadow, leaf_of(tree) w
        WHERE archived AND (tree = 'wide' OR s IS NOT NULL) AND (series IS NULL OR s = series)
            AND at >= floor(e::numeric / w) * w AND at < floor(e::numeric / w) * w + w
        GROUP BY CASE tree WHEN 'wide' THEN '' ELSE s END
    ) l WHERE first < e AND e <= last
$$;

-- What is wrong with an answer; NULL if nothing is. The answer is compared with the shadow in one snapshot.
CREATE FUNCTION wrong(what text, cut int, answer text, shadow text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    given text;
    wanted text;
BEGIN
    BEGIN
        EXECUTE answer INTO given;
    EXCEPTION WHEN feature_not_supported THEN
        RETURN CASE WHEN cut = 0 THEN what || ': ' || SQLERRM END;
    END;
    IF cut = 2 THEN RETURN what || ': no error'; END IF;
    EXECUTE shadow INTO wanted;
    RETURN CASE WHEN given IS DISTINCT FROM wanted THEN format('%s: %s, but %s is right', what, given, wanted) END;
END $$;

CREATE FUNCTION wrong_range(a bigint, b bigint, series text, value text) RETURNS text LANGUAGE sql AS $$
    SELECT wrong(format('%s of %s from %s to %s', value, series, a, b), cuts('m', value, series, a, b),
        format('SELECT powertree_tally(''m'', %L, %s::bigint, %s, %L)', value, a, b, series),
        format('SELECT tally(%I) FROM shadow WHERE s = %L AND at >= %s AND at < %s', value, series, a, b))
$$;
CREATE FUNCTION wrong_wide(a bigint, b bigint) RETURNS text LANGUAGE sql AS $$
    SELECT wrong(format('wide from %s to %s', a, b), cuts('wide', 'n', NULL, a, b),
        format('SELECT powertree_tally(''wide'', ''n'', %s::bigint, %s)', a, b),
        format('SELECT tally(n) FROM shadow WHERE at >= %s AND at < %s', a, b))
$$;
CREATE FUNCTION wrong_tallies(a bigint, b bigint, value text) RETURNS text LANGUAGE sql AS $$
    SELECT wrong(format('all %s from %s to %s', value, a, b), cuts('m', value, NULL, a, b),
        format('SELECT string_agg(series::text || tally, '' '' ORDER BY series) FROM powertree_tallies(''m'', %L, %s::bigint, %s)', value, a, b),
        format('SELECT string_agg(ARRAY[s]::text || t, '' '' ORDER BY s) FROM (SELECT s, tally(%I) AS t FROM shadow '
            'WHERE s IS NOT NULL AND at >= %s AND at < %s AND %I IS NOT NULL GROUP BY s) e', value, a, b, value))
$$;
CREATE FUNCTION wrong_buckets(a bigint, step bigint, many int, series text, value text) RETURNS text LANGUAGE sql AS $$
    SELECT wrong(format('%s buckets of %s from %s, of %s of %s', many, step, a, value, series),
        cuts('m', value, series, VARIADIC ARRAY(SELECT a + i * step FROM generate_series(0, many) i)),
        format('SELECT string_agg(bucket || '' '' || tally, '', '' ORDER BY bucket) FROM powertree_buckets(''m'', %L, %s::bigint, %s::bigint, ''%s'', %L)',
            value, a, a + step * many, step, series),
        format('SELECT string_agg(%s + i * %s || '' '' || (SELECT tally(%I) FROM shadow WHERE s = %L AND at >= %s + i * %s AND at < %s + (i + 1) * %s), '', '' ORDER BY i) '
            'FROM generate_series(0, %s) i', a, step, value, series, a, step, a, step, many - 1))
$$;
CREATE FUNCTION wrong_series() RETURNS text LANGUAGE sql AS $$
    SELECT wrong('series', 0, 'SELECT string_agg(t::text, '' '' ORDER BY t) FROM powertree_series(''m'') t',
        'SELECT string_agg(e::text, '' '' ORDER BY e) FROM (SELECT ARRAY[s], min(at)::text, max(at)::text, count(*) FROM shadow WHERE s IS NOT NULL GROUP BY s) e')
$$;
CREATE FUNCTION wrong_last(need bigint, series text) RETURNS text LANGUAGE sql AS $$
    SELECT wrong(format('last %s of %s', need, series), (SELECT CASE WHEN EXISTS (SELECT FROM shadow WHERE archived AND s = series AND n IS NOT NULL) THEN 1 ELSE 0 END),
        format('SELECT tally FROM powertree_last(''m'', ''n'', %s, %L)', need, series),
        format('SELECT tally(n) FROM (SELECT n FROM shadow WHERE s = %L AND n IS NOT NULL ORDER BY at DESC, n DESC LIMIT %s) e', series, need))
$$;
-- A chart never asks for what cannot be answered.
CREATE FUNCTION wrong_zoom(a bigint, b bigint, points int, series text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s buckets from %s to %s at %s: %s', points, a, b, z.bucket, z.tally), E'\n')
    FROM powertree_zoom('m', 'x', a, b, points, series) z
    WHERE tally IS DISTINCT FROM (SELECT tally(x) FROM shadow WHERE s = series AND at >= bucket AND at < bucket + step)
$$;
CREATE FUNCTION wrong_rows() RETURNS text LANGUAGE sql AS $$
    SELECT 'the rows of the table' WHERE EXISTS (
        (SELECT id, at, s, x, n FROM m EXCEPT SELECT id, at, s, x, n FROM shadow WHERE NOT archived)
        UNION ALL (SELECT id, at, s, x, n FROM shadow WHERE NOT archived EXCEPT SELECT id, at, s, x, n FROM m))
    UNION ALL
    SELECT format('%s of %s archived rows', archived_rows, count) FROM powertrees,
        LATERAL (SELECT count(*) FROM shadow WHERE archived AND (name = 'wide' OR s IS NOT NULL)) c WHERE archived_rows <> count
$$;
