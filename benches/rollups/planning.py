#!/usr/bin/env -S python3 -B
"""What planning takes with answers from power trees, and without.

    benches/rollups/planning.py [--rounds ROUNDS]        (in a database that has the extension, as libpq's environment variables say)

Statements are planned with pg_tally.answer_from_trees on and off in turns; the lowest and the median of EXPLAIN's planning time.
"""

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/security"))
from session import Session  # noqa: E402

PARSER = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
PARSER.add_argument("--rounds", type=int, default=500, help="how often each statement is planned")

SETUP = """
CREATE TABLE plain (s int NOT NULL, at timestamptz NOT NULL, a float8);
INSERT INTO plain SELECT i % 50, '2026-01-01Z'::timestamptz + i * interval '1 s', i FROM generate_series(1, 100000) i;
CREATE INDEX ON plain (s, at);
CREATE TABLE watched (LIKE plain INCLUDING ALL);
INSERT INTO watched TABLE plain;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER nothing BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TABLE kept (LIKE plain INCLUDING ALL);
INSERT INTO kept TABLE plain;
SELECT powertree_create('kept', 'at', '{a}', '1 minute', '{s}');
"""
RANGE = "at >= '2026-01-01 03:00Z' AND at < '2026-01-01 {}Z'"
STATEMENTS = {
    "no table": "SELECT count(*) FROM (VALUES (1)) v",
    "a table without a tree": "SELECT avg(a) FROM plain WHERE s = 1",
    "… with triggers": "SELECT avg(a) FROM watched WHERE s = 1",
    "no grouping": "SELECT a FROM kept WHERE s = 1 AND at = '2026-01-01 03:00Z'",
    "a few rows": "SELECT avg(a) FROM kept WHERE s = 1 AND " + RANGE.format("03:01"),
    "hundreds of rows": "SELECT avg(a) FROM kept WHERE s = 1 AND " + RANGE.format("12:00"),
    "no tree can answer": "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY a) FROM kept",
    "from the tree, all": "SELECT avg(a) FROM kept",
    "from the tree, hours": "SELECT s, date_trunc('hour', at), avg(a), count(*) FROM kept WHERE " + RANGE.format("18:00") + " GROUP BY 1, 2 ORDER BY 1, 2",
}


def planned(session, sql):
    """Microseconds of planning."""
    (line,) = session(f"EXPLAIN (SUMMARY, COSTS OFF) {sql}")[-1]
    return 1000 * float(line.split()[2])


def main():
    rounds = PARSER.parse_args().rounds
    sessions = {setting: Session(session_preload_libraries="pg_tally") for setting in ("off", "on")}
    sessions["off"]("SET client_min_messages = warning;" + SETUP)
    for sql in ("CALL powertree_compact()", "VACUUM ANALYZE"):
        sessions["off"](sql)
    for setting, session in sessions.items():
        session(f"SET pg_tally.answer_from_trees = {setting}")
    print(f"{'microseconds, lowest and median':32} {'off':>14} {'on':>14} {'more':>14}")
    for name, sql in STATEMENTS.items():
        times = {setting: [] for setting in sessions}
        for _ in range(rounds):
            for setting, session in sessions.items():
                times[setting].append(planned(session, sql))
        lowest, median = ({setting: pick(all_) for setting, all_ in times.items()} for pick in (min, statistics.median))
        shown = (f"{one:6.0f} {other:6.0f}" for one, other in ((lowest["off"], median["off"]), (lowest["on"], median["on"])))
        more = f"{lowest['on'] - lowest['off']:+6.0f} {median['on'] - median['off']:+6.0f}"
        print(f"{name:32} {'  '.join(f'{one:>13}' for one in shown)}  {more:>13}", flush=True)


main()
