#!/usr/bin/env -S python3 -B
"""Breaks the archive in one way after the other: for each mutant of mutants.toml, the test that it names must fail.

    tests/files/mutants/run.py [NAME ...]        (for mutants with NAME in their name)
    tests/files/mutants/run.py --check           (only that the sources have a place for each mutant)

In the running cluster, with an object store. All mutants are built into one program, and the sources are put back at once; in the end the
program is built again as it is. PG_TALLY_MUTANT says whose turn it is.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests"))
from mutating import in_place, mutated  # noqa: E402

SOURCES = sorted((ROOT / "crates/archive/src").rglob("*.rs"))
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def passes(test, program, mutant=""):
    """Whether a test passes in a database and a bucket of its own."""
    script, *stories = test.split()
    database = f"mutant_{mutant or 'none'}"
    subprocess.run(["psql", "-XqAt", "-c", f"DROP DATABASE IF EXISTS {database}", "-c", f"CREATE DATABASE {database}"], check=True, stderr=subprocess.DEVNULL)
    store = Path(os.environ["OBJECTS_DIRECTORY"])
    for there in [path for part in ("data", "metadata") for path in (store / part / "tally").glob("*")]:
        shutil.rmtree(there)
    environment = {**os.environ, "PGDATABASE": database, "DATABASE_URL": f"dbname={database}", "TALLY": program, "PG_TALLY_MUTANT": mutant}
    done = subprocess.run([ROOT / "tests/files" / script, *stories], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode == 0, next((line for line in done.stdout.splitlines() if line.startswith("not ok")), done.stderr[-300:] if done.returncode else "")


def main():
    mutants = tomllib.loads((Path(__file__).parent / "mutants.toml").read_text())["mutant"]
    before = {file: file.read_text() for file in SOURCES}
    if sys.argv[1:] == ["--check"]:
        mutated(mutants, before)
        print("ok - places of the archive's mutants")
        return
    chosen = [(number, mutant) for number, mutant in enumerate(mutants) if not sys.argv[1:] or any(name in mutant["name"] for name in sys.argv[1:])]
    with tempfile.TemporaryDirectory() as directory:
        program = compiled(mutants, before, directory)
        try:
            sys.exit(survivors(chosen, program) > 0)
        finally:
            build()


def survivors(mutants, program):
    """The number of mutants that the test which they name does not notice."""
    for test in sorted({mutant["by"] for _, mutant in mutants}):
        passed, why = passes(test, program)
        if not passed:
            sys.exit(f"not ok - {test} fails without a mutant: {why}")
    number_of = 0
    for number, mutant in mutants:
        survives, why = passes(mutant["by"], program, str(number))
        number_of += survives
        print(f"{'not ok' if survives else 'ok'} - {mutant['name']}: {why or 'no test fails'}", flush=True)
    return number_of


def compiled(mutants, before, directory):
    """The program with all mutants, which nobody else is to find."""
    with in_place(mutants, before):
        build()
        return shutil.move(TARGET / "release/tally", directory)


def build():
    done = subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "tally-loader"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)


main()
