#!/usr/bin/env -S python3 -B
"""Checks the words of comments in the sources: doc comments that stand alone, reasons of unsafe blocks that say something.

    tests/words.py [ROOT]

doc      a doc comment starts with a noun or a verb: not with a word that points at something else, asks, or opens a clause;
         nor does it use our own words where the field has one
safety   the reason of an unsafe block names the invariant and who upholds it
debt     no notes about work to be done

Begins with a test of itself, so that none of these falls silent.
"""

import re
import sys
from pathlib import Path

FOLDERS = ["src", "crates", "benches"]
POINTERS = re.compile(
    r"(It|Its|They|Their|Theirs|That|Those|He|Likewise|The same|Same|As above|See above|As before|Nor)\b|(?:This|These)(?= (?:is|are|of|that)\b|\.)"
)
# "Whether" may stay: it is the idiom for a function that returns bool.
CLAUSES = re.compile(
    r"(What|Whatever|Who|Whoever|Whom|Whose|Which|How|However|Where|Wherever|When|Why|If|As|So|Since|Unless|Because|Although|Though|While"
    r"|By|Of|From|To|In|At|Up|Without|Not|None|There|Someone|Somebody|Something|Anyone|Anybody|Anything|Anywhere|Nobody|Nothing"
    r"|(?:Is|Are|Was|Were|Does|Do|Did|Has|Have|May|Might|Must|Can|Will|Would|Should)(?=[^.`]*\?))\b"
)
WORDS = {"anew": "again", "so many": "this many", "gives": "returns", "gives back": "returns"}
EMPTY = re.compile(
    r"(see|as(?! many\b)|same|the same|likewise|ditto)\b|as the caller promises\W*$|the caller'?s?( contract)?\W*$|.*\bsee (above|below)\b", re.IGNORECASE
)
SHORT = 5
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
        if pointer := POINTERS.match(comment) or CLAUSES.match(comment):
            yield number, f'a doc comment that begins with "{pointer[0]}": {comment[:60]}'
        prose = re.sub(r"`[^`]*`", "", comment)
        for word, better in WORDS.items():
            if re.search(rf"\b{word}\b", prose, re.IGNORECASE):
                yield number, f'"{word}" for "{better}": {comment[:60]}'
    for number, line in enumerate(lines, 1):
        if DEBT.search(line):
            yield number, f"a note about work to be done: {line.strip()}"


REFUSED = {
    "doc": ["It.", "That of a table.", "The same.", "This is one.", "What it holds.", "How many there are.", "Where it begins.",
            "Which of them.", "By topic.", "As in SQL.", "Is it empty? No.", "None of them.", "Gives the number.", "Not so many rows."],
    "safety": ["see above.", "as above, for the other list.", "same as for the first of them.", "the caller's.", "as for `read`.",
               "a pointer of ours.", "the list is whole, see above."],
    "debt": ["TODO: mend it"],
}
ACCEPTED = {
    "doc": ["A leaf.", "Returns the number.", "Whether it is empty.", "This table's rows.", "Whatever_is_a_name.", "`Its` is a name.",
            "Is read once.", "Does `work` in a transaction."],
    "safety": ["the caller holds a lock on the table.", "as many arguments as the query has, of its types."],
    "debt": ["a list of things to do"],
}
BEGINS = {"doc": "///", "safety": "    // SAFETY:", "debt": "//"}


def test():
    """Complaints about this lint: what it lets pass, and what it refuses without reason."""
    for examples, wanted in ((REFUSED, True), (ACCEPTED, False)):
        for kind, texts in examples.items():
            for text in texts:
                if any(complaints(f"{BEGINS[kind]} {text}\nfn f() {{}}")) != wanted:
                    yield f"{kind}: {'accepted' if wanted else 'refused'}: {text}"


def main():
    if failures := list(test()):
        sys.exit("\n".join(failures))
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
