"""Where the owner of a table can put code of his own, or a name that somebody may mistake for code.

{T} is the table. Each attack says what the table is like, and what its owner does to it afterwards. The function attack.trap() is
immutable and calls attack.spring(), which tells as whom it runs, and tries what could be done with that.
"""

from dataclasses import dataclass

from session import name

TRAP = "attack.trap('{T}') = 1"
# A schema whose name ends a literal if backslashes escape, and one that uses up all of a name.
EVIL = "a\\x22.s\\'); ALTER ROLE attacker SUPERUSER; --"
LONG = "é'\\\"" + "x" * 58


@dataclass
class Attack:
    """What an owner prepares."""

    what: str
    # Types and further columns of the table, how it is partitioned, and what happens to it when it is filled.
    at: str = "timestamptz"
    s: str = "text"
    x: str = "float8"
    columns: str = ""
    key: str = "(at)"
    before: str = ""
    after: str = ""
    # What stands beside the tables.
    beside: str = ""
    # What a superuser does for it, and what the attacker sets in his sessions.
    granted: str = ""
    settings: str = ""
    # The names of the columns.
    names: tuple = ("at", "s", "x")


PREPARE = """
CREATE SCHEMA attack;
GRANT USAGE ON SCHEMA attack TO PUBLIC;
CREATE FUNCTION attack.spring(what text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    attempt text;
BEGIN
    PERFORM pg_catalog.nextval(pg_catalog.format('record.%I', current_user)::pg_catalog.regclass);
    IF current_user <> session_user THEN
        PERFORM pg_catalog.nextval(pg_catalog.format('record.%I', current_user || ' for another')::pg_catalog.regclass);
    END IF;
    FOREACH attempt IN ARRAY ARRAY[
        'ALTER ROLE attacker SUPERUSER', 'SET ROLE postgres', 'SET SESSION AUTHORIZATION postgres', 'RESET ROLE', 'RESET SESSION AUTHORIZATION',
        $s$SELECT set_config('search_path', 'attack, pg_catalog', false)$s$, $s$SELECT set_config('attack.mark', 'left', false)$s$,
        'SET lock_timeout = 4711', 'SET row_security = off', 'SET session_replication_role = replica', 'SET default_transaction_isolation = serializable',
        'SELECT pg_try_advisory_lock(4711, pg_backend_pid())', 'LISTEN attack', 'PREPARE attack AS SELECT 1', 'CREATE TEMP TABLE attack_left (x int)',
        'DECLARE attack_left CURSOR WITH HOLD FOR SELECT 1'
    ] LOOP
        BEGIN
            EXECUTE attempt;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END LOOP;
    RETURN 1;
END $$;
CREATE FUNCTION attack.trap(what text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT attack.spring(what)); END $$;
CREATE FUNCTION attack.row_trap(anyelement) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT attack.spring('row')); END $$;
CREATE FUNCTION attack.trap_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM attack.spring('trigger'); RETURN coalesce(NEW, OLD); END $$;
CREATE FUNCTION attack.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM attack.spring('now'); RETURN pg_catalog.now(); END $$;
"""


def overloads():
    """Functions and operators that fit better than what is meant, where they are looked up by name."""
    made = []
    for schema in "attack", "public":
        for function in "min", "max", "count", "tally", "powertree_leaf", "width_bucket", "array_agg", "nextval", "format":
            for arguments in (
                "timestamptz", "date", "float8", "text", "timestamptz, int", "date, int", "bigint, int", "timestamptz, timestamptz[]", "date, bigint, int",
            ):
                made.append((f"{schema}.{function}({arguments})", "FUNCTION", f"RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN attack.spring(''overload''); END'"))
    statements = [
        f"DO $do$ BEGIN CREATE FUNCTION {function} {body}; EXCEPTION WHEN OTHERS THEN NULL; END $do$;" for function, _, body in made
    ]
    for operator in "=", ">=", "<=", "<", ">":
        for left, right in ("timestamptz", "timestamptz"), ("timestamptz", "timestamp"), ("text", "text"), ("oid", "regclass"), ("name", "text"):
            function = f"attack.operator_{len(statements)}"
            statements.append(
                f"CREATE FUNCTION {function}({left}, {right}) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN attack.spring(''operator'') = 1; END';"
                f"CREATE OPERATOR attack.{operator} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = {function});"
            )
    return "\n".join(statements)


ATTACKS = [
    Attack("nothing"),
    Attack("index predicate", after=f"CREATE INDEX ON attack.{{T}}1 (at) WHERE {TRAP}; CREATE INDEX ON attack.{{T}}3 (at) WHERE {TRAP};"),
    Attack("index predicate of rows", after="CREATE INDEX ON attack.{T} (at) WHERE attack.row_trap(x) = 1; CREATE INDEX ON attack.{T}3 (at) WHERE attack.row_trap(x) = 1;"),
    Attack("index expression", after="CREATE INDEX ON attack.{T} ((attack.trap('{T}') + x)); CREATE INDEX ON attack.{T}3 ((attack.row_trap(x)));"),
    Attack("extended statistics", after="CREATE STATISTICS attack.{T}_st ON (attack.trap('{T}') + x), at FROM attack.{T}1; ANALYZE attack.{T}1;"),
    Attack("default", columns=", d int DEFAULT attack.trap('{T}')"),
    Attack("generated column", columns=", g float8 GENERATED ALWAYS AS (x + attack.trap('{T}') + attack.row_trap(x)) STORED"),
    Attack("check constraint", columns=f", CHECK (x > 0 OR {TRAP})", after=f"ALTER TABLE attack.{{T}}3 ADD CHECK ({TRAP});"),
    Attack("check that excludes partitions", after=f"ALTER TABLE attack.{{T}}1 ADD CHECK (at > '2020-01-01' AND {TRAP}) NOT VALID;"),
    Attack("domain of the value", x="attack.value_{T}", before="CREATE DOMAIN attack.value_{T} AS float8 CHECK (attack.row_trap(VALUE) = 1);"),
    Attack("domain of the position", at="attack.at_{T}", before="CREATE DOMAIN attack.at_{T} AS timestamptz CHECK (attack.row_trap(VALUE) = 1);"),
    Attack("domain of the series", s="attack.s_{T}", before="CREATE DOMAIN attack.s_{T} AS text CHECK (attack.row_trap(VALUE) = 1);"),
    # The subqueries keep PL/pgSQL from folding the trap to a constant while it plans: it changes the search path, which a
    # PostgreSQL built with assertions does not expect in the middle of that, whatever extensions there are.
    Attack(
        "casts of the series",
        s="attack.mood_{T}",
        before="""CREATE TYPE attack.mood_{T} AS ENUM ('a', 'b');
            CREATE FUNCTION attack.mood_text(attack.mood_{T}) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT attack.trap('cast'))::text; END $$;
            CREATE FUNCTION attack.text_mood_{T}(text) RETURNS attack.mood_{T} IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT attack.trap('cast'))::text; END $$;
            CREATE CAST (attack.mood_{T} AS text) WITH FUNCTION attack.mood_text(attack.mood_{T}) AS IMPLICIT;
            CREATE CAST (text AS attack.mood_{T}) WITH FUNCTION attack.text_mood_{T}(text) AS IMPLICIT;
            CREATE FUNCTION attack.mood_equal(attack.mood_{T}, attack.mood_{T}) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN attack.spring('=') = 1; END $$;
            CREATE OPERATOR attack.= (LEFTARG = attack.mood_{T}, RIGHTARG = attack.mood_{T}, FUNCTION = attack.mood_equal);""",
    ),
    Attack("row security", after=f"CREATE POLICY p ON attack.{{T}} USING ({TRAP}); ALTER TABLE attack.{{T}} ENABLE ROW LEVEL SECURITY;"),
    Attack(
        "row security of the owner",
        after=f"CREATE POLICY p ON attack.{{T}} USING ({TRAP}); ALTER TABLE attack.{{T}} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
        f"CREATE POLICY p ON attack.{{T}}1 USING ({TRAP}); ALTER TABLE attack.{{T}}1 ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;",
    ),
    Attack("rules", after="CREATE RULE r AS ON DELETE TO attack.{T}1 DO ALSO SELECT attack.spring('rule'); CREATE RULE i AS ON INSERT TO attack.{T}1 DO ALSO SELECT attack.spring('rule');"),
    Attack(
        "triggers",
        after="""CREATE TRIGGER a BEFORE INSERT OR UPDATE OR DELETE ON attack.{T} FOR EACH STATEMENT EXECUTE FUNCTION attack.trap_trigger();
            CREATE TRIGGER zz AFTER INSERT OR UPDATE OR DELETE ON attack.{T} FOR EACH ROW EXECUTE FUNCTION attack.trap_trigger();
            CREATE TRIGGER truncated BEFORE TRUNCATE ON attack.{T}1 FOR EACH STATEMENT EXECUTE FUNCTION attack.trap_trigger();
            ALTER TABLE attack.{T}1 ENABLE ALWAYS TRIGGER truncated;""",
    ),
    Attack("key of the partitions", key="((attack.row_trap(x)), at)"),
    Attack("overloads in the path", beside=overloads(), settings="SET search_path = attack, pg_catalog, public"),
    Attack("overloads of dates", at="date", beside=overloads(), settings="SET search_path = attack, public, pg_catalog"),
    Attack(
        "partition of another owner",
        after=f"CREATE INDEX ON attack.{{T}}1 (at) WHERE {TRAP}; CREATE INDEX ON attack.{{T}}1 (at) WHERE attack.row_trap(x) = 1;"
        f"ALTER TABLE attack.{{T}}1 ADD CHECK ({TRAP}); CREATE STATISTICS attack.{{T}}_st ON (attack.trap('{{T}}') + x), at FROM attack.{{T}}1;",
        granted="ALTER TABLE attack.{T} OWNER TO victim; ALTER TABLE attack.{T}2 OWNER TO victim;",
    ),
    Attack("hostile names", names=(LONG, "s'); ALTER ROLE attacker SUPERUSER; --", '"\\\'x'), settings="SET standard_conforming_strings = off; SET escape_string_warning = off; SET backslash_quote = on"),
]


def setup(attack, table):
    """The table of an attack, with three months: two partitions and a table that can be a third."""
    at, s, x = map(name, attack.names)
    expressions = "(" in attack.key[1:]
    bound = lambda month: f"({'1, ' if expressions else ''}'2026-{month:02}-01')"
    columns = f"{at} {attack.at} NOT NULL, {s} {attack.s}, {x} {attack.x}{attack.columns}"
    key = attack.key.replace("at", at) if attack.names[0] != "at" else attack.key
    partitions = [
        f"CREATE TABLE attack.{{T}}{n} PARTITION OF attack.{{T}} FOR VALUES FROM {bound(n)} TO {bound(n + 1)};" for n in (1, 2)
    ]
    rows = ", ".join(f"('2026-{month:02}-{day:02}', '{'ab'[day % 2]}', {day})" for month in (1, 2) for day in (3, 4))
    return (
        f"{attack.before}\nCREATE TABLE attack.{{T}} ({columns}) PARTITION BY RANGE {key};\n"
        + "\n".join(partitions)
        + f"\nCREATE TABLE attack.{{T}}3 ({columns});\n"
        + f"INSERT INTO attack.{{T}} ({at}, {s}, {x}) VALUES {rows};\n"
        + f"INSERT INTO attack.{{T}}3 ({at}, {s}, {x}) VALUES ('2026-03-05', 'a', 5);\n"
        + attack.after
        + "\nGRANT ALL ON ALL TABLES IN SCHEMA attack TO victim;"
    ).replace("{T}", table)
