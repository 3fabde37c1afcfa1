#!/usr/bin/env -S python3 -B
"""Breaks the node that answers grouped queries in one way after the other: for each mutant of mutants.toml, a test must fail.

    tests/rollups/mutants/run.py PG_CONFIG [--all] [NAME ...]        (for mutants with NAME in their name)
    tests/rollups/mutants/run.py --check                             (only that the sources have a place for each mutant)

All mutants are built into one library and installed; the sources are put back at once. PG_TALLY_MUTANT in the environment of the
server says whose turn it is. First the tests must pass while it is nobody's. Then the test that mutants.toml names is run with each
mutant; if it does not fail, the others until one does; with --all, all. DESTDIR as for make, which has to install the product again.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests"))
from mutating import in_place, mutated  # noqa: E402

SOURCES = [file for folder in ("src", "crates/stats/src") for file in (ROOT / folder).rglob("*.rs")]
GOLDEN = sorted(file.stem for file in (ROOT / "tests/sql").glob("*.sql") if file.stem.startswith(("rollups_", "powertree_")))


def tests(pg_config):
    """The tests that a mutant may be found out by, each a command."""
    server = os.environ.get("DESTDIR", "") + pg_config
    cluster = ["scripts/cluster.py", "run", "--pg-config", server, "--"]
    results = Path(os.environ.get("CARGO_TARGET_DIR", Path.home() / ".cache/pg_tally/target")) / "regress/mutants"
    golden = {f"golden {name}": [*cluster, "tests/regress.sh", server, results, name] for name in GOLDEN}
    return {
        "templates": [*cluster, "tests/rollups/templates.py"],
        "fuzz": [*cluster, "tests/rollups/fuzz.py", "3000", "--most", "1"],
        **golden,
    }


def passes(command, mutant=""):
    # A backend that a mutant lets run in circles fails as well.
    try:
        environment = {**os.environ, "PG_TALLY_MUTANT": mutant}
        return subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=900).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def build(mutants, before, pg_config):
    """Install the library with all mutants; the sources are left as they were."""
    with in_place(mutants, before):
        done = subprocess.run(["make", "-s", "install", f"PG_CONFIG={pg_config}"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)


def main():
    mutants = tomllib.loads((Path(__file__).parent / "mutants.toml").read_text())["mutant"]
    before = {file: file.read_text() for file in SOURCES}
    if sys.argv[1:] == ["--check"]:
        mutated(mutants, before)
        print("ok - places of mutants")
        return
    pg_config, *names = [argument for argument in sys.argv[1:] if argument != "--all"]
    build(mutants, before, pg_config)
    commands = tests(pg_config)
    for name in sorted({mutant["by"] for mutant in mutants}):
        if not passes(commands[name]):
            sys.exit(f"not ok - {name} fails without a mutant")
    survivors = 0
    for number, mutant in enumerate(mutants):
        if names and not any(name in mutant["name"] for name in names):
            continue
        failing = []
        for name in sorted(commands, key=lambda name: name != mutant["by"]):
            if not passes(commands[name], str(number)):
                failing.append(name)
                if "--all" not in sys.argv:
                    break
        survivors += not failing
        print(f"{'ok' if failing else 'not ok'} - {mutant['name']}: {', '.join(failing) or 'no test fails'}", flush=True)
    sys.exit(survivors > 0)


main()
