#!/usr/bin/env -S python3 -B
"""Runs the test suites, all but the long ones, all ("all"), or those named, and adds up what they ran.

A suite that runs no test at all counts as a failure: nothing that is declared may fall silent.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def where(thing):
    return subprocess.run([ROOT / "scripts/where.sh", thing], capture_output=True, text=True, check=True).stdout.strip()


# Each PostgreSQL version that is supported and there; 17 is where PG17_CONFIG says so.
VERSIONS = {version: path for version in (15, 16, 17, 18) if (path := where(f"pg{version}"))}
PG15, PG18 = VERSIONS[15], VERSIONS[18]
CLUSTER = ["scripts/cluster.py", "run", "--pg-config"]
CARGO = ["cargo", "test", "--release", "--no-fail-fast"]
SERVERS = [*CLUSTER, PG15, "--", "scripts/kafka/broker.py", "run", "--secure", "--", "scripts/kafka/registry.py", "run", "--"]
FAULTS = [*SERVERS, *CARGO, "-p", "tally-loader", "--test", "faults", "--", "--ignored", "--test-threads=1", "--nocapture"]
# With a worker in the databases that these tests make.
WORKERS = ["--set", "shared_preload_libraries=pg_tally", "--set", "pg_tally.powertree_compact_seconds=1",
           "--set", "pg_tally.powertree_databases=decoys,escalation"]
SERVED = ["--set", "shared_preload_libraries=pg_tally", "--set", "pg_tally.powertree_compact_seconds=1",
          "--set", "pg_tally.powertree_databases=served,absent"]
TWO_PHASES = ["--set", "max_prepared_transactions=10"]
SUITES = {
    "lint": ["make", "-k", "lint", f"PG_CONFIG={PG15}"],
    "stats": [*CARGO, "-p", "tally-stats"],
    "loader": [*CARGO, "-p", "tally-postgres", "-p", "tally-loader", "-p", "tally-market"],
    "golden-15": ["make", "install", "installcheck", f"PG_CONFIG={PG15}"],
    "golden-18": ["make", "install", "installcheck", f"PG_CONFIG={PG18}"],
    "scenarios-15": [*CLUSTER, PG15, "--set", "wal_level=logical", "--", "tests/scenarios.sh"],
    "scenarios-18": [*CLUSTER, PG18, "--set", "wal_level=logical", "--", "tests/scenarios.sh"],
    "decoys-15": [*CLUSTER, PG15, *WORKERS, "--", "tests/security/decoys.py"],
    "decoys-18": [*CLUSTER, PG18, *WORKERS, "--", "tests/security/decoys.py"],
    "escalation-15": [*CLUSTER, PG15, *WORKERS, "--", "tests/security/escalation.py"],
    "escalation-18": [*CLUSTER, PG18, *WORKERS, "--", "tests/security/escalation.py"],
    "fuzz-15": [*CLUSTER, PG15, "--", "tests/security/fuzz.py", "300"],
    "fuzz-18": [*CLUSTER, PG18, "--", "tests/security/fuzz.py", "300"],
    "memory-15": [*CLUSTER, PG15, "--", "tests/memory/run.py", "2"],
    "memory-18": [*CLUSTER, PG18, "--", "tests/memory/run.py", "2"],
    "worker-15": [*CLUSTER, PG15, *SERVED, "--", "tests/powertree/worker.py"],
    "worker-18": [*CLUSTER, PG18, *SERVED, "--", "tests/powertree/worker.py"],
    "soak": [*CLUSTER, PG15, *TWO_PHASES, "--", "tests/powertree/soak.py", "60"],
    "soak-mutant": [*CLUSTER, PG15, *TWO_PHASES, "--", "tests/powertree/soak.py", "60", "--mutant"],
    "crash-15": ["tests/powertree/crash.sh", PG15],
    "containers": ["tests/containers/run.sh", PG15],
    "docs": [*CLUSTER, PG15, "--", "tests/docs.py"],
    # The loader's ignored tests are those that need servers.
    "end-to-end": [*SERVERS, *CARGO, "-p", "tally-loader", "-p", "tally-market", "--tests", "--", "--ignored", "--nocapture"],
    "faults": [*FAULTS, "--skip", "::long::"],
}
# Those that take long, which run only if they are named.
MORE = {
    "faults-all": FAULTS,
    "fuzz-all-15": [*CLUSTER, PG15, "--", "tests/security/fuzz.py", "10000"],
    "fuzz-all-18": [*CLUSTER, PG18, "--", "tests/security/fuzz.py", "10000"],
    "memory-all-15": [*CLUSTER, PG15, "--", "tests/memory/run.py", "40"],
    "memory-all-18": [*CLUSTER, PG18, "--", "tests/memory/run.py", "40"],
}
for version, pg_config in VERSIONS.items():
    for name, command in {
        "golden": ["make", "install", "installcheck", f"PG_CONFIG={pg_config}"],
        "scenarios": [*CLUSTER, pg_config, "--set", "wal_level=logical", "--", "tests/scenarios.sh"],
        "crash": ["tests/powertree/crash.sh", pg_config],
    }.items():
        if f"{name}-{version}" not in SUITES:
            MORE[f"{name}-{version}"] = command
    MORE[f"soak-all-{version}"] = [*CLUSTER, pg_config, *TWO_PHASES, "--", "tests/powertree/soak.py", "600"]


# How cargo, pg_regress up to PostgreSQL 15, and everything else (TAP) say what they ran. The milliseconds tell
# pg_regress's lines from those by which cargo reports single tests, which its result counts again.
CARGO_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed")
REGRESS_RESULT = re.compile(r"^test \S+ +\.\.\. (ok|FAILED).* ms$")
TAP_RESULT = re.compile(r"^(not )?ok\b")


def count(line):
    """The tests that passed and failed according to one line of output."""
    if match := CARGO_RESULT.match(line):
        return int(match[1]), int(match[2])
    if match := REGRESS_RESULT.match(line):
        return (1, 0) if match[1] == "ok" else (0, 1)
    if match := TAP_RESULT.match(line):
        return (0, 1) if match[1] else (1, 0)
    return 0, 0


def run(name, command):
    """Run one suite; how many of its tests passed and failed."""
    print(f"\n=== {name}: {' '.join(command)}", flush=True)
    began = time.monotonic()
    passed = failed = 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            more = count(line)
            passed, failed = passed + more[0], failed + more[1]
    if process.returncode and not failed:
        print(f"{name} ended with status {process.returncode}")
        failed = 1
    if not passed and not failed:
        print(f"{name} ran no test")
        failed = 1
    print(f"=== {name}: {passed} passed, {failed} failed in {time.monotonic() - began:.0f} s", flush=True)
    return passed, failed


def main():
    suites = {**SUITES, **MORE}
    names = sys.argv[1:] or list(SUITES)
    if names == ["all"]:
        names = list(suites)
    if unknown := set(names) - set(suites):
        sys.exit(f"scripts/test.py: no suite {', '.join(unknown)}; there are {', '.join(suites)}")
    results = [run(name, suites[name]) for name in names]
    passed, failed = (sum(column) for column in zip(*results))
    print(f"\n{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
