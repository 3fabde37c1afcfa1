-- Every object of the extension has a comment, and every function is immutable and parallel safe, but those of the power tree, those
-- that take rows in their order, and those that write times in the session's time zone.
SELECT pg_describe_object(classid, objid, 0) AS without_comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
    AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_tally')
    AND obj_description(objid, classid::regclass::name) IS NULL
    -- PostgreSQL makes these by itself.
    AND pg_describe_object(classid, objid, 0) NOT LIKE '%[]'
    AND NOT EXISTS (SELECT FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid WHERE t.oid = objid AND c.relkind IN ('r', 'v'))
ORDER BY 1;
SELECT p.oid::regprocedure AS unsafe
FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_tally')
    AND (p.proparallel <> 's' OR p.provolatile <> 'i') AND p.proname NOT LIKE 'powertree%'
ORDER BY 1;
SELECT extrelocatable, extversion FROM pg_extension WHERE extname = 'pg_tally';
-- It can move.
CREATE SCHEMA elsewhere;
ALTER EXTENSION pg_tally SET SCHEMA elsewhere;
SELECT elsewhere.avg(elsewhere.tally(x::float8)), elsewhere.describe(elsewhere.tally(x::float8)) FROM generate_series(1, 3) x;
SELECT elsewhere.tally(x::float8)::jsonb FROM generate_series(1, 3) x;
ALTER EXTENSION pg_tally SET SCHEMA public;
DROP SCHEMA elsewhere;
-- The general checks of PostgreSQL's own regression tests: operators agree with their functions and each other.
SELECT o.oid::regoperator FROM pg_operator o JOIN pg_depend d ON d.objid = o.oid AND d.deptype = 'e'
WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_tally')
    AND (o.oprcom <> 0 AND NOT EXISTS (SELECT FROM pg_operator c WHERE c.oid = o.oprcom AND c.oprcom = o.oid)
        OR o.oprnegate <> 0 AND NOT EXISTS (SELECT FROM pg_operator n WHERE n.oid = o.oprnegate AND n.oprnegate = o.oid));
-- Nobody can call what only PostgreSQL needs to call.
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
WHERE d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_tally')
    AND p.prorettype = 'event_trigger'::regtype AND has_function_privilege('public', p.oid, 'EXECUTE');
