#!/usr/bin/env -S python3 -B
"""Installs the extension into a schema full of decoys and uses it with that schema first in the path.

A decoy is a function, operator or type of a name that the extension's SQL uses, for every combination of the types that occur, and
raises an error that names itself. The schema belongs to an ordinary role, as it may. If PostgreSQL takes a decoy for what is
meant, the extension is not installed, or whoever uses it sees the error.
"""

import itertools
import re
import sys
import time
from pathlib import Path

from session import Report, ServerError, Session, literal, name

SQL = Path(__file__).resolve().parent.parent.parent / "sql"
# What arguments there are. Unknown literals become text.
TYPES = """text name bigint integer oid regclass double precision numeric interval timestamptz timestamp date boolean bytea
    jsonb text[] double precision[] anyelement anyarray""".replace("double precision", "double_precision").split()
TYPES = [type.replace("_", " ") for type in TYPES]
DECOY_TYPES = ["text", "name", "oid", "regclass", "bytea", "jsonb", "timestamptz", "int8", "int4", "float8", "tally", "detector"]


def texts(versions):
    """The SQL of the extension without its comments."""
    return re.sub(r"--.*", "", "\n".join(path.read_text() for path in versions))


def called(sql):
    """The names that may be those of functions, and the operators."""
    functions = {match.lower() for match in re.findall(r"(\w+)\s*\(", sql)}
    operators = set(re.findall(r"OPERATOR\(pg_catalog\.([^)]+)\)", sql)) | {"=", "<>", "<", ">", "<=", ">=", "||", "+", "-", "*", "/", "~~", "&&"}
    return functions, operators


class Decoys:
    """Makes decoys in a schema."""

    def __init__(self, session, schema):
        self.session, self.schema = session, schema
        self.count = 0

    def make(self, statements):
        """Many at once, each of which may be refused: what PostgreSQL does not allow nobody can use."""
        self.session("SET check_function_bodies = off")
        for first in range(0, len(statements), 500):
            part = statements[first : first + 500]
            self.session(
                "DO $do$ DECLARE s text; BEGIN FOREACH s IN ARRAY ARRAY["
                + ", ".join(map(literal, part))
                + "] LOOP BEGIN EXECUTE s; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END $do$"
            )
        self.count = int(self.session.value(f"SELECT count(*) FROM pg_proc WHERE pronamespace = {literal(self.schema)}::regnamespace AND prosrc LIKE '%decoy%'"))

    def function(self, function, arguments, result="boolean"):
        said = f"decoy {function}({', '.join(arguments)})".replace("'", "")
        return (
            f"CREATE FUNCTION {self.schema}.{name(function)}({', '.join(arguments)}) RETURNS {result} LANGUAGE plpgsql IMMUTABLE "
            f"AS $$ BEGIN RAISE EXCEPTION '{said}'; END $$"
        )

    def functions(self, functions, types):
        for function in sorted(functions):
            signatures = [()] + [(a,) for a in types] + list(itertools.product(types, repeat=2))
            self.make([self.function(function, signature) for signature in signatures])

    def operators(self, operators, types):
        for number, operator in enumerate(sorted(operators)):
            statements = []
            for left, right in itertools.product(types, repeat=2):
                statements.append(self.function(f"operator_{number}", (left, right)))
                statements.append(
                    f"CREATE OPERATOR {self.schema}.{operator} (LEFTARG = {left}, RIGHTARG = {right}, "
                    f"FUNCTION = {self.schema}.operator_{number})"
                )
            self.make(statements)

    def types(self):
        self.make([self.function("refuse", ())])
        self.make([f"CREATE DOMAIN {self.schema}.{type} AS pg_catalog.text CHECK ({self.schema}.refuse())" for type in DECOY_TYPES])

    def overloads(self):
        """Make them of the extension's own functions, each with one argument of another type."""
        own = self.session(
            "SELECT p.proname, array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) t), '|') FROM pg_proc p "
            f"WHERE p.pronamespace = {literal(self.schema)}::regnamespace AND p.prosrc NOT LIKE '%decoy%' AND p.prokind <> 'p'"
            # Of these every overload is better than they are, so that their callers choose it themselves.
            " AND 'anycompatible'::regtype <> ALL (p.proargtypes)"
        )
        types = [*TYPES, f"{self.schema}.tally", f"{self.schema}.detector"]
        statements = []
        for function, arguments in own:
            arguments = arguments.split("|") if arguments else []
            for place, type in itertools.product(range(len(arguments)), types):
                statements.append(self.function(function, (*arguments[:place], type, *arguments[place + 1 :])))
        self.make(statements)


def use(schema):
    """What users do, with every name of the extension's written out and every argument of the type that is declared."""
    e = schema
    text, stamp = "::pg_catalog.text", "::pg_catalog.timestamptz"
    span = f"'2026-01-01'{stamp}, '2026-01-02'{stamp}"
    owner = [
        f"SELECT {e}.powertree_create('data.t'::pg_catalog.regclass, 'at'{text}, '{{x,n}}'::pg_catalog.text[], '7 minutes'{text}, '{{s}}'::pg_catalog.text[], 'tree'{text})",
        f"SELECT {e}.powertree_create('data.p'::pg_catalog.regclass, 'at'{text}, '{{x}}'::pg_catalog.text[], '7 days'{text}, '{{}}'::pg_catalog.text[], 'days'{text})",
        f"CALL {e}.powertree_compact('tree'{text})",
        f"CALL {e}.powertree_compact(NULL{text})",
        "INSERT INTO data.t SELECT * FROM data.t",
        "UPDATE data.t SET x = 7",
        "DELETE FROM data.t",
        "INSERT INTO data.t TABLE data.kept",
        "CREATE TABLE data.p3 PARTITION OF data.p FOR VALUES FROM ('2028-01-01') TO ('2029-01-01')",
        "INSERT INTO data.p3 VALUES ('2028-02-03', 1)",
        "TRUNCATE data.p1",
        "INSERT INTO data.p1 VALUES ('2026-02-03', 1)",
        "ALTER TABLE data.p DETACH PARTITION data.p1",
        "ALTER TABLE data.p ATTACH PARTITION data.p1 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        "DROP TABLE data.p3",
        "CREATE TABLE data.p4 PARTITION OF data.p FOR VALUES FROM ('2029-01-06') TO ('2029-12-29')",
        "INSERT INTO data.p4 VALUES ('2029-02-03', 1)",
        f"SELECT {e}.powertree_archive('days'{text}, 'data.p4'::pg_catalog.regclass)",
        f"SELECT {e}.powertree_tally('days'{text}, 'x'{text}, NULL::pg_catalog.date, NULL::pg_catalog.date)",
        f"SELECT {e}.powertree_unarchive('days'{text}, NULL::pg_catalog.date, NULL::pg_catalog.date)",
        "DROP TABLE data.p4",
        "ALTER TABLE data.t RENAME x TO y",
        "ALTER TABLE data.t RENAME y TO x",
        f"SELECT {e}.powertree_rebuild('tree'{text})",
        f"CALL {e}.powertree_compact('tree'{text})",
    ]
    number, size = "::pg_catalog.int4", "::pg_catalog.float8"
    options = f", 3{number}, 'both'{text}, 0{size}, 0{size}, NULL{size}, NULL::pg_catalog.interval, '/'{text}"
    reader = [
        f"TABLE {e}.powertrees",
        f"SELECT {e}.powertree_tally('tree'{text}, 'x'{text}, {span}, VARIADIC '{{a}}'::pg_catalog.text[])",
        f"SELECT {e}.powertree_last('tree'{text}, 'n'{text}, 5::pg_catalog.int8, VARIADIC '{{a}}'::pg_catalog.text[])",
        f"SELECT {e}.powertree_buckets('tree'{text}, 'x'{text}, {span}, '1 hour'{text}, VARIADIC '{{a}}'::pg_catalog.text[])",
        f"SELECT {e}.describe({e}.tally(x)), {e}.tally(x)::pg_catalog.jsonb::{e}.tally FROM data.t",
        f"SELECT {e}.tally(x) OVER (ORDER BY at ROWS 5 PRECEDING) FROM data.t",
        f"SELECT ({e}.change_points(d)).* FROM (SELECT {e}.detect(x, at ORDER BY at) AS d FROM data.t) s",
        f"SELECT * FROM {e}.important_changes('SELECT s AS series, at, x AS value FROM data.t'{text}, '-infinity'{stamp}, 0.05::pg_catalog.float8, 20::pg_catalog.int4{options})",
        f"SELECT * FROM {e}.important_changes('SELECT s AS series, {e}.detect(x, at ORDER BY at) AS detector FROM data.t GROUP BY s'{text}, '-infinity'{stamp}, 0.05::pg_catalog.float8, 20::pg_catalog.int4{options})",
        f"SELECT * FROM {e}.surprising_episodes('SELECT s AS series, at, x AS value FROM data.t'{text}, 4::pg_catalog.float8, '1 hour'::pg_catalog.interval, 1::pg_catalog.float8, '1 day'::pg_catalog.interval)",
        f"SELECT * FROM {e}.important_changes('SELECT s AS series, at, x AS value, n AS weight FROM data.t'{text}, '-infinity'{stamp}, 0.05::pg_catalog.float8, 20::pg_catalog.int4{options})",
    ]
    last = [f"SELECT {e}.powertree_drop('days'{text})", f"SELECT {e}.powertree_drop('tree'{text})"]
    return owner, reader, last


DATA = """
CREATE SCHEMA data;
CREATE TABLE data.t (at timestamptz NOT NULL, s text, x float8, n numeric);
INSERT INTO data.t SELECT '2026-01-01'::timestamptz + g * interval '1 minute', CASE g % 2 WHEN 0 THEN 'a' ELSE 'a/b' END,
    sin(g) + CASE WHEN g > 200 THEN 9 ELSE 0 END, g FROM generate_series(1, 400) g;
CREATE TABLE data.kept AS TABLE data.t;
CREATE TABLE data.p (at date NOT NULL, x float8) PARTITION BY RANGE (at);
CREATE TABLE data.p1 PARTITION OF data.p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE data.p2 PARTITION OF data.p FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
INSERT INTO data.p SELECT '2026-06-01'::date + g, g FROM generate_series(1, 300) g;
GRANT USAGE ON SCHEMA data TO reader;
GRANT SELECT ON ALL TABLES IN SCHEMA data TO reader;
"""


def run(report, database, how, create):
    """Install in one way and use everything."""
    with Session() as admin:
        admin(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        admin(f"CREATE DATABASE {database} OWNER trickster")
    sql = texts(sorted(SQL.glob("*.sql")) + sorted((SQL / "upgrade").glob("*--*--*.sql")))
    functions, operators = called(sql)
    with Session("trickster", database) as trickster:
        trickster("CREATE SCHEMA decoys; GRANT USAGE ON SCHEMA decoys TO PUBLIC")
        known = {row[0] for row in trickster("SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace")}
        decoys = Decoys(trickster, "decoys")
        decoys.functions(functions & known, TYPES)
        decoys.operators(operators, TYPES)
        # The script of 0.1.0 takes decoys for PostgreSQL's: so these are good ones. That is why only a superuser may run it.
        with Session("postgres", database) as admin:
            caught = admin.attempt("CREATE EXTENSION pg_tally VERSION '0.1.0' SCHEMA decoys")
        report.check(f"{how}: 0.1.0 is not installed among decoys", None if caught and "decoy" in caught.message else caught or "it is")
        refused = trickster.attempt("CREATE EXTENSION pg_tally VERSION '0.1.0' SCHEMA decoys")
        report.check(f"{how}: 0.1.0 is refused to an owner", None if refused and refused.sqlstate == "42501" else refused or "it is not")
        problem = None
        try:
            create(trickster, database)
        except ServerError as error:
            problem = error
        report.check(f"{how}: installed among {decoys.count} decoys", problem)
        if problem:
            return
        decoys.overloads()
        decoys.types()
        print(f"# {decoys.count} decoys when it is used")
        trickster(DATA)
        trickster("GRANT USAGE ON SCHEMA decoys TO reader")
    owner, reader, last = use("decoys")
    for path in "decoys, pg_temp", "decoys, pg_catalog, pg_temp":
        for user, statements in ("trickster", owner), ("reader", reader), ("postgres", reader + owner[2:]):
            with Session(user, database) as session:
                session(f"SET search_path = {path}")
                wrong = [f"{error} in {statement}" for statement in statements if (error := session.attempt(statement))]
                report.check(f"{how}: {user}, search_path {path}", "\n".join(wrong))
        with Session("postgres", database) as session:
            report.check(f"{how}: worker, search_path {path}", worker(session))
            session(f"SET search_path = {path}")
            wrong = [f"{error} in {statement}" for statement in last if (error := session.attempt(statement))]
            report.check(f"{how}: dropped by postgres, search_path {path}", "\n".join(wrong))


def worker(session):
    """Wait until the worker has compacted what is written now; what kept it from that."""
    if session.value("SELECT NOT current_database() = ANY (string_to_array(current_setting('pg_tally.powertree_databases'), ','))") == "t":
        return "no worker serves this database"
    before = int(session.value("SELECT sum(compactions) FROM decoys.powertrees"))
    session("INSERT INTO data.t TABLE data.kept; INSERT INTO data.p VALUES ('2026-03-03', 5)")
    for _ in range(1200):
        if session.value("SELECT sum(log_rows) FROM decoys.powertrees") == "0" and int(session.value("SELECT sum(compactions) FROM decoys.powertrees")) > before:
            return None
        time.sleep(0.1)
    return "the worker did not compact: see the server's log"


def fresh(session, _):
    session("CREATE EXTENSION pg_tally SCHEMA decoys")


def updated(session, database):
    with Session("postgres", database) as admin:
        # Version 0.1.0 is for superusers only, as it was not safe among decoys: its objects are made elsewhere and then moved.
        admin("CREATE SCHEMA quiet; GRANT USAGE ON SCHEMA quiet TO trickster; CREATE EXTENSION pg_tally VERSION '0.1.0' SCHEMA quiet")
        admin("ALTER EXTENSION pg_tally SET SCHEMA decoys")
        admin("ALTER EXTENSION pg_tally UPDATE")


def main():
    report = Report()
    with Session() as admin:
        for role in "trickster", "reader":
            admin(f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    run(report, "decoys", "fresh", fresh)
    run(report, "decoys", "updated", updated)
    sys.exit(report.failed)


if __name__ == "__main__":
    main()
