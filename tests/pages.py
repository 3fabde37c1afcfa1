#!/usr/bin/env -S python3 -B
"""Checks that what the maintainers' pages name is there: paths in backquotes, and names in files as `path::name`.

A path begins with a folder or file at the root of the repository. A page that names none is refused.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["ARCHITECTURE.md", "CONTRIBUTING.md"]
ROOTS = {path.name for path in ROOT.iterdir()}


def named(text):
    """Paths with the name in them, if there is one; a command or a pattern is no path."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for path, name in re.findall(r"`([\w./-]+)(?:::(\w+))?`", text):
        if path.split("/")[0] in ROOTS:
            yield path, name
    for path in re.findall(r"\]\(([\w./-]+)\)", text):
        yield path, ""


def complaints(page):
    found = list(named((ROOT / page).read_text()))
    if not found:
        yield f"{page}: names no path"
    for path, name in found:
        file = ROOT / path
        if not file.exists():
            yield f"{page}: there is no {path}"
        elif name and not re.search(rf"\b{name}\b", file.read_text()):
            yield f"{page}: {path} has no {name}"


def main():
    wrong = [complaint for page in PAGES for complaint in complaints(page)]
    print("\n".join(wrong) or "ok - pages")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
