#!/usr/bin/env -S python3 -B
"""Calls every function, aggregate, operator, cast and trigger function of the extension that anybody may call, as an ordinary role, with
hostile arguments. They are found in the catalogue, so that new ones are called too.

    tests/security/fuzz.py CALLS [SEED [FUNCTION ...]]

Each call must end, in time and within its memory, with a result or with an error that says what was wrong with the arguments. Besides,
every function that takes text is called with one huge argument in each place, of which it may make few copies.

Without a seed, each run makes other calls.
"""

import re
import sys
import time
from pathlib import Path

from hostile import Hostile, with_one_huge_text
from memory import HUGE_TEXT, Memory, most_copies
from session import Gone, Report, ServerError, Session, literal

DATABASE = "fuzz"
TIMEOUT = 0.5
# Beyond the timeout; and what a call may take, with work_mem.
GRACE, MEMORY = 0.2, 64 << 20
# Data exceptions, a transaction that only reads, wrong use of a function, of SQL, not supported, constraints, resources, limits; cancelled.
EXPECTED = re.compile(r"22|25|39|42|0A|23|53|54|57014")
INTERNALS = re.compile(r"panick|\bsrc/|\.rs\b|RUST|unwrap|assertion|overflow when|index out of|defect of pg_tally", re.IGNORECASE)

DATA = """
CREATE SCHEMA fuzz;
SET search_path = fuzz, public;
CREATE TABLE t (at timestamptz, s text, x float8, n numeric) PARTITION BY RANGE (at);
CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('-infinity') TO ('2026-01-15');
CREATE TABLE t2 PARTITION OF t DEFAULT;
CREATE TABLE b (at bigint, x bigint);
CREATE TABLE d (at date, s int, x numeric);
CREATE TABLE s (at timestamp, x real);
INSERT INTO t SELECT '2026-01-01'::timestamptz + g * interval '37 min', chr(97 + g % 3), sin(g) + CASE WHEN g > 700 THEN 4 ELSE 0 END, g FROM generate_series(1, 1000) g;
INSERT INTO b SELECT g * 10, g FROM generate_series(-500, 500) g;
INSERT INTO d SELECT '2026-01-01'::date + g, g % 2, g / 7.0 FROM generate_series(1, 300) g;
INSERT INTO s SELECT '2026-01-01'::timestamp + g * interval '1 min', g FROM generate_series(1, 300) g;
INSERT INTO t VALUES (NULL, 'a', 1, 1), ('2026-01-01', NULL, 1, 1), ('2026-01-01', 'a', 'NaN', NULL), ('4713-01-01 BC', 'a', 1e308, 1);
"""
TREES = """
SELECT powertree_create('fuzz.t', 'at', '{x,n}', '1 hour', '{s}', 't');
SELECT powertree_create('fuzz.b', 'at', '{x}', '100', '{}', 'b');
SELECT powertree_create('fuzz.d', 'at', '{x}', '7 days', '{s}', 'd');
SELECT powertree_create('fuzz.s', 'at', '{x}', '1 hour', '{}', 's');
CALL powertree_compact();
"""
MEMBERS = """
SELECT p.oid::regprocedure, p.proname, p.prokind, array_to_string(ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) t), '|'),
    coalesce(array_to_string(p.proargnames[1:p.pronargs], '|', ''), ''), format_type(p.prorettype, NULL), p.provariadic <> 0
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_tally' WHERE has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY 1::text
"""
OPERATORS = """
SELECT o.oprname, format_type(o.oprleft, NULL), format_type(o.oprright, NULL) FROM pg_operator o
JOIN pg_depend d ON d.classid = 'pg_operator'::regclass AND d.objid = o.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_tally'
"""
CASTS = """
SELECT format_type(c.castsource, NULL), format_type(c.casttarget, NULL) FROM pg_cast c
JOIN pg_depend d ON d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_tally'
"""
FRAMES = ["", "ROWS 3 PRECEDING", "ROWS BETWEEN 1 FOLLOWING AND 3 FOLLOWING", "ROWS BETWEEN 2 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW", "GROUPS 2 PRECEDING"]


def cpu(process):
    """The processor's seconds that a process has used: other processes do not lengthen them."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


class Caller:
    """A session of the attacker's that checks each call."""

    def __init__(self):
        self.session, self.wrong = None, []
        self.calls = self.results = 0
        self.connect()

    def connect(self):
        """A new session; a server that is starting again after a crash takes a while."""
        for attempt in range(100):
            try:
                self.session = Session("mallory", DATABASE)
                self.session(f"SET search_path = fuzz, public; SET statement_timeout = '{TIMEOUT}s'; SET client_min_messages = error")
                break
            except (OSError, Gone, ServerError):
                if attempt == 99:
                    raise
                time.sleep(0.3)
        self.memory = Memory(self.session.process)
        self.start = self.memory.now()

    def call(self, sql, arguments="", run=None):
        """Make a call, with arguments that PostgreSQL itself needs memory for; what is wrong with it is noted."""
        self.calls += 1
        sql, arguments = with_one_huge_text(sql), with_one_huge_text(arguments)
        problem = self._problem(sql, run)
        if problem and problem.startswith("used") and HUGE_TEXT in arguments:
            problem = self._problem(sql, run, allowed=self._taken_by(f"SELECT num_nulls({arguments})"))
        # On a busy machine only what happens twice is held against the call.
        if problem and problem.startswith("took"):
            problem = self._problem(sql, run)
        if problem:
            self.wrong.append(f"{problem} in {sql[:700]}")

    def _taken_by(self, sql):
        """The memory that a statement without a function of the extension takes."""
        before = self.memory.now()
        self.memory.forget_peak()
        self.session.attempt(sql)
        return self.memory.peak() - before

    def _problem(self, sql, run, allowed=0):
        began, used, problem = time.monotonic(), cpu(self.session.process), None
        before = self.memory.now()
        self.memory.forget_peak()
        try:
            run(self.session) if run else self.session(sql)
            self.results += 1
        except ServerError as error:
            said = " ".join([error.message, error.detail, error.hint, error.context])
            if not EXPECTED.match(error.sqlstate) or INTERNALS.search(said):
                problem = f"{error.sqlstate} {said}"
        except (Gone, OSError) as error:
            self.connect()
            return f"the session ended ({error})"
        took = min(time.monotonic() - began, cpu(self.session.process) - used)
        if problem is None and took > TIMEOUT + GRACE:
            problem = f"took {took:.1f} s of {TIMEOUT} s"
        if problem is None and (grown := self.memory.peak() - before - allowed) > MEMORY:
            problem = f"used {grown >> 20} MB"
        # Memory that many calls leave, each a little, is for the tests of memory.
        if self.memory.now() > self.start + MEMORY // 2:
            self.session.close()
            self.connect()
        return problem


def calls_of(hostile, function, kind, types, names, variadic):
    """One random call of a function, and its arguments."""
    arguments = [hostile.argument(type, name) for type, name in zip(types, names)]
    if types.count("anycompatible") > 1:
        same = hostile.draw.choice(["timestamp with time zone", "timestamp without time zone", "date", "bigint", "text"])
        arguments = [hostile.argument(same) if type == "anycompatible" else argument for type, argument in zip(types, arguments)]
    if "tree" in names and "value" in names and hostile.draw.random() < 0.6:
        # The tree for these positions, so that the others matter.
        tree, series = {"bigint": ("b", ""), "date": ("d", "1"), "timestamp without time zone": ("s", "")}.get(types[2], ("t", "a"))
        given = {"tree": f"'{tree}'::text", "value": "'x'::text", "series": f"'{{{series}}}'::text[]"}
        arguments = [given.get(name, argument) for name, argument in zip(names, arguments)]
    plain = ", ".join(arguments)
    if variadic:
        arguments[-1] = f"VARIADIC {arguments[-1]}"
    listed, rows = ", ".join(arguments), hostile.draw.choice([0, 1, 3, 30, 60])
    if kind == "p":
        return f"CALL {function}({listed})", plain
    if kind == "a":
        if hostile.draw.random() < 0.5:
            return f"SELECT {function}({listed} ORDER BY g) FILTER (WHERE g <> 3) FROM generate_series(1, {rows}) g", plain
        return f"SELECT {function}({listed}) OVER (ORDER BY g {hostile.draw.choice(FRAMES)}) FROM generate_series(1, {rows}) g", plain
    return (f"SELECT * FROM {function}({listed}) LIMIT 50" if hostile.draw.random() < 0.5 else f"SELECT {function}({listed}) LIMIT 50"), plain


def own_aggregates(caller, hostile, members, calls):
    """Aggregates of the attacker's own, of every function that could be a part of one."""
    for number, (_, function, kind, types, _, result, _) in enumerate(members):
        types = types.split("|") if types else []
        if kind != "f" or not types:
            continue
        inputs = ", ".join(types[1:]) or "*"
        state, create = f"fuzz.own_{number}", f"SFUNC = {function}, STYPE = {types[0]}"
        if types[0] == result:
            initial = hostile.draw.choice(hostile.states.get(result, ["0"]))
            if types == [result, result]:
                create += f", COMBINEFUNC = {function}, PARALLEL = safe"
            if hostile.draw.random() < 0.7:
                create += f", INITCOND = {literal(initial)}"
            create += f", MSFUNC = {function}, MINVFUNC = {function}, MSTYPE = {types[0]}"
        caller.call(f"CREATE AGGREGATE {state}({inputs}) ({create})")
        if types[0] == "internal" or result == "internal":
            for part in "FINALFUNC", "COMBINEFUNC", "SERIALFUNC", "DESERIALFUNC":
                caller.call(f"CREATE AGGREGATE {state}_{part}({inputs}) (SFUNC = {function}, STYPE = internal, {part} = {function})")
        if types[0] == result:
            for _ in range(calls // 10):
                arguments = ", ".join(hostile.argument(type) for type in types[1:]) or "*"
                over = hostile.draw.choice(["", f"OVER (ORDER BY g {hostile.draw.choice(FRAMES)})"])
                caller.call(f"SELECT {state}({arguments}) {over} FROM generate_series(1, 7) g")


def triggers(caller, hostile, function):
    """A trigger function on a table of the attacker's own, at every event and with every argument."""
    for when in "BEFORE", "AFTER":
        for level in "ROW", "STATEMENT":
            for event in "INSERT", "UPDATE", "DELETE", "TRUNCATE", "INSERT OR UPDATE OR DELETE":
                for tables in "", "REFERENCING NEW TABLE AS powertree_new", "REFERENCING OLD TABLE AS powertree_old NEW TABLE AS powertree_new":
                    given = hostile.draw.choice(["", "'1'", "'2'", "'x'", "'99999999999999999999'", "'-1'", "'1', '2'", "''"])
                    caller.call("DROP TABLE IF EXISTS fuzz.u; CREATE TABLE fuzz.u (at timestamptz, s text, x float8); INSERT INTO fuzz.u VALUES ('2026-01-01', 'a', 1)")
                    caller.call(f"CREATE TRIGGER g {when} {event} ON fuzz.u {tables} FOR EACH {level} EXECUTE FUNCTION {function}({given})")
                    for statement in "INSERT INTO fuzz.u VALUES ('2026-01-01', 'a', 1)", "UPDATE fuzz.u SET x = 2", "DELETE FROM fuzz.u", "TRUNCATE fuzz.u":
                        caller.call(statement)


def binaries(caller, hostile, calls):
    """Damaged values in binary."""
    for type, send in ("tally", "tally_send"), ("detector", "detector_send"):
        with Session("mallory", DATABASE) as owner:
            oid = int(owner.value(f"SELECT {literal(type)}::regtype::oid"))
            good = [
                bytes.fromhex(owner.value(f"SELECT encode({send}({literal(text)}::{type}), 'hex')"))
                for text in hostile.states[type]
                if not owner.attempt(f"SELECT {literal(text)}::{type}")
            ]
        for _ in range(calls):
            value = hostile.damaged_bytes(hostile.draw.choice(good))
            sql = f"SELECT $1::{type}::text"
            caller.call(f"{sql} -- {value.hex()}", run=lambda session: session.binary(sql, [oid], [value]))


def states(admin):
    """Tallies and detectors of many kinds, as text."""
    column = lambda sql: [row[0] for row in admin(sql) if row[0]]
    tallies = column("SELECT tally(x::float8)::text FROM generate_series(1, 20) x UNION ALL SELECT tally(v)::text FROM unnest('{NaN,1,2}'::float8[]) v "
                     "UNION ALL SELECT tally(v)::text FROM unnest('{Infinity,1,2}'::float8[]) v UNION ALL SELECT tally(v)::text FROM unnest('{1e308,1e308,-1e308}'::float8[]) v "
                     "UNION ALL SELECT tally(v)::text FROM unnest('{0.1,0.2,1e-300}'::numeric[]) v UNION ALL SELECT tally(v)::text FROM unnest('{9223372036854775807,9223372036854775807,3}'::bigint[]) v")
    detectors = column("SELECT detector_for()::text UNION ALL SELECT detect(v)::text FROM unnest('{NaN,Infinity,-Infinity,1e308,-1e308,5e-324,1,2,3}'::float8[]) v")
    for rows in 1, 30, 200, 1000:
        detectors += column(f"SELECT detect(sin(g) + (g / 60)::float8, '2026-01-01'::timestamptz + g * interval '1 min' ORDER BY g)::text FROM generate_series(1, {rows}) g")
        detectors += column(f"SELECT detect(CASE WHEN g % 7 = 0 THEN NULL ELSE g % 13 END::float8 ORDER BY g)::text FROM generate_series(1, {rows}) g")
    return [*tallies, "(0,,,,)", "(1,1,0,1,1)", "(9223372036854775807,1,0,1,1)"], detectors


def main():
    calls, seed, only = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10**6, sys.argv[3:]
    print(f"# {calls} calls each, seed {seed}", flush=True)
    with Session() as admin:
        admin(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        admin("DO $$ BEGIN CREATE ROLE mallory LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        admin(f"CREATE DATABASE {DATABASE} OWNER mallory")
    report = Report()
    admin = Session("postgres", DATABASE)
    admin("CREATE EXTENSION pg_tally")
    with Session("mallory", DATABASE) as owner:
        owner(DATA)
    hostile = Hostile(seed, *states(admin))
    members, operators, casts = admin(MEMBERS), admin(OPERATORS), admin(CASTS)
    admin.close()
    caller = Caller()

    def part(what, work):
        caller.wrong, caller.calls, caller.results = [], 0, 0
        with Session("mallory", DATABASE) as owner:
            for statement in TREES.strip().splitlines():
                owner.attempt(statement)
        work()
        report.check(f"{what}: {caller.calls} calls, {caller.results} with a result", "\n".join(caller.wrong[:5]))

    def several(make):
        for _ in range(calls):
            caller.call(*make())

    for signature, function, kind, types, names, result, variadic in members:
        if only and function not in only:
            continue
        types = types.split("|") if types else []
        names = (names.split("|") if names else []) + [""] * len(types)
        if result == "trigger":
            part(f"{signature} as a trigger", lambda: triggers(caller, hostile, function))
        elif "internal" not in types:
            part(signature, lambda: several(lambda: calls_of(hostile, function, kind, types, names, variadic == "t")))
            if kind != "a" and {"text", "text[]"} & {*types}:
                copied = most_copies(DATABASE, "mallory", function, kind, types, names, variadic == "t")
                report.check(f"{signature}: copies of a huge argument", "\n".join(copied))
    if not only:
        for operator, left, right in operators:
            part(f"{left} {operator} {right}", lambda: several(lambda: (f"SELECT ({hostile.argument(left)} {operator} {hostile.argument(right)})::text",)))
        for source, target in casts:
            part(f"{source} to {target}", lambda: several(lambda: (f"SELECT {hostile.argument(source)}::{target}::text",)))
        part("own aggregates", lambda: own_aggregates(caller, hostile, members, calls))
        part("damaged binary", lambda: binaries(caller, hostile, calls))
    sys.exit(report.failed)


main()
