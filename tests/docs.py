#!/usr/bin/env -S python3 -B
"""Runs the SQL of the documentation: every ```sql block of README.md and docs/*.md, in the running cluster; and follows
the links between the pages of the repository.

The blocks of a page run in order in one fresh database that has the extension. Where a ```text block follows at once,
it is what psql must print. A block that only fails as announced shows its ERROR. "```sql skip REASON" is not run.
A ```sh block is run by a shell that finds our programs, in a directory that is the page's own.
"""

import difflib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Readers of Parquet, for blocks that call Python.
READERS = subprocess.run([ROOT / "scripts/where.sh", "readers"], capture_output=True, text=True, check=True).stdout.strip()
BLOCK = re.compile(
    r"^```(?P<language>sql|sh)[ \t]*(?P<word>\S*)[ \t]*(?P<reason>.*)\n(?P<code>(?s:.*?))^```[ \t]*\n"
    r"(?:\s*^```text\n(?P<shown>(?s:.*?))^```[ \t]*$)?",
    re.MULTILINE,
)
FENCED = re.compile(r"^```.*?^```[ \t]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
# A target without a scheme, such as https:, is a file of the repository.
LINK = re.compile(r"\]\((?![a-z]+:)([^)\s]+)\)")


def psql(database, sql):
    """What a user of psql would see, and whether it succeeded."""
    done = subprocess.run(
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database],
        input=sql,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout, done.returncode == 0


def shell(database, directory, commands):
    """What our programs print, and whether all succeeded."""
    programs = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "DATABASE_URL": f"dbname={database}", "PYTHONPATH": READERS}
    done = subprocess.run(
        ["sh", "-ec", commands], cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout, done.returncode == 0


def lines(text):
    # psql pads with spaces that editors remove.
    return [line.rstrip() for line in text.strip("\n").split("\n")]


def problem(database, directory, block):
    """What is wrong with a block, or None."""
    if block["word"]:
        return f"unknown word '{block['word']}' after ```{block['language']}"
    shown = block["shown"]
    if block["language"] == "sh":
        output, succeeded = shell(database, directory, block["code"])
    else:
        output, succeeded = psql(database, block["code"])
    if shown is not None and lines(output) != lines(shown):
        return "\n".join(difflib.unified_diff(lines(shown), lines(output), "documented", "printed", lineterm=""))
    error_is_shown = shown is not None and re.search("^ERROR:", shown, re.MULTILINE)
    return None if succeeded or error_is_shown else output


def anchor(title):
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def headings(text):
    """The anchors of a page."""
    return {anchor(title) for title in re.findall(r"^#+ (.*)$", FENCED.sub("", text), re.MULTILINE)}


def broken_links(page):
    """The relative links of a page that lead to no file, or to no heading of one."""
    for target in LINK.findall(CODE.sub("", FENCED.sub("", page.read_text(encoding="utf-8")))):
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists():
            yield f"{target}: there is no such file"
        elif anchor and anchor not in headings(file.read_text(encoding="utf-8")):
            yield f"{target}: there is no such heading"


def unlisted():
    """The pages that the index leaves out, and the recipes that the cookbook does."""
    docs = ROOT / "docs"
    listed = set(LINK.findall((docs / "README.md").read_text(encoding="utf-8")))
    recipes = set(LINK.findall((docs / "cookbook.md").read_text(encoding="utf-8")))
    listed |= {target.partition("#")[0] for target in recipes}
    yield from (page.name for page in docs.glob("*.md") if page.name not in {"README.md", *listed})
    for page in docs.glob("cookbook-*.md"):
        titles = re.findall(r"^## (.*)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
        yield from (f"{page.name}: {title}" for title in titles if f"{page.name}#{anchor(title)}" not in recipes)


def check_links():
    """Whether all links of all pages lead somewhere, and the indexes list everything."""
    failed = False
    for missing in unlisted():
        failed = True
        print(f"not ok - docs: no index lists {missing}")
    for page in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]:
        for broken in broken_links(page):
            failed = True
            print(f"not ok - {page.relative_to(ROOT)}: {broken}")
    if not failed:
        print("ok - links between pages")
    return failed


def main():
    failed = check_links()
    for number, page in enumerate([ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]):
        text = page.read_text(encoding="utf-8") if page.exists() else ""
        blocks = list(BLOCK.finditer(text))
        if len(blocks) != len(re.findall(r"```[ \t]*(?:sql|sh)\b", text)):
            failed = True
            print(f"not ok - {page.relative_to(ROOT)}: a ```sql or ```sh fence is indented, spelled differently or never closed")
        database = f"docs_{number}"
        for prepared in psql("postgres", f"CREATE DATABASE {database};"), psql(database, "CREATE EXTENSION pg_tally;"):
            if not prepared[1]:
                sys.exit(f"no database to try {page.name} in: {prepared[0]}")
        with tempfile.TemporaryDirectory() as directory:
            for block in blocks:
                where = f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, block.start()) + 1}"
                if block["word"] == "skip" and block["reason"]:
                    print(f"skipped {where}: {block['reason']}")
                    continue
                wrong = problem(database, directory, block)
                print(f"not ok - {where}\n{wrong}" if wrong else f"ok - {where}")
                failed |= wrong is not None
    sys.exit(failed)


main()
