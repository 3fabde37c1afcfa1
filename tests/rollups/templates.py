#!/usr/bin/env -S python3 -B
"""The statements that BI tools send, in tests/rollups/templates: each must give the same rows and types whether power trees answer or
the table does, and be answered from where the line above it says.

    tests/rollups/templates.py [--accept] [NAME ...]

Above a statement stands `-- from PLACE`, or `-- from PLACE, exact from PLACE` where the setting `exact` makes a difference. A place is
    tree       the rows are not read, but for those at the ends of ranges
    part       some of the query is answered from a tree
    fallback   the plan has a node for the tree, which leaves the answer to the table
    either     that of the two which costs less, known when it runs: versions and machines differ
    table      the plan has no such node
Statements without such a line prepare the others. --accept writes the places down as they are: look at what changes. All is asked in one
snapshot, of tables that this transaction has changed as well.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from answers import ask, difference
from session import Report, Session

HERE = Path(__file__).resolve().parent
TEMPLATES = HERE / "templates"
PLACE = re.compile(r"-- from (\w+)(?:, exact from (\w+))?$")
NODE, FALLBACK = "Custom Scan (pg_tally power tree)", "Answered From: table"
SCAN = re.compile(r"Scan.* on (?:public\.)?(?:trades|recent|ticks|visits|days)\b.*\(actual")
# Costs are no matter of this test: a plan that can have the node has it.
DEAR = "SET LOCAL seq_page_cost = 1e6; SET LOCAL random_page_cost = 1e6; SET LOCAL work_mem = '256MB'"
# Setting, what else to set, whether to look where the answer is from.
RUNS = {
    "off": ("off", "", False),
    "on": ("on", DEAR, True),
    "exact": ("exact", DEAR, True),
    "on, at what the plans cost": ("on", "", False),
}
# What the server adds up itself, and not exactly: deviations from the mean.
INEXACT = re.compile(r"stddev|var_|variance", re.IGNORECASE)
OWN_CHANGES = """
INSERT INTO trades SELECT 'bybit', 'ETH', '2026-01-02 10:00Z'::timestamptz + i * interval '13 s', 300 + i / 4.0, i FROM generate_series(1, 40) i;
INSERT INTO trades VALUES ('new', 'one', '2026-01-02 10:00Z', NULL, NULL);
UPDATE ticks SET total = total + 1 WHERE sensor = 3 AND at_unix BETWEEN 1767312000 AND 1767312900;
DELETE FROM visits WHERE host = 'img' AND at BETWEEN '2026-01-07' AND '2026-01-07 02:00';
"""


class Statement:
    """A statement, and where its answer should come from; nowhere if it only prepares others."""

    def __init__(self, sql, place):
        self.sql, self.place = sql, place
        self.answers, self.found = {}, {}


def statements(text):
    """The statements of a file: each ends with its line."""
    place, sql = None, []
    for line in text.splitlines():
        if line.startswith("--"):
            match = PLACE.match(line)
            place = (match[1], match[2] or match[1]) if match else None
            continue
        sql.append(line)
        if line.endswith(";"):
            yield Statement("\n".join(sql).rstrip(";"), place)
            place, sql = None, []


def where(session, sql):
    """The place that a statement is answered from, and why it is not a tree."""
    try:
        plan = "\n".join(line for (line,) in session(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {sql}"))
    except Exception as error:
        raise RuntimeError(f"cannot explain {sql}") from error
    if NODE not in plan:
        return "table", "; ".join(notice["M"] for notice in session.notices)
    if FALLBACK in plan:
        return "fallback", "; ".join(re.findall(r"Reason: (.*)", plan))
    return "part" if SCAN.search(plan) else "tree", ""


def run(session, listed):
    """Ask all statements of a file in each way; changes of settings and prepared statements end with it."""
    for name, (setting, others, looks) in RUNS.items():
        session("SAVEPOINT file")
        session(f"SET LOCAL pg_tally.answer_from_trees = {setting}; SET LOCAL pg_tally.tree_notices = on; {others}")
        for statement in listed:
            if statement.place is None:
                session(statement.sql)
                continue
            statement.answers[name] = ask(session, statement.sql)
            if looks and not statement.answers[name].error:
                statement.found[name] = where(session, statement.sql)
        session("ROLLBACK TO file; DEALLOCATE ALL")


def problems(statement):
    """What is wrong with the answers to a statement."""
    right = statement.answers["off"]
    if right.error:
        yield f"{right} from\n{statement.sql}"
        return
    for name in list(RUNS)[1:]:
        ulps = 0 if name == "exact" else 1
        relative = 1e-12 if INEXACT.search(statement.sql) and name != "exact" else 0.0
        if wrong := difference(statement.answers[name], right, ulps, relative):
            yield f"{name}, not as off: {wrong}\n{statement.sql}"
    for name, wanted in zip(("on", "exact"), statement.place):
        found, why = statement.found.get(name) or ("nowhere", "")
        if found != wanted and not (wanted == "either" and found in ("tree", "fallback")):
            yield f"{name}: from {found} in place of {wanted} ({why})\n{statement.sql}"


def accept(file, listed):
    """Write down where the statements of a file are answered from."""
    places = iter([statement.found for statement in listed if statement.place])

    def line(_):
        on, exact = (found[0] for found in map(next(places).get, ("on", "exact")))
        return f"-- from {on}" + (f", exact from {exact}" if exact != on else "")

    file.write_text(re.sub(PLACE.pattern, line, file.read_text(), flags=re.MULTILINE))


def main():
    names = [name for name in sys.argv[1:] if not name.startswith("--")]
    database = {**os.environ, "PGDATABASE": "templates"}
    for command in "DROP DATABASE IF EXISTS templates", "CREATE DATABASE templates":
        subprocess.run(["psql", "-X", "-q", "-c", command], check=True)
    subprocess.run(["psql", "-X", "-q", "-c", "CREATE EXTENSION pg_tally"], env=database, check=True)
    done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", HERE / "setup.sql"], env=database, stdout=subprocess.DEVNULL)
    if done.returncode:
        sys.exit("not ok - the tables of the templates")
    session = Session(database="templates", session_preload_libraries="pg_tally")
    session("SET max_parallel_workers_per_gather = 0; SET jit = off; BEGIN ISOLATION LEVEL REPEATABLE READ")
    session(OWN_CHANGES)
    report, caught = Report(), {"40 forms": 0, "further": 0}
    for file in sorted(TEMPLATES.glob("*.sql")):
        if names and file.stem not in names:
            continue
        listed = list(statements(file.read_text()))
        run(session, listed)
        if "--accept" in sys.argv:
            accept(file, listed)
        asked = [statement for statement in listed if statement.place]
        report.check(file.stem, "\n".join(problem for statement in asked for problem in problems(statement)))
        caught["40 forms" if file.stem < "41" else "further"] += any(s.found.get("on", [""])[0] in ("tree", "part") for s in asked)
    print(f"# with at least one statement answered from a tree: {caught['40 forms']} of the 40 forms, {caught['further']} of the further ones")
    sys.exit(report.failed)


main()
