#!/usr/bin/env -S python3 -B
"""Breaks streams and reports of `tally serve` in one way after the other: for each mutant of mutants.toml, the test that it names must fail.

    tests/serve/mutants/run.py PG_CONFIG [NAME ...]     (for mutants with NAME in their name)
    tests/serve/mutants/run.py --check                  (only that the sources have a place for each mutant)

Each test has servers of its own. All mutants are built into one program, and the sources are put back at once; in the end the program is
built again as it is. PG_TALLY_MUTANT says whose turn it is.
"""

import os
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parents[1]))
from mutating import main, outcome  # noqa: E402

KAFKA = ["scripts/kafka/broker.py", "run", "--", "scripts/kafka/registry.py", "run", "--"]
PG_CONFIG, *NAMES = sys.argv[1:]


def passes(test, program, mutant):
    """Whether a test passes with servers of its own."""
    script, *stories = test.split()
    kafka = KAFKA if script == "events.py" else []
    command = ["scripts/cluster.py", "run", "--pg-config", PG_CONFIG, "--", *kafka, f"tests/serve/{script}", *stories]
    return outcome(command, {"TALLY": os.fspath(program), "PG_TALLY_MUTANT": mutant})


main(FOLDER, "serve", passes, [PG_CONFIG] if PG_CONFIG == "--check" else NAMES)
