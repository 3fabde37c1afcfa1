#!/usr/bin/env -S python3 -B
"""Checks that no folder has more unsafe blocks than it may have, nor all of them together.

Unsafe code belongs on the ground floor, src/pg, whose types have safe methods. A change that needs another block finds a type
for it instead. A folder that has become safer gets the lower number.
"""

import re
import sys
from pathlib import Path

from walls import code

ROOT = Path(__file__).resolve().parent.parent

# Blocks that a folder may have; what is in a folder further down counts there alone.
BUDGET = {
    "crates": 11,
    "src": 0,
    "src/datum": 5,
    "src/pg": 136,
    "src/powertree": 7,
    "src/rewrite": 2,
    "src/rewrite/rollups": 15,
    "src/rewrite/windows": 12,
    "src/tally": 2,
}

# Blocks that all of the code may have.
TOTAL = 190


def folder_of(file):
    """The innermost of the folders that a file is in."""
    path = file.relative_to(ROOT).as_posix()
    return max((folder for folder in BUDGET if path.startswith(folder + "/")), key=len)


def complaint(name, count, budget):
    """What is wrong with a count of blocks; None if it is as it should be."""
    if count > budget:
        return f"{name} has {count} unsafe blocks, and may have {budget}: use the types of src/pg"
    if count < budget:
        return f"{name} has only {count} unsafe blocks: write that into tests/unsafe.py"
    return None


def main():
    counts = dict.fromkeys(BUDGET, 0)
    for top in "src", "crates":
        for file in sorted((ROOT / top).rglob("*.rs")):
            counts[folder_of(file)] += len(re.findall(r"\bunsafe\s*\{", code(file.read_text())))
    complaints = [complaint(folder, count, BUDGET[folder]) for folder, count in counts.items()]
    complaints.append(complaint("the code", sum(counts.values()), TOTAL))
    if any(complaints):
        sys.exit("\n".join(filter(None, complaints)))
    print("ok - unsafe blocks")


if __name__ == "__main__":
    main()
