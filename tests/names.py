#!/usr/bin/env -S python3 -B
"""Checks that a type's name says which type it is: no two structs, enums, unions, traits or aliases of a crate share one.

    tests/names.py [ROOT]

Types of a module's own level count; associated types, types inside functions and modules of tests do not.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

HOUSES = ["src", "crates/stats/src", "crates/postgres/src", "crates/program/src", "crates/objects/src", "crates/rows/src", "crates/files/src", "crates/archive/src", "crates/serve/src",
          "crates/loader/src", "crates/market/src", "crates/testkit/src"]
TYPE = re.compile(r"(?:pub(?:\([^)]*\))? )?(?:unsafe )?(?:struct|enum|union|trait|type) (\w+)")
MODULE = re.compile(r"(?:pub(?:\([^)]*\))? )?mod \w+ \{$")


def types(text):
    """Number of the line and name of each type at the level of a module; rustfmt's indentation tells the level."""
    level, skip, tests = 0, None, False
    for number, line in enumerate(text.splitlines(), 1):
        indent, code = len(line) - len(line.lstrip()), line.strip()
        if skip is not None:
            skip = None if indent == skip and code == "}" else skip
        elif code.startswith("#[cfg("):
            tests = indent == level and re.search(r"\btest\b", code) is not None
        elif indent == level and MODULE.match(code):
            if tests:
                skip = indent
            else:
                level += 4
            tests = False
        elif level and indent == level - 4 and code == "}":
            level -= 4
        elif indent == level and (match := TYPE.match(code)):
            if not tests:
                yield number, match[1]
            tests = False
        elif code and not code.startswith(("#[", "//")):
            tests = False


def complaints(root, house):
    files = sorted((root / house).rglob("*.rs"))
    if not files:
        yield f"{house}: no sources were found"
    places = defaultdict(list)
    for file in files:
        for number, name in types(file.read_text()):
            places[name].append(f"{file.relative_to(root)}:{number}")
    for name, found in sorted(places.items()):
        if len(found) > 1:
            yield f"{found[0]}: a type {name}, as at {', '.join(found[1:])}"


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    wrong = [complaint for house in HOUSES for complaint in complaints(root, house)]
    print("\n".join(wrong) or "ok - names")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
