#!/usr/bin/env -S python3 -B
"""The owner of a table tries to run code as somebody else, by every command that touches a power tree, or to leave something behind in the session.

Each attack is prepared twice, for a table with a tree and for one without. A command may do on the first nothing that it does not do on the
second: there PostgreSQL alone answers for it. Commands that are ours may do nothing at all but as the attacker.
"""

import sys
import time

from attacks import ATTACKS, EVIL, PREPARE, setup
from session import Report, ServerError, Session, literal, name

DATABASE = "escalation"
ROLES = ["postgres", "victim", "attacker"]

# Who has run the attacker's code: sequences forget nothing, whatever is rolled back.
RECORD = """
CREATE SCHEMA record;
GRANT USAGE ON SCHEMA record TO PUBLIC;
CREATE SEQUENCE record.postgres; CREATE SEQUENCE record.victim; CREATE SEQUENCE record.attacker;
CREATE SEQUENCE record."postgres for another"; CREATE SEQUENCE record."victim for another"; CREATE SEQUENCE record."attacker for another";
GRANT ALL ON ALL SEQUENCES IN SCHEMA record TO PUBLIC;
"""

# Somebody else's table with a tree: his function is well-behaved, but trusts the path of its session.
BYSTANDER = """
CREATE SCHEMA victim;
CREATE TABLE victim.v (at timestamptz, x float8);
CREATE FUNCTION victim.soon(float8) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN now() IS NOT NULL; END $$;
INSERT INTO victim.v VALUES ('2026-01-01', 1);
CREATE INDEX ON victim.v (at) WHERE victim.soon(1);
SELECT powertree_create('victim.v', 'at', '{x}', '1 hour', name => 'bystander');
"""

# What a session has, but for advisory locks: those that an owner's function takes stay after PostgreSQL's ANALYZE and REINDEX too.
LEFT = """
SELECT s.name OPERATOR(pg_catalog.||) ' = ' OPERATOR(pg_catalog.||) s.setting FROM pg_catalog.pg_settings s
UNION ALL SELECT 'attack.mark' WHERE pg_catalog.current_setting('attack.mark', true) OPERATOR(pg_catalog.=) 'left'
UNION ALL SELECT 'user = ' OPERATOR(pg_catalog.||) current_user::pg_catalog.text OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) session_user::pg_catalog.text
UNION ALL SELECT 'prepared ' OPERATOR(pg_catalog.||) p.name FROM pg_catalog.pg_prepared_statements p
UNION ALL SELECT 'cursor ' OPERATOR(pg_catalog.||) c.name FROM pg_catalog.pg_cursors c WHERE c.is_holdable
UNION ALL SELECT 'listening' FROM pg_catalog.pg_listening_channels()
UNION ALL SELECT 'temporary table ' OPERATOR(pg_catalog.||) r.relname::pg_catalog.text FROM pg_catalog.pg_class r WHERE r.relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()
"""


def commands(attack, extension="public"):
    """What can happen to the table, in this order: what is done, by which SQL, and whether PostgreSQL without a tree can do it too."""
    e = name(extension)
    at, s, x = attack.names
    array = lambda column: literal("{" + '"' + column.replace("\\", "\\\\").replace('"', '\\"') + '"' + "}")
    # As their session reads literals.
    quoted = (lambda text: "E" + literal(text.replace("\\", "\\\\"))) if "standard_conforming" in attack.settings else literal
    listed = lambda column: f"ARRAY[{quoted(column)}]"
    create = f"SELECT {e}.powertree_create('attack.t', {quoted(at)}, {listed(x)}, '{'7 days' if attack.at == 'date' else '1 hour'}', {listed(s)}, 't')"
    span = "'2026-01-01'::date, '2026-03-01'::date" if attack.at == "date" else "'2026-01-01'::timestamptz, '2026-03-01'::timestamptz"
    expressions = "(" in attack.key[1:]
    bound = lambda month: f"({'1, ' if expressions else ''}'2026-{month:02}-01')"
    row = f"({name(at)}, {name(s)}, {name(x)}) VALUES"
    plain = f"""SELECT {e}.tally({name(x)}) FROM attack.{{T}} WHERE {name(at)} >= '2026-01-01' AND {name(at)} <= '2026-02-01' AND {name(s)} = 'a'
        SELECT {name(x)} FROM attack.{{T}} WHERE {name(s)} = 'a' AND {name(at)} >= '-infinity' ORDER BY {name(at)} DESC, {name(x)} DESC LIMIT 1
        SELECT * FROM attack.{{T}}
        SELECT * FROM attack.{{T}} WHERE {name(at)} > '2026-02-20' AND {name(x)} IS NOT NULL"""
    return [
        ("create", create, False),
        ("compact", f"CALL {e}.powertree_compact('t')", False),
        ("compact all", f"CALL {e}.powertree_compact()", False),
        ("insert", f"INSERT INTO attack.{{T}} {row} ('2026-01-07', 'a', 7), ('2026-02-07', 'b', 8)", True),
        ("insert into a partition", f"INSERT INTO attack.{{T}}1 {row} ('2026-01-08', 'a', 7)", True),
        ("copy", f"COPY attack.{{T}} ({name(at)}, {name(s)}, {name(x)}) FROM PROGRAM 'printf \"2026-01-09\\ta\\t9\\n\"'", True),
        ("update", f"UPDATE attack.{{T}} SET {name(x)} = 5 WHERE {name(x)} = 7", True),
        ("delete", f"DELETE FROM attack.{{T}} WHERE {name(x)} = 8", True),
        ("compact what changed", f"CALL {e}.powertree_compact('t')", False),
        ("worker", None, False),
        ("list", f"TABLE {e}.powertrees", False),
        ("read", f"""SELECT {e}.powertree_tally('t', {quoted(x)}, {span}, 'a')
            SELECT * FROM {e}.powertree_last('t', {quoted(x)}, 1, 'a')
            SELECT * FROM {e}.powertree_buckets('t', {quoted(x)}, {span}, '7 days', 'a')""", plain),
        ("truncate a partition", "TRUNCATE attack.{T}1", True),
        ("fill it", f"INSERT INTO attack.{{T}}1 {row} ('2026-01-08', 'a', 7)", True),
        ("attach", f"ALTER TABLE attack.{{T}} ATTACH PARTITION attack.{{T}}3 FOR VALUES FROM {bound(3)} TO {bound(4)}", True),
        ("detach", "ALTER TABLE attack.{T} DETACH PARTITION attack.{T}1", True),
        ("attach again", f"ALTER TABLE attack.{{T}} ATTACH PARTITION attack.{{T}}1 FOR VALUES FROM {bound(1)} TO {bound(2)}", True),
        ("create a partition", f"CREATE TABLE attack.{{T}}4 PARTITION OF attack.{{T}} FOR VALUES FROM {bound(4)} TO {bound(5)}", True),
        ("fill it too", f"INSERT INTO attack.{{T}}4 {row} ('2026-04-08', 'a', 7)", True),
        ("archive", f"SELECT {e}.powertree_archive('t', 'attack.t4')", "ALTER TABLE attack.{T} DETACH PARTITION attack.{T}4"),
        ("read what is archived", f"SELECT {e}.powertree_tally('t', {quoted(x)}, NULL::{'date' if attack.at == 'date' else 'timestamptz'}, NULL, 'a')", plain),
        ("forget what is archived", f"SELECT {e}.powertree_unarchive('t', NULL::{'date' if attack.at == 'date' else 'timestamptz'}, NULL)", False),
        ("drop a partition", "DROP TABLE attack.{T}3", True),
        ("rename a column", f"ALTER TABLE attack.{{T}} RENAME {name(x)} TO other", True),
        ("rename it back", f"ALTER TABLE attack.{{T}} RENAME other TO {name(x)}", True),
        ("rewrite", "VACUUM FULL attack.{T}", True),
        ("rebuild", f"SELECT {e}.powertree_rebuild('t')", False),
        ("compact what is rebuilt", f"CALL {e}.powertree_compact('t')", False),
        ("truncate", "TRUNCATE attack.{T}", True),
        ("drop the tree", f"SELECT {e}.powertree_drop('t')", False),
        ("create again", create, False),
        ("drop the table", "DROP TABLE attack.{T}", True),
    ]


def sprung(admin):
    """How often the attacker's code has run as whom."""
    roles = [role + suffix for role in ROLES for suffix in ("", " for another")]
    counts = [f"SELECT {literal(role)}, last_value - 1 + is_called::int FROM record.{name(role)}" for role in roles]
    return {role: int(count) for role, count in admin(" UNION ALL ".join(counts))}


def left(session):
    return {row[0] for row in session(LEFT)}


class Round:
    """One attack, whose commands are given by one role."""

    def __init__(self, admin, attack, actor):
        self.admin, self.attack, self.actor = admin, attack, actor

    def effects(self, statements):
        """As whom the attacker's code ran meanwhile, other than as himself, and what it left in the session."""
        before = sprung(self.admin)
        try:
            with Session(self.actor, DATABASE) as session:
                if self.actor == "attacker" and self.attack.settings:
                    session(self.attack.settings)
                # What is loaded at first use is there from the start.
                session("SET statement_timeout = '20s'; DO $$ BEGIN END $$")
                was = left(session)
                for statement in statements:
                    session.attempt(statement)
                remains = left(session) - was if self.actor != "attacker" else set()
        except ServerError as error:
            remains = {f"session unusable: {error}"}
        return self.others(before), remains

    def others(self, before):
        after = sprung(self.admin)
        found = {f"code of the attacker ran as {role}" for role in after if after[role] > before[role] and role.split()[0] != "attacker"}
        # He may always be himself, but for another only to do that one's work on his table.
        while self.admin.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'attacker'") == "t":
            # A worker that does his own work as himself may be at it at the same moment.
            self.admin.attempt("ALTER ROLE attacker NOSUPERUSER")
            found.add("the attacker is superuser")
        return found

    def worker(self):
        """What happens when the worker compacts the attacker's tree, and then somebody else's."""
        before = sprung(self.admin)
        count = "SELECT coalesce(sum(compactions), 0) FROM public.powertrees WHERE name IN ('t', 'bystander')"
        at, s, x = map(name, self.attack.names)
        for _ in range(2):
            done = int(self.admin.value(count))
            # Without a trap of the superuser's own.
            self.admin("SET session_replication_role = replica")
            self.admin("INSERT INTO victim.v VALUES ('2026-01-01', 1)")
            self.admin("RESET session_replication_role")
            with Session("victim", DATABASE) as victim:
                victim("INSERT INTO victim.v VALUES ('2026-01-01', 1)")
            with Session("attacker", DATABASE) as attacker:
                attacker.attempt(f"INSERT INTO attack.t ({at}, {s}, {x}) VALUES ('2026-01-09', 'a', 7)")
            for _ in range(40):
                if int(self.admin.value(count)) >= done + 2:
                    break
                time.sleep(0.1)
        locks = self.admin("SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND backend_type LIKE 'pg_tally%'")
        return self.others(before), {"advisory lock of the worker"} if locks else set()

    def run(self):
        """What went wrong, by command."""
        wrong = []
        self.admin("DROP SCHEMA IF EXISTS attack CASCADE")
        self.admin("DO $$ DECLARE f regprocedure; BEGIN FOR f IN SELECT oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
                   "AND proowner = 'attacker'::regrole LOOP EXECUTE 'DROP FUNCTION ' || f; END LOOP; END $$")
        with Session("attacker", DATABASE) as attacker:
            attacker(PREPARE + self.attack.beside)
            for table in "c", "t":
                attacker(setup(self.attack, table))
        for table in "c", "t":
            self.admin(self.attack.granted.replace("{T}", table))
        for what, sql, control in commands(self.attack):
            if what == "worker":
                found, remains = self.worker() if self.actor == "postgres" else (set(), set())
            else:
                allowed, may_remain = set(), set()
                if control:
                    plain = control if isinstance(control, str) else sql
                    allowed, may_remain = self.effects(plain.replace("{T}", "c").splitlines())
                found, remains = self.effects(sql.replace("{T}", "t").splitlines())
                found, remains = found - allowed, remains - may_remain
            wrong += [f"{what}: {problem}" for problem in sorted(found)] + [f"{what}: leaves {line}" for line in sorted(remains)]
            if what == "create":
                self.ensure_tree(sql)
        return wrong

    def ensure_tree(self, create):
        """Whoever may not make the tree has it made for him."""
        if self.admin.value("SELECT count(*) FROM public.powertrees WHERE name = 't'") == "0":
            with Session("postgres", DATABASE) as session:
                session.attempt("; ".join(filter(None, [self.attack.settings.replace("SET search_path = attack", "SET search_path = pg_catalog"), create])))


def injection(report):
    """Names that end a literal, of the extension's own schema and of what is in it, where backslashes escape."""
    database = "escalation_names"
    with Session() as admin:
        admin(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        admin(f"CREATE DATABASE {database} OWNER attacker")
    schema = name(EVIL)
    with Session("attacker", database) as attacker:
        attacker(f"CREATE SCHEMA a; CREATE SEQUENCE a.\"s'\"; CREATE SCHEMA {schema}; CREATE EXTENSION pg_tally SCHEMA {schema}")
        attacker(f"SET search_path = {schema}, public; SET standard_conforming_strings = off; SET escape_string_warning = off")
        wrong = []
        for statement in [
            "CREATE TABLE t (at timestamptz, x float8) PARTITION BY RANGE (at)",
            "CREATE TABLE t1 PARTITION OF t DEFAULT",
            "SELECT powertree_create('t', 'at', array['x'], '1 hour')",
            "INSERT INTO t VALUES ('2026-01-01', 1)",
            "CALL powertree_compact('t')",
            "SELECT powertree_tally('t', 'x', NULL::timestamptz, NULL)",
            "TABLE powertrees",
            "ALTER TABLE t DETACH PARTITION t1",
            "ALTER TABLE t ATTACH PARTITION t1 DEFAULT",
            "TRUNCATE t1",
            "SELECT count(*) FROM important_changes('SELECT 1 AS series, at, x AS value FROM t')",
            "SELECT powertree_rebuild('t')",
            "SELECT powertree_drop('t')",
        ]:
            if error := attacker.attempt(statement):
                wrong.append(f"{error} in {statement}")
            with Session() as admin:
                if admin.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'attacker'") == "t":
                    admin("ALTER ROLE attacker NOSUPERUSER")
                    wrong.append(f"the attacker is superuser after {statement}")
    report.check("names that end literals", "\n".join(wrong))


def main():
    report = Report()
    only = sys.argv[1:]
    with Session() as admin:
        admin(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        for role in "attacker", "victim":
            admin(f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        admin(f"CREATE DATABASE {DATABASE} OWNER attacker")
    with Session("postgres", DATABASE) as admin:
        admin("CREATE EXTENSION pg_tally; GRANT CREATE ON DATABASE escalation TO victim")
        admin(RECORD)
        with Session("victim", DATABASE) as victim:
            victim(BYSTANDER)
        for attack in ATTACKS:
            if only and attack.what not in only:
                continue
            for actor in "attacker", "victim", "postgres":
                report.check(f"{attack.what}, commands by {actor}", "\n".join(Round(admin, attack, actor).run()))
    if not only:
        injection(report)
    sys.exit(report.failed)


main()
