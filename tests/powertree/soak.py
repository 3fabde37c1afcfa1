#!/usr/bin/env -S python3 -B
"""Exactness soak of the power tree: writers, compactors and readers at once, for so many seconds.

    tests/powertree/soak.py SECONDS [--mutant]

Six writers mix inserts, late inserts, updates, deletes, cascades, rollbacks, savepoints and long transactions, and their triggers and
RETURNING look at the tree in the middle of statements; two compactors fold;
one session has the tree rebuilt every two seconds; four readers compare ranges, buckets and last values with the base table in one
snapshot; half of each at REPEATABLE READ.
The first half of the time on a plain table, the second on a partitioned one. With --mutant something is wrong in each half, and the soak
must notice: first the compactors fold in one snapshot and delete the log in the next, then no trigger says that a statement begins.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXPECTED = ("could not serialize", "canceling statement due to statement timeout")


def psql(database, *arguments, isolation="read committed", **options):
    isolation = isolation.replace(" ", "\\ ")
    environment = dict(os.environ, PGDATABASE=database, PGOPTIONS=f"-c default_transaction_isolation={isolation}")
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


def compactor(database, isolation, seconds, mutant):
    """A psql that compacts again and again until it is ended."""
    compact = "CALL powertree_compact('soak');"
    if mutant == "compactor":
        compact = "BEGIN; CALL powertree_compact('soak'); DELETE FROM powertree_log; COMMIT;"
    # Every third is cancelled, if it takes that long.
    cancelled = f"SET statement_timeout = '15ms'; {compact} RESET statement_timeout;"
    lines = f"{compact} {compact} {cancelled} SELECT pg_sleep(random() * 0.2);\n" * int(seconds * 10)
    return feeding(database, isolation, lines)


def rebuilder(database, seconds):
    """A psql that has the tree rebuilt now and then."""
    return feeding(database, "read committed", "SELECT pg_sleep(2); SELECT powertree_rebuild('soak');\n" * int(seconds))


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


def soak(database, seconds, partitioning, mutant):
    """One half; says what was wrong."""
    ask("postgres", f"CREATE DATABASE {database}")
    setup = psql(database, "-v", f"partitioning={partitioning}", "-f", str(HERE / "soak.sql"))
    output = setup.communicate()[0]
    if setup.returncode:
        sys.exit(output)
    if mutant == "unannounced":
        ask(database, "UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname ~ '^powertree_.*_before$'")
    isolations = ["read committed", "repeatable read"]
    until = ask(database, f"SELECT clock_timestamp() + interval '{seconds} seconds'")
    calls = [f"CALL writing({i}, '{until}')" for i in range(6)]
    calls += [f"CALL checking('{until}', {1 + 4 * (i % 2)})" for i in range(4)]
    sessions = [psql(database, "-c", call, isolation=isolations[i % 2]) for i, call in enumerate(calls)]
    compactors = [compactor(database, isolation, seconds, mutant) for isolation in isolations]
    compactors += [] if mutant else [rebuilder(database, seconds)]
    problems = []
    for process in sessions:
        output = process.communicate()[0]
        if process.returncode:
            problems.append(output.strip())
    for process in compactors:
        process.terminate()
        output = process.stdout.read()
        process.wait()
        bad = [line for line in output.splitlines() if "ERROR" in line and not any(known in line for known in EXPECTED)]
        problems += bad if not mutant else []
    if not mutant:
        ask(database, "CALL powertree_compact('soak')")
        left = ask(database, "SELECT (SELECT count(*) FROM powertree_log) + (SELECT count(*) FROM powertree_span)")
        problems += [] if left == "0" else [f"{left} rows are left in the log"]
        for _ in range(20):
            wrong = ask(database, "SELECT concat(check_range(), check_buckets(), check_last())")
            problems += [wrong] if wrong else []
    checks, mismatches, compactions, deadlocks = ask(
        database,
        "SELECT (SELECT sum(n) FROM checks), (SELECT count(*) FROM mismatches), (SELECT compactions FROM powertree_state),"
        " (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database())",
    ).split("|")
    for line in ask(database, "SELECT isolation || ': ' || what FROM mismatches ORDER BY at LIMIT 3").splitlines():
        print(line[:500])
    print(f"# {database}: {checks or 0} checks, {mismatches} mismatches, {compactions} compactions, {deadlocks} deadlocks")
    if mutant:
        return [] if int(mismatches) else ["the mutant passed for the product"]
    if int(mismatches) or int(deadlocks):
        problems.append("mismatches or deadlocks")
    if int(checks or 0) < seconds or int(compactions) < seconds:
        problems.append("hardly anything was done")
    return problems


def main():
    seconds, mutant = float(sys.argv[1]), "--mutant" in sys.argv
    halves = [("plain", "", None), ("partitioned", "PARTITION BY RANGE (at)", None)]
    if mutant:
        halves = [("compactor", "", "compactor"), ("unannounced", "", "unannounced")]
    failed = False
    for name, partitioning, mutation in halves:
        database = f"soak_{'mutant_' if mutant else ''}{name}"
        began = time.monotonic()
        problems = soak(database, seconds / len(halves), partitioning, mutation)
        what = f"the soak notices that something is wrong: {name}" if mutant else f"soak of a {name} table"
        for problem in problems:
            print(f"# {problem[:1000]}")
        print(f"{'not ok' if problems else 'ok'} - {what}, {time.monotonic() - began:.0f} s", flush=True)
        failed |= bool(problems)
    sys.exit(failed)


main()
