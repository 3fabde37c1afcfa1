-- What a query returns, or how it fails, with pg_tally.answer_from_trees at this setting, and whether a tree answered.
CREATE FUNCTION outcome(query text, answer text, OUT v text[], OUT failure text, OUT tree boolean) LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    PERFORM set_config('pg_tally.answer_from_trees', answer, true);
    EXECUTE format('SELECT array_agg(q::text ORDER BY q::text COLLATE "C") FROM (%s OFFSET 0) q', query) INTO v;
    tree := false;
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, VERBOSE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        tree := tree OR line ~ 'Answered From: tree';
    END LOOP;
EXCEPTION WHEN data_exception OR undefined_function OR cardinality_violation THEN
    failure := SQLSTATE;
END $$;
