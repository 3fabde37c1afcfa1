#!/usr/bin/env -S python3 -B
"""The choice between a power tree and its table, over a grid of tables and questions: what it costs where the tree loses, and what is missed where it is left out.

    benches/rollups/costs.py [--rows ROWS] [--all] [--only TABLE]        (in a database that has the extension, as libpq's environment variables say)

Each question is answered by the table, by what the planner chooses, and by the tree although the planner may not like it, in turns; processor
time of the server's process for planning and running, best of a few. The planner loses where its choice takes longer than the table does, and misses
where it leaves out a tree that takes less than half as long.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/security"))
from session import Session  # noqa: E402

PARSER = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
PARSER.add_argument("--rows", type=int, default=200_000, help="rows of each table")
PARSER.add_argument("--all", action="store_true", help="print every question")
PARSER.add_argument("--only", help="ask only of tables with this in their names")

# Milliseconds of the table below which a ratio says more about the clock than about the choice.
SHORT = 1.0
SERIES, ROWS_OF_A_LEAF = (1, 50, 5000), (1, 3, 10, 100, 1000)
# Whether there is an index, and how many values the tree has.
KINDS = ((True, 1), (False, 1), (True, 3))
SHARES = (1, 0.1, 0.01, 0.001)
STATEMENTS = {
    "total": "SELECT count(*), avg(a) FROM {table}{where}",
    "series": "SELECT s, avg(a) FROM {table}{where} GROUP BY s",
    "hours": "SELECT date_trunc('hour', at), avg(a) FROM {table}{where} GROUP BY 1",
    "series, minutes": "SELECT s, date_trunc('minute', at), avg(a) FROM {table}{where} GROUP BY 1, 2",
    "series, hours": "SELECT s, date_trunc('hour', at), avg(a) FROM {table}{where} GROUP BY 1, 2",
    "one series": "SELECT count(*), avg(a) FROM {table}{where} AND s = 1",
    "one series, minutes": "SELECT date_trunc('minute', at), avg(a) FROM {table}{where} AND s = 1 GROUP BY 1",
    "one series, hours": "SELECT date_trunc('hour', at), avg(a) FROM {table}{where} AND s = 1 GROUP BY 1",
}
OF_SERIES = ("series", "series, minutes", "series, hours", "one series", "one series, minutes", "one series, hours")
SETTINGS = {
    "table": "SET pg_tally.answer_from_trees = off",
    "choice": "RESET pg_tally.answer_from_trees",
    # What the table has to read costs too much.
    "tree": "RESET pg_tally.answer_from_trees; SET seq_page_cost = 1e9; SET random_page_cost = 1e9",
}


def create(session, table, rows, series, dense, has_index, values):
    """A table of leaves of a minute that have so many rows each; returns how many seconds it spans."""
    names = "abc"[:values]
    every = 60 / dense
    session(f"CREATE TABLE {table} (s int NOT NULL, at timestamptz NOT NULL, a float8, b float8, c float8)")
    session(f"INSERT INTO {table} SELECT i % {series}, '2026-01-01Z'::timestamptz + (i / {series}) * {every} * interval '1 s', "
            f"(i::bigint * 7919 % 4001) / 8.0, i % 500, i % 7 FROM generate_series(0, {rows} - 1) i")
    if has_index:
        session(f"CREATE INDEX ON {table} (s, at) INCLUDE (a)")
        session(f"CREATE INDEX ON {table} (at)")
    session(f"SELECT powertree_create('{table}', 'at', '{{{','.join(names)}}}', '1 minute', '{{s}}')")
    return rows / series * every


def ask(session, sql):
    """Milliseconds that the server worked."""
    began = worked(session)
    session(f"SELECT count(*) FROM ({sql} OFFSET 0) q")
    return worked(session) - began


def is_answered(session, sql):
    """Whether the tree answers."""
    return any("Answered From: tree" in line for (line,) in session(f"EXPLAIN (ANALYZE, TIMING OFF) {sql}"))


def worked(session):
    """Milliseconds that the process of a session has had a processor: others may be busy too."""
    return int(Path(f"/proc/{session.process}/schedstat").read_text().split()[0]) / 1e6


def compare(sessions, sql):
    """The best time of each setting, in turns, and who answered."""
    best, spent, rounds = {}, 0, 0
    answered = {setting: is_answered(session, sql) for setting, session in sessions.items()}
    for _ in range(15):
        for setting, session in sessions.items():
            took = ask(session, sql)
            best[setting] = min(took, best.get(setting, took))
            spent += took
        rounds += 1
        if rounds >= 4 and spent > 300:
            break
    return best, answered


def main():
    options = PARSER.parse_args()
    sessions = {}
    for setting, sql in SETTINGS.items():
        sessions[setting] = Session(session_preload_libraries="pg_tally")
        sessions[setting]("SET jit = off; SET max_parallel_workers_per_gather = 0; SET work_mem = '64MB'; SET client_min_messages = warning; " + sql)
    admin = sessions["table"]
    found = []
    print(f"{'table: series, rows of a leaf, values':44} {'question':22} {'share':>6} {'table':>9} {'choice':>9} {'tree':>9}  ms")
    for series in SERIES:
        for dense in (dense for dense in ROWS_OF_A_LEAF if dense * series <= options.rows):
            for has_index, values in KINDS:
                name = f"{series} series, {dense} rows, {values} values, {'with' if has_index else 'no'} index"
                if options.only and options.only not in name:
                    continue
                length = create(admin, "grid", options.rows, series, dense, has_index, values)
                admin("CALL powertree_compact()")
                admin("VACUUM ANALYZE grid")
                for share in SHARES:
                    middle, half = length / 2, length * share / 2
                    begin, end = (f"'2026-01-01Z'::timestamptz + interval '{second:.3f} s'" for second in (middle - half, middle + half))
                    where = f" WHERE at >= {begin} AND at < {end}" if share < 1 else " WHERE true"
                    for question, sql in STATEMENTS.items():
                        if series == 1 and question in OF_SERIES:
                            continue
                        best, answered = compare(sessions, sql.format(table="grid", where=where))
                        found.append((name, question, share, best, answered))
                        loses = best["choice"] > 1.05 * best["table"] and best["table"] >= SHORT
                        misses = answered["tree"] and not answered["choice"] and best["tree"] < best["table"] / 2
                        if options.all or loses or misses:
                            print(f"{name:44} {question:22} {share:6} {best['table']:9.3f} {best['choice']:9.3f} {best['tree'] if answered['tree'] else float('nan'):9.3f}  "
                                  f"{'tree' if answered['choice'] else 'table':5} {'LOSES' if loses else 'MISSES' if misses else ''}", flush=True)
                admin("SELECT powertree_drop('grid'); DROP TABLE grid")
    for session in sessions.values():
        session.close()
    long = [one for one in found if one[3]["table"] >= SHORT]
    lost = sorted((one[3]["choice"] / one[3]["table"] for one in long), reverse=True)
    short = max((one[3]["choice"] - one[3]["table"] for one in found if one[3]["table"] < SHORT), default=0)
    missed = max((one[3]["table"] / one[3]["tree"] for one in found if one[4]["tree"] and not one[4]["choice"]), default=0)
    chosen = sum(one[4]["choice"] for one in found)
    print(f"{len(found)} questions, {chosen} answered from the tree")
    print(f"the worst choice, where the table takes {SHORT} ms or more: {lost[0]:.2f} times the table; {sum(ratio > 1.05 for ratio in lost)} of {len(long)} above 1.05")
    print(f"the worst choice, where it takes less: {1000 * short:.0f} microseconds more")
    print(f"the most that was missed: a tree {missed:.1f} times as fast as the table")


main()
