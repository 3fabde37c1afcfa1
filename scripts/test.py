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


# The pg_config of each PostgreSQL version that is supported; suites of one that is not there fail.
VERSIONS = {version: where(f"pg{version}") for version in (15, 16, 17, 18)}
PG15 = VERSIONS[15]
# Those whose suites run without being named; the others differ little from them.
USUAL = (15, 18)
CLUSTER = ["scripts/cluster.py", "run", "--pg-config"]
# The crates of the programs.
PROGRAMS = [word for name in ("postgres", "program", "objects", "rows", "notify", "files", "archive", "serve", "loader", "market") for word in ("-p", f"tally-{name}")]
CARGO = ["cargo", "test", "--release", "--no-fail-fast"]
SERVERS = [*CLUSTER, PG15, "--", "scripts/kafka/broker.py", "run", "--secure", "--", "scripts/kafka/registry.py", "run", "--",
           "scripts/objects.py", "run", "--"]
FAULTS = [*SERVERS, *CARGO, "-p", "tally-loader", "--test", "faults", "--", "--ignored", "--test-threads=1", "--nocapture"]
# With a worker in the databases that these tests make.
WORKERS = ["--set", "shared_preload_libraries=pg_tally", "--set", "pg_tally.powertree_compact_seconds=1",
           "--set", "pg_tally.powertree_databases=decoys,escalation"]
SERVED = ["--set", "shared_preload_libraries=pg_tally", "--set", "pg_tally.powertree_compact_seconds=1",
          "--set", "pg_tally.powertree_databases=served,absent"]
TWO_PHASES = ["--set", "max_prepared_transactions=10"]


def on_each(suites, versions):
    """Suites that run on these versions, each named after its version too."""
    return {f"{name}-{version}": command(VERSIONS[version]) for name, command in suites.items() for version in versions}


# What is to be tested on every version, given its pg_config.
EACH = {
    "golden": lambda pg: ["make", "install", "installcheck", f"PG_CONFIG={pg}"],
    "scenarios": lambda pg: [*CLUSTER, pg, "--set", "wal_level=logical", "--", "tests/scenarios.sh"],
    "decoys": lambda pg: [*CLUSTER, pg, *WORKERS, "--", "tests/security/decoys.py"],
    "escalation": lambda pg: [*CLUSTER, pg, *WORKERS, "--", "tests/security/escalation.py"],
    # Always the same calls, so that a failure tells of the change that is tested; fuzz-all makes others each time.
    "fuzz": lambda pg: [*CLUSTER, pg, "--", "tests/security/fuzz.py", "300", "1"],
    "memory": lambda pg: [*CLUSTER, pg, "--", "tests/memory/run.py", "2"],
    "worker": lambda pg: [*CLUSTER, pg, *SERVED, "--", "tests/powertree/worker.py"],
    "templates": lambda pg: [*CLUSTER, pg, "--", "tests/rollups/templates.py"],
    "fuzz-rollups": lambda pg: [*CLUSTER, pg, "--", "tests/rollups/fuzz.py", "5000"],
}
CRASH = {"crash": lambda pg: ["tests/powertree/crash.sh", pg]}
SUITES = {
    "lint": ["make", "-k", "lint", f"PG_CONFIG={PG15}"],
    "stats": [*CARGO, "-p", "tally-stats"],
    "loader": [*CARGO, *PROGRAMS],
    **on_each(EACH, USUAL),
    "model": [*CLUSTER, PG15, "--", "tests/powertree/model.py", "5000"],
    "model-mutant": [*CLUSTER, PG15, "--", "tests/powertree/model.py", "5000", "--mutant"],
    "archiver": [*CLUSTER, PG15, "--", "tests/powertree/archiver.py", "30"],
    "archiver-mutant": [*CLUSTER, PG15, "--", "tests/powertree/archiver.py", "30", "--mutant"],
    "soak": [*CLUSTER, PG15, *TWO_PHASES, "--", "tests/powertree/soak.py", "60"],
    "soak-mutant": [*CLUSTER, PG15, *TWO_PHASES, "--", "tests/powertree/soak.py", "60", "--mutant"],
    "fuzz-rollups-mutant": [*CLUSTER, PG15, "--", "tests/rollups/fuzz.py", "5000", "--mutant"],
    **on_each(CRASH, [15]),
    "containers": ["tests/containers/run.sh", PG15],
    "convert": ["scripts/objects.py", "run", "--", "tests/files/convert.py"],
    "archive": [*CLUSTER, PG15, "--", "scripts/objects.py", "run", "--", "tests/files/archive.py"],
    "archive-trees": [*CLUSTER, PG15, "--", "scripts/objects.py", "run", "--", "tests/files/archive_trees.py"],
    "archive-faults": [*CLUSTER, PG15, "--", "scripts/objects.py", "run", "--", "tests/files/archive_faults.py"],
    "serve": [*CLUSTER, PG15, "--", "tests/serve/run.py"],
    "events": [*CLUSTER, PG15, "--", "scripts/kafka/broker.py", "run", "--", "scripts/kafka/registry.py", "run", "--", "tests/serve/events.py"],
    "browser": [*CLUSTER, PG15, "--", "scripts/kafka/broker.py", "run", "--", "tests/serve/browser/run.mjs"],
    "docs": [*CLUSTER, PG15, "--", "tests/docs.py"],
    "grafana": [*CLUSTER, PG15, "--", "tests/grafana.py"],
    # The ignored tests are those that need servers.
    "end-to-end": [*SERVERS, *CARGO, *PROGRAMS, "--tests",
                   "--", "--ignored", "--nocapture"],
    "faults": [*FAULTS, "--skip", "::long::"],
}
# Those that take long, which run only if they are named.
MORE = {
    "faults-all": FAULTS,
    "archive-mutants": [*CLUSTER, PG15, "--", "scripts/objects.py", "run", "--", "tests/files/mutants/run.py"],
    "archive-clouds": [*CLUSTER, PG15, "--", "scripts/azure.py", "run", "--", "tests/files/archive_clouds.py"],
    "serve-mutants": ["tests/serve/mutants/run.py", PG15],
    "serve-all": [*CLUSTER, PG15, "--", "tests/serve/run.py", "--long"],
    "superset": [*CLUSTER, PG15, "--", "tests/superset/run.py"],
    **on_each(EACH, [16, 17]),
    **on_each(CRASH, [16, 17, 18]),
    "core-regression-17": ["make", "install", "core-regression", f"PG_CONFIG={VERSIONS[17]}"],
    **on_each({
        "fuzz-all": lambda pg: [*CLUSTER, pg, "--", "tests/security/fuzz.py", "10000"],
        "fuzz-rollups-all": lambda pg: [*CLUSTER, pg, "--", "tests/rollups/fuzz.py", "100000"],
        "memory-all": lambda pg: [*CLUSTER, pg, "--", "tests/memory/run.py", "40"],
    }, USUAL),
    **on_each({
        "model-all": lambda pg: [*CLUSTER, pg, "--", "tests/powertree/model.py", "100000"],
        "archiver-all": lambda pg: [*CLUSTER, pg, "--", "tests/powertree/archiver.py", "300"],
        "soak-all": lambda pg: [*CLUSTER, pg, *TWO_PHASES, "--", "tests/powertree/soak.py", "600"],
    }, VERSIONS),
}


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
