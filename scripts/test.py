#!/usr/bin/env -S python3 -B
"""Runs the test suites, all but the long ones, all ("all"), or those named, and adds up what they ran.

Two run side by side, since most of them wait for servers; what a suite prints is shown when it ends. A suite that runs no test
at all counts as a failure: nothing that is declared may fall silent.
"""

import re
import subprocess
import sys
import threading
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
# All programs are named, or cargo would choose other features of their libraries, and compile them again.
FAULTS = [*SERVERS, *CARGO, *PROGRAMS, "--test", "faults", "--", "--ignored", "--test-threads=1", "--nocapture"]
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
    "loader": [*CARGO, *PROGRAMS],
    **on_each(EACH, USUAL),
    "stats": [*CARGO, "-p", "tally-stats"],
    "lint": ["make", "-k", "lint", f"PG_CONFIG={PG15}"],
    # Early, so that nothing long is left for the end.
    "faults": [*FAULTS, "--skip", "::long::"],
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


# Suites that build and install what all others use but those that need nothing.
MAKERS = re.compile(r"loader|golden-\d+")
NEED_NOTHING = re.compile(r"stats|lint")
# They change the source while they run.
ALONE = re.compile(r".*-mutants")
LANES = 2

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
    """Run one suite; what it printed, and how many of its tests passed and failed."""
    began = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        printed, status = done.stdout, done.returncode
    except OSError as error:
        printed, status = "", str(error)
    passed, failed = (sum(column) for column in zip((0, 0), *map(count, printed.splitlines())))
    said = f"\n=== {name}: {' '.join(command)}\n{printed}"
    if status and not failed:
        said += f"{name} ended with status {status}\n"
        failed = 1
    if not passed and not failed:
        said += f"{name} ran no test\n"
        failed = 1
    return f"{said}=== {name}: {passed} passed, {failed} failed in {time.monotonic() - began:.0f} s", passed, failed


class Runner:
    """Runs suites side by side, each when what it needs is made."""

    def __init__(self, suites):
        self.suites, self.waiting, self.running, self.results = suites, list(suites), set(), []
        self.changed = threading.Condition()

    def may_begin(self, name):
        if ALONE.fullmatch(name) or any(ALONE.fullmatch(other) for other in self.running):
            return not self.running
        if MAKERS.fullmatch(name) or NEED_NOTHING.fullmatch(name):
            return True
        return not any(MAKERS.fullmatch(other) for other in {*self.waiting, *self.running})

    def lane(self):
        """Run one suite after the other, until none is left."""
        with self.changed:
            while self.waiting:
                name = next(filter(self.may_begin, self.waiting), None)
                if name is None:
                    self.changed.wait()
                    continue
                self.waiting.remove(name)
                self.running.add(name)
                print(f"--- {name}", flush=True)
                self.changed.release()
                try:
                    said, *result = run(name, self.suites[name])
                finally:
                    self.changed.acquire()
                print(said, flush=True)
                self.running.remove(name)
                self.results.append(result)
                self.changed.notify_all()

    def run(self):
        """Run all; how many tests passed and failed."""
        lanes = [threading.Thread(target=self.lane) for _ in range(LANES)]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        assert len(self.results) == len(self.suites)
        return (sum(column) for column in zip(*self.results))


def main():
    suites = {**SUITES, **MORE}
    names = sys.argv[1:] or list(SUITES)
    if names == ["all"]:
        names = list(suites)
    if unknown := set(names) - set(suites):
        sys.exit(f"scripts/test.py: no suite {', '.join(unknown)}; there are {', '.join(suites)}")
    passed, failed = Runner({name: suites[name] for name in names}).run()
    print(f"\n{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
