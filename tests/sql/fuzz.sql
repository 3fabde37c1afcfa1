-- Damaged text, jsonb and binary give an error with the right SQLSTATE, or a value that reads back: 100,000 times.
\set ECHO errors
SET client_min_messages = warning;
SELECT setseed(0.25);

CREATE TABLE seeds (id serial, t tally);
INSERT INTO seeds (t)
SELECT tally(exp(random() * 40 - 20) * (random() - 0.5)) FROM generate_series(1, 400) i GROUP BY i % 40
UNION ALL SELECT tally(x) FROM unnest('{1e300,-1e-300,NaN,2}'::float8[]) x
UNION ALL SELECT tally(x) FROM unnest('{1,2,Infinity}'::float8[]) x
UNION ALL SELECT '(2,2.5,0.5,>=1,<=9)'
UNION ALL SELECT '(0,,,,)';

-- Replaces, removes or doubles some characters.
CREATE FUNCTION damaged(original text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text := original;
    at int;
    alphabet constant text := '0123456789.-+eE(),[]{}":<>=NaInfity sumqresclo';
BEGIN
    FOR i IN 1 .. 1 + floor(random() * 3)::int LOOP
        at := 1 + floor(random() * length(result))::int;
        result := CASE floor(random() * 3)
            WHEN 0 THEN overlay(result PLACING substr(alphabet, 1 + floor(random() * length(alphabet))::int, 1) FROM at)
            WHEN 1 THEN overlay(result PLACING '' FROM at FOR 1 + floor(random() * 3)::int)
            ELSE overlay(result PLACING substr(result, at, 4) FROM at FOR 0)
        END;
    END LOOP;
    RETURN result;
END $$;

-- Replaces some bytes of the one value in the image of a binary COPY file, which begins at offset 25.
CREATE FUNCTION damaged(original bytea) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    result bytea := original;
BEGIN
    FOR i IN 1 .. 1 + floor(random() * 3)::int LOOP
        result := set_byte(result, 25 + floor(random() * 81)::int, floor(random() * 256)::int);
    END LOOP;
    RETURN result;
END $$;

-- One round: what a damaged image of the seed becomes, NULL if it is refused as it should be.
CREATE TABLE target (t tally);
CREATE FUNCTION attempt(form text, seed tally) RETURNS tally LANGUAGE plpgsql AS $$
DECLARE
    got tally;
    file constant text := current_setting('data_directory') || '/pg_tally_fuzz.bin';
    image oid;
BEGIN
    CASE form
        WHEN 'text' THEN got := damaged(seed::text)::tally;
        WHEN 'jsonb' THEN got := damaged(seed::jsonb::text)::jsonb::tally;
        WHEN 'binary' THEN
            -- Signature, flags, no header extension; one field of 81 bytes; end of file.
            image := lo_from_bytea(0, damaged('\x5047434f50590aff0d0a000000000000000000000100000051'::bytea
                || tally_send(seed) || '\xffff'::bytea));
            PERFORM lo_export(image, file);
            PERFORM lo_unlink(image);
            EXECUTE format('COPY target FROM %L BINARY', file);
            DELETE FROM target RETURNING t INTO got;
    END CASE;
    RETURN got;
EXCEPTION
    WHEN invalid_text_representation THEN RETURN NULL;
    WHEN invalid_binary_representation THEN
        IF form <> 'binary' THEN RAISE; END IF;
        RETURN NULL;
    -- PostgreSQL's own, of jsonb with numbers that are too long.
    WHEN numeric_value_out_of_range THEN
        IF form <> 'jsonb' THEN RAISE; END IF;
        RETURN NULL;
END $$;

CREATE TABLE results (form text, tried bigint DEFAULT 0, accepted bigint DEFAULT 0, wrong text);
CREATE PROCEDURE fuzz(what text, rounds int) LANGUAGE plpgsql AS $$
DECLARE
    seed tally;
    got tally;
    accepted bigint := 0;
    wrong text;
BEGIN
    FOR i IN 1 .. rounds LOOP
        IF i % 50 = 1 THEN
            COMMIT;
            SELECT t INTO seed FROM seeds WHERE id = 1 + (i / 50) % (SELECT count(*) FROM seeds);
        END IF;
        got := attempt(what, seed);
        CONTINUE WHEN got IS NULL;
        accepted := accepted + 1;
        IF got::text::tally <> got OR got::jsonb::tally <> got OR (describe(got)).num_vals IS NULL THEN
            wrong := concat(wrong, ' does not read back: ', got);
        END IF;
    END LOOP;
    INSERT INTO results VALUES (what, rounds, accepted, wrong);
END $$;
CALL fuzz('text', 45000);
CALL fuzz('jsonb', 45000);
CALL fuzz('binary', 10000);
SELECT form, tried, accepted > 0 AS some_accepted, accepted < tried AS some_refused, wrong FROM results;

DROP TABLE seeds, target, results;
DROP PROCEDURE fuzz;
DROP FUNCTION attempt, damaged(text), damaged(bytea);
