-- All that the extension consists of, one line for each object and property, without what differs from one database to another.
WITH member AS (
    SELECT d.classid, d.objid, (pg_identify_object(d.classid, d.objid, 0)).* FROM pg_depend d
    JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    WHERE e.extname = 'pg_tally'
), line(kind, name, property) AS (
    SELECT type, identity, jsonb_build_array('comment', obj_description(objid, classid::regclass::name)) FROM member
    UNION ALL
    SELECT m.type, m.identity, jsonb_build_array(
        pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.prolang, p.prosrc, p.probin, pg_get_function_sqlbody(p.oid),
        p.provolatile, p.proparallel, p.proisstrict, p.proleakproof, p.prosecdef, p.procost, p.prorows, p.proconfig, p.prosupport,
        p.proacl::text, p.proowner::regrole)
    FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
    UNION ALL
    SELECT m.type, m.identity, to_jsonb(a) - '{aggfnoid,aggtranstype,aggmtranstype}'::text[]
        || jsonb_build_object('state', a.aggtranstype::regtype, 'moving', a.aggmtranstype::regtype)
    FROM member m JOIN pg_aggregate a ON m.classid = 'pg_proc'::regclass AND m.objid = a.aggfnoid
    UNION ALL
    SELECT m.type, m.identity, jsonb_build_array(
        o.oprcode, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprcanmerge, o.oprcanhash, o.oprrest, o.oprjoin, o.oprowner::regrole)
    FROM member m JOIN pg_operator o ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid
    UNION ALL
    SELECT m.type, m.identity, jsonb_build_array(c.castfunc::regprocedure, c.castcontext, c.castmethod)
    FROM member m JOIN pg_cast c ON m.classid = 'pg_cast'::regclass AND m.objid = c.oid
    UNION ALL
    SELECT m.type, m.identity, jsonb_build_array(
        t.typlen, t.typtype, t.typcategory, t.typispreferred, t.typdelim, t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin,
        t.typanalyze, t.typsubscript, t.typalign, t.typstorage, t.typdefault, t.typacl::text, t.typowner::regrole)
    FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
    UNION ALL
    SELECT m.type, m.identity, jsonb_build_array(c.relkind, c.relpersistence, c.reloptions, c.relacl::text, c.relrowsecurity, c.relowner::regrole,
        s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle,
        CASE c.relkind WHEN 'v' THEN pg_get_viewdef(c.oid) END,
        (SELECT t.reloptions FROM pg_class t WHERE t.oid = c.reltoastrelid))
    FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND m.objid = c.oid LEFT JOIN pg_sequence s ON s.seqrelid = c.oid
    UNION ALL
    SELECT 'column', c.oid::regclass || '.' || a.attname, jsonb_build_array(
        row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attstorage,
        a.attcollation::regcollation, a.attacl::text, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped AND (c.oid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass)
        OR c.reltype IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass))
    UNION ALL
    SELECT 'index', i.indexrelid::regclass::text, jsonb_build_array(pg_get_indexdef(i.indexrelid), c.reloptions)
    FROM member m JOIN pg_index i ON m.classid = 'pg_class'::regclass AND m.objid = i.indrelid JOIN pg_class c ON c.oid = i.indexrelid
    UNION ALL
    SELECT 'constraint', m.identity || ' ' || c.conname, to_jsonb(pg_get_constraintdef(c.oid))
    FROM member m JOIN pg_constraint c ON m.classid = 'pg_class'::regclass AND m.objid = c.conrelid
    UNION ALL
    SELECT 'trigger', m.identity || ' ' || t.tgname, jsonb_build_array(pg_get_triggerdef(t.oid), t.tgenabled)
    FROM member m JOIN pg_trigger t ON m.classid = 'pg_class'::regclass AND m.objid = t.tgrelid
    UNION ALL
    SELECT 'rule', m.identity || ' ' || r.rulename, to_jsonb(pg_get_ruledef(r.oid))
    FROM member m JOIN pg_rewrite r ON m.classid = 'pg_class'::regclass AND m.objid = r.ev_class
    UNION ALL
    SELECT m.type, m.identity, jsonb_build_array(e.evtevent, e.evtfoid::regprocedure, e.evtenabled, e.evttags, e.evtowner::regrole)
    FROM member m JOIN pg_event_trigger e ON m.classid = 'pg_event_trigger'::regclass AND m.objid = e.oid
    UNION ALL
    SELECT m.type, m.identity, jsonb_build_array(o.amopopr::regoperator, o.amopstrategy, o.amoppurpose)
    FROM member m JOIN pg_amop o ON m.classid = 'pg_opfamily'::regclass AND m.objid = o.amopfamily
    UNION ALL
    SELECT m.type, m.identity, jsonb_build_array(p.amproc::regprocedure, p.amprocnum)
    FROM member m JOIN pg_amproc p ON m.classid = 'pg_opfamily'::regclass AND m.objid = p.amprocfamily
    UNION ALL
    SELECT 'extension', extname, jsonb_build_array(extversion, extrelocatable, extconfig::regclass[]::text, extcondition)
    FROM pg_extension WHERE extname = 'pg_tally'
)
SELECT kind, name, property FROM line ORDER BY kind, name, property::text;
