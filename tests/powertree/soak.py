#!/usr/bin/env -S python3 -B
"""Exactness soak of the power tree: writers, compactors and readers at once, for so many seconds.

    tests/powertree/soak.py SECONDS [--mutant]

Six writers mix inserts, late inserts, updates, deletes, cascades, rollbacks, savepoints and long transactions, and their triggers,
cursors and RETURNING look at the tree in the middle of statements; a seventh commits in two phases; two compactors fold;
one session has the tree rebuilt every two seconds, now and then with other leaves; another makes and drops indexes, columns and a second tree;
four readers compare ranges, buckets, last values, all series and grouped queries with the base table in one snapshot; half of each at REPEATABLE READ.
The first half of the time on a plain table, the second on a partitioned one whose partitions are truncated, detached, attached,
dropped and filled by COPY FREEZE meanwhile. It needs max_prepared_transactions.

Each of them must have done something. Where that takes longer, as on a busy machine, the soak goes on, up to LONGER times as long.
With --mutant something is wrong each time (MUTANTS), and the soak must notice.
"""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from changes import changing, preparing

HERE = Path(__file__).resolve().parent
LONGER = 4
EXPECTED = (
    "could not serialize", "canceling statement due to statement timeout",
    # A timeout whose signal comes when its statement is over passes for a user who cancels the next one.
    "canceling statement due to user request",
    # What follows one of those.
    "current transaction is aborted", "prepared transaction with identifier",
)


@dataclass
class Table:
    """One part of the soak: the table, what is done to its partitions, and what is wrong."""

    name: str
    partitioning: str = ""
    changes: tuple = ()
    mutant: bool = False
    # What a mutant has wrong from the beginning, and how it compacts.
    damage: str = ""
    compact: str = "CALL powertree_compact('soak');"


# What the tree is compared with is the table itself, unless a grouped query is the question.
OFF = "-c session_preload_libraries=pg_tally -c pg_tally.answer_from_trees=off"
PARTITIONED = "PARTITION BY RANGE (at)"
TABLES = [Table("plain", changes=("definition",)), Table("partitioned", PARTITIONED, ("partitions", "freeze", "definition"))]
MUTANTS = [
    # Compactors fold in one snapshot and delete the log in the next.
    Table("compactor", mutant=True, compact="BEGIN; CALL powertree_compact('soak'); DELETE FROM powertree_log; COMMIT;"),
    # No trigger says that a statement begins.
    Table("unannounced", mutant=True, damage="UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname ~ '^powertree_.*_before$'"),
    # Snapshots of before trust the tree when partitions have been changed, or filled by COPY FREEZE.
    Table("barriers", PARTITIONED, ("partitions",), mutant=True),
    Table("freeze", PARTITIONED, ("freeze",), mutant=True),
    # The table says that it has no generated columns, which partitions in another layout then show to no trigger.
    Table("generated", PARTITIONED, mutant=True,
          damage="UPDATE pg_attribute SET attgenerated = '', atthasdef = false WHERE attrelid = 'soak'::regclass AND attname = 'y'"),
]


def psql(database, *arguments, isolation="read committed", **options):
    isolation = isolation.replace(" ", "\\ ")
    environment = dict(os.environ, PGDATABASE=database, PGOPTIONS=f"-c default_transaction_isolation={isolation} {OFF}")
    return subprocess.Popen(
        ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, **options,
    )


def ask(database, sql):
    process = psql(database, "-c", sql)
    output = process.communicate()[0]
    if process.returncode:
        sys.exit(output)
    return output.strip()


def compactor(database, isolation, seconds, compact):
    """A psql that compacts again and again until it is ended."""
    # Every third is cancelled, if it takes that long.
    cancelled = f"SET statement_timeout = '15ms'; {compact} RESET statement_timeout;"
    lines = f"{compact} {compact} {cancelled} SELECT pg_sleep(random() * 0.2);\n" * int(seconds * 10)
    return feeding(database, isolation, lines)


def rebuilder(database, seconds):
    """A psql that has the tree rebuilt now and then, each other time with leaves of another width."""
    lines = [f"SELECT pg_sleep(2); SELECT powertree_rebuild('soak'{leaf});\n" for leaf in ("", ", '1.5 seconds'", "", ", '1 second'")]
    return feeding(database, "read committed", "".join(lines) * int(seconds / 4 + 1))


def feeding(database, isolation, lines):
    process = psql(database, "-v", "ON_ERROR_STOP=0", "-o", "/dev/null", isolation=isolation, stdin=subprocess.PIPE)
    threading.Thread(target=feed, args=(process, lines), daemon=True).start()
    return process


def feed(process, lines):
    try:
        process.stdin.write(lines)
        process.stdin.close()
    except OSError:
        # Ended meanwhile.
        pass


def end(database, processes):
    """Ends sessions, and what they have prepared; says what went wrong in them."""
    problems = []
    for process in processes:
        process.terminate()
        output = process.stdout.read()
        process.wait()
        problems += [line for line in output.splitlines() if "ERROR" in line and not any(known in line for known in EXPECTED)]
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    for _ in range(100):
        if ask(database, others) == "0":
            break
        time.sleep(0.1)
    for prepared in ask(database, "SELECT gid FROM pg_prepared_xacts WHERE database = current_database()").splitlines():
        ask(database, f"ROLLBACK PREPARED '{prepared}'")
    return problems


@dataclass
class Seen:
    """What was done so far."""

    checks: int
    mismatches: int
    compactions: int
    changes: int
    deadlocks: int

    @staticmethod
    def of(database):
        found = ask(
            database,
            "SELECT (SELECT coalesce(sum(n), 0) FROM checks), (SELECT count(*) FROM mismatches), (SELECT max(compactions) FROM powertree_state), (SELECT count(*) FROM changes),"
            " (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database())",
        )
        return Seen(*map(int, found.split("|")))

    def is_enough(self, seconds, table):
        if table.mutant:
            return self.mismatches > 0
        return self.checks >= seconds and self.compactions >= seconds and (not table.changes or self.changes >= seconds / 10)


def stretch(database, seconds, table):
    """Everybody at once for so many seconds; says what went wrong in their sessions."""
    until = ask(database, f"SELECT clock_timestamp() + interval '{seconds} seconds'")
    isolations = ["read committed", "repeatable read"]
    calls = [f"CALL writing({i}, '{until}')" for i in range(6)]
    calls += [f"CALL checking('{until}', {1 + 4 * (i % 2)})" for i in range(4)]
    sessions = [psql(database, "-c", call, isolation=isolations[i % 2]) for i, call in enumerate(calls)]
    others = [compactor(database, isolation, seconds, table.compact) for isolation in isolations]
    others += [feeding(database, "read committed", preparing(seconds))]
    others += [feeding(database, "read committed", changing(seconds, table.changes, table.mutant))] if table.changes else []
    others += [] if table.mutant else [rebuilder(database, seconds)]
    problems = []
    for process in sessions:
        output = process.communicate()[0]
        if process.returncode:
            problems.append(output.strip())
    bad = end(database, others)
    return problems + ([] if table.mutant else bad)


def soak(database, seconds, table):
    """One part; says what was wrong."""
    ask("postgres", f"CREATE DATABASE {database}")
    setup = psql(database, "-v", f"partitioning={table.partitioning}", "-f", str(HERE / "soak.sql"))
    output = setup.communicate()[0]
    if setup.returncode:
        sys.exit(output)
    if table.damage:
        ask(database, table.damage)
    problems, seen = [], None
    for _ in range(LONGER):
        problems += stretch(database, seconds, table)
        seen = Seen.of(database)
        if seen.is_enough(seconds, table) or problems and not table.mutant:
            break
    if not table.mutant:
        ask(database, "CALL powertree_compact()")
        left = ask(database, "SELECT (SELECT count(*) FROM powertree_log) + (SELECT count(*) FROM powertree_span)")
        problems += [] if left == "0" else [f"{left} rows are left in the log"]
        for _ in range(20):
            wrong = ask(database, "SELECT concat(check_range(), check_buckets(), check_last(), check_part(), check_grouped())")
            problems += [wrong] if wrong else []
        grouped = "SELECT series, count(*), sum(n) FROM soak WHERE series IS NOT NULL AND at > '2026-01-01Z' GROUP BY 1"
        explained = ask(database, f"SET pg_tally.answer_from_trees = on; EXPLAIN (ANALYZE, TIMING off) {grouped}")
        problems += [] if "Answered From: tree" in explained else [f"grouped queries are not answered from the tree: {explained}"]
    for line in ask(database, "SELECT isolation || ': ' || what FROM mismatches ORDER BY at LIMIT 3").splitlines():
        print(line[:500])
    print(f"# {database}: {seen.checks} checks, {seen.mismatches} mismatches, {seen.compactions} compactions, {seen.changes} changes of the table, {seen.deadlocks} deadlocks")
    if table.mutant:
        return [] if seen.mismatches else ["the mutant passed for the product"]
    if seen.mismatches or seen.deadlocks:
        problems.append("mismatches or deadlocks")
    if not seen.is_enough(seconds, table):
        problems.append("hardly anything was done")
    return problems


def main():
    seconds, mutant = float(sys.argv[1]), "--mutant" in sys.argv
    if ask("postgres", "SHOW max_prepared_transactions") == "0":
        sys.exit("max_prepared_transactions is 0: give scripts/cluster.py --set max_prepared_transactions=10")
    tables = MUTANTS if mutant else TABLES
    failed = False
    for table in tables:
        database = f"soak_{'mutant_' if mutant else ''}{table.name}"
        began = time.monotonic()
        problems = soak(database, seconds / len(tables), table)
        what = f"the soak notices that something is wrong: {table.name}" if mutant else f"soak of a {table.name} table"
        for problem in problems[:5]:
            print(f"# {problem[:1000]}")
        print(f"{'not ok' if problems else 'ok'} - {what}, {time.monotonic() - began:.0f} s", flush=True)
        failed |= bool(problems)
    sys.exit(failed)


main()
