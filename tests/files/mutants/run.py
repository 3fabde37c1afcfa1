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
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1]))
from mutating import ROOT, main, outcome  # noqa: E402


def passes(test, program, mutant):
    """Whether a test passes in a database and a bucket of its own."""
    script, *stories = test.split()
    database = f"mutant_{mutant or 'none'}"
    subprocess.run(["psql", "-XqAt", "-c", f"DROP DATABASE IF EXISTS {database}", "-c", f"CREATE DATABASE {database}"], check=True, stderr=subprocess.DEVNULL)
    store = Path(os.environ["OBJECTS_DIRECTORY"])
    for there in [path for part in ("data", "metadata") for path in (store / part / "tally").glob("*")]:
        shutil.rmtree(there)
    environment = {"PGDATABASE": database, "DATABASE_URL": f"dbname={database}", "TALLY": program, "PG_TALLY_MUTANT": mutant}
    return outcome([ROOT / "tests/files" / script, *stories], environment)


main(FOLDER, "archive", passes, sys.argv[1:])
