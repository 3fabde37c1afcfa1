#!/usr/bin/env -S python3 -B
"""Checks the words of comments in the sources: doc comments that stand alone, reasons of unsafe blocks that say something.

    tests/words.py [ROOT]

doc      a doc comment must not begin with a word that points at something else, nor use our own words where the field has one
safety   the reason of an unsafe block names the invariant and who upholds it
debt     no notes about work to be done
"""

import re
import sys
from pathlib import Path

FOLDERS = ["src", "crates", "benches"]
POINTERS = re.compile(
    r"(It|Its|They|Their|Theirs|That|Those|He|Likewise|The same|As above|See above|As before|Nor)\b|(?:This|These)(?= (?:is|are|of|that)\b|\.)"
)
WORDS = {"anew": "again", "so many": "this many", "gives": "returns", "gives back": "returns"}
EMPTY = re.compile(r"(see|as|likewise|ditto)\b[ \w]*\babove\b\W*$|as the caller promises\W*$|the caller'?s?( contract)?\W*$", re.IGNORECASE)
SHORT = 3
DEBT = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def comments(lines):
    """Blocks of doc comments, and of reasons for unsafe code, with the number of their first line."""
    block, kind, start = [], None, 0
    for number, line in enumerate([*lines, ""], 1):
        stripped = line.strip()
        match = re.match(r"(///|//!)(?!/) ?(.*)", stripped)
        safety = re.match(r"// SAFETY: ?(.*)", stripped)
        if match:
            found, text = "doc", match[2]
        elif safety:
            found, text = "safety", safety[1]
        elif kind == "safety" and stripped.startswith("//"):
            found, text = "safety", stripped[2:].strip()
        else:
            found, text = None, ""
        if block and (found != kind or safety):
            yield kind, start, " ".join(block)
            block = []
        if found:
            if not block:
                start = number
            block.append(text)
        kind = found


def complaints(text):
    lines = text.splitlines()
    for kind, number, comment in comments(lines):
        if kind == "safety":
            if EMPTY.match(comment) or len(comment.split()) < SHORT:
                yield number, f"a reason that names no invariant: {comment}"
            continue
        pointer = POINTERS.match(comment)
        if pointer:
            yield number, f'a doc comment that begins with "{pointer[0]}": {comment[:60]}'
        prose = re.sub(r"`[^`]*`", "", comment)
        for word, better in WORDS.items():
            if re.search(rf"\b{word}\b", prose):
                yield number, f'"{word}" for "{better}": {comment[:60]}'
    for number, line in enumerate(lines, 1):
        if DEBT.search(line):
            yield number, f"a note about work to be done: {line.strip()}"


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    files = sorted(file for folder in FOLDERS for file in (root / folder).rglob("*.rs"))
    if not files:
        sys.exit("no sources were found")
    wrong = [
        f"{file.relative_to(root)}:{number}: {complaint}"
        for file in files
        for number, complaint in complaints(file.read_text())
    ]
    print("\n".join(wrong) or "ok - words")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
