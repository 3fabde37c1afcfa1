#!/usr/bin/env -S python3 -B
"""The choice between a power tree and its table: what it costs where the tree loses, and what is missed where it is left out.

    benches/rollups/costs.py [--rows ROWS] [--seed SEED] [--only TABLE] [--all]        (in a database that has the extension, as libpq's environment variables say)

Questions are asked over a grid of tables, or over random ones. Each is answered by the table, by what is chosen, and by the tree although it may not
be liked, in turns; processor time of the server's process for planning and running, best of a few. A choice loses where it takes longer than the
table does, and misses where it leaves out a tree that takes less than half as long. Two sessions ask the table: what they differ by is noise.
"""

import argparse
import random
import statistics
import sys
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/security"))
from session import Session  # noqa: E402

PARSER = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
PARSER.add_argument("--rows", type=int, default=200_000, help="rows of each table")
PARSER.add_argument("--seed", type=int, help="ask of random tables and ranges instead of a grid")
PARSER.add_argument("--tables", type=int, default=20, help="the number of random tables")
PARSER.add_argument("--only", help="ask only of tables with this in their names")
PARSER.add_argument("--all", action="store_true", help="print every question")

# Milliseconds of the table below which a ratio says more about the clock than about the choice.
SHORT = 1.0
# What a choice may take over the table, and by how many times it may be slower than a tree that was left out.
LOSES, MISSES = 1.05, 2
SERIES, ROWS_OF_A_LEAF = (1, 50, 5000), (1, 3, 10, 100, 1000)
SHARES = (1, 0.1, 0.01, 0.001)
INDEXES = {
    "series": ("(s, at) INCLUDE (a)", "(at)"),
    "time": ("(at)",),
    "brin": ("USING brin (at)",),
    "no": (),
}
# The indexes, how many values the tree has, and how many partitions the table has.
KINDS = (("series", 1, 0), ("no", 1, 0), ("series", 3, 0))
RANDOM_KINDS = tuple((index, values, parts) for index in INDEXES for values, parts in ((1, 0), (3, 0), (1, 5)))
STATEMENTS = {
    "total": "SELECT count(*), avg(a) FROM {table}{where}",
    "series": "SELECT s, avg(a) FROM {table}{where} GROUP BY s",
    "hours": "SELECT date_trunc('hour', at), avg(a) FROM {table}{where} GROUP BY 1",
    "series, minutes": "SELECT s, date_trunc('minute', at), avg(a) FROM {table}{where} GROUP BY 1, 2",
    "series, hours": "SELECT s, date_trunc('hour', at), avg(a) FROM {table}{where} GROUP BY 1, 2",
    "one series": "SELECT count(*), avg(a) FROM {table}{where} AND s = 0",
    "one series, minutes": "SELECT date_trunc('minute', at), avg(a) FROM {table}{where} AND s = 0 GROUP BY 1",
    "one series, hours": "SELECT date_trunc('hour', at), avg(a) FROM {table}{where} AND s = 0 GROUP BY 1",
    "largest": "SELECT s, sum(a) FROM {table}{where} GROUP BY s ORDER BY 2 DESC LIMIT 5",
}
OF_SERIES = ("series", "series, minutes", "series, hours", "one series", "one series, minutes", "one series, hours", "largest")
OF_GRID = tuple(name for name in STATEMENTS if name != "largest")
SETTINGS = {
    "table": "SET pg_tally.answer_from_trees = off",
    "again": "SET pg_tally.answer_from_trees = off",
    "choice": "RESET pg_tally.answer_from_trees",
    # What the table has to read costs too much.
    "tree": "RESET pg_tally.answer_from_trees; SET seq_page_cost = 1e9; SET random_page_cost = 1e9",
}


class Grid(NamedTuple):
    """A table of leaves of a minute."""

    series: int
    rows_of_a_leaf: float
    index: str
    values: int
    partitions: int

    def __str__(self):
        parts = f", {self.partitions} parts" if self.partitions else ""
        return f"{self.series} series, {self.rows_of_a_leaf:g} rows, {self.values} values, {self.index} index{parts}"

    def create(self, session, rows):
        """Creates it with so many rows; returns how many seconds it spans."""
        every = 60 / self.rows_of_a_leaf
        length = rows / self.series * every
        by = " PARTITION BY RANGE (at)" if self.partitions else ""
        session(f"CREATE TABLE grid (s int NOT NULL, at timestamptz NOT NULL, a float8, b float8, c float8){by}")
        ends = ["MINVALUE", *(at(length * part / self.partitions) for part in range(1, self.partitions)), "MAXVALUE"]
        for part in range(self.partitions):
            session(f"CREATE TABLE grid_{part} PARTITION OF grid FOR VALUES FROM ({ends[part]}) TO ({ends[part + 1]})")
        session(f"INSERT INTO grid SELECT i % {self.series}, {at(0)}::timestamptz + (i / {self.series}) * {every} * interval '1 s', "
                f"(i::bigint * 7919 % 4001) / 8.0, i % 500, i % 7 FROM generate_series(0, {rows} - 1) i")
        for index in INDEXES[self.index]:
            session(f"CREATE INDEX ON grid {index}")
        session(f"SELECT powertree_create('grid', 'at', '{{{','.join('abc'[:self.values])}}}', '1 minute', '{{s}}')")
        session("CALL powertree_compact()")
        session("VACUUM ANALYZE grid")
        return length


class Asked(NamedTuple):
    """A question with the best times of each setting, and who answered."""

    name: str
    best: dict
    answered: dict

    @property
    def tables(self):
        """The times of the two sessions that ask the table, the shorter first."""
        return sorted((self.best["table"], self.best["again"]))

    @property
    def ratio(self):
        """How much longer the choice takes than the longer of them: what is less may be noise."""
        return self.best["choice"] / self.tables[1]

    @property
    def noise(self):
        return self.tables[1] / self.tables[0]

    @property
    def is_short(self):
        return self.tables[0] < SHORT

    @property
    def missed(self):
        """By how many times a tree that was left out is faster."""
        is_left_out = self.answered["tree"] == "tree" != self.answered["choice"]
        return self.tables[0] / self.best["tree"] if is_left_out else 0

    def verdict(self):
        if self.ratio > LOSES and not self.is_short:
            return "LOSES"
        return "MISSES" if self.missed > MISSES else ""


def at(second):
    """A position, in SQL."""
    return f"'{datetime(2026, 1, 1) + timedelta(seconds=second)}Z'"


def ask(session, sql):
    """Milliseconds that the server worked. All columns are wanted, or their aggregates would be left out."""
    began = worked(session)
    session(f"SELECT count(q) FROM ({sql} OFFSET 0) q")
    return worked(session) - began


def who(session, sql):
    """Who answers: the tree, the table, or the table after the tree has refused, with its reason."""
    plan = [line.strip() for (line,) in session(f"EXPLAIN (ANALYZE, TIMING OFF) {sql}")]
    said = dict(line.split(": ", 1) for line in plan if ": " in line)
    return said.get("Reason", said.get("Answered From", "table"))


def worked(session):
    """Milliseconds that the process of a session has had a processor: others may be busy too. They are counted when it waits again."""
    while Path(f"/proc/{session.process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "S":
        pass
    return int(Path(f"/proc/{session.process}/schedstat").read_text().split()[0]) / 1e6


def compare(sessions, name, sql):
    """Asks a question in turns; longer where the choice seems to be wrong."""
    asked = Asked(name, {}, {setting: who(session, sql) for setting, session in sessions.items()})
    for rounds, enough in ((4, 300), (12, 1000), (25, 2000)):
        spent = 0
        for _ in range(rounds):
            for setting, session in sessions.items():
                took = ask(session, sql)
                asked.best[setting] = min(took, asked.best.get(setting, took))
                spent += took
            if spent > enough:
                break
        if not asked.verdict():
            break
    return asked


def report(found):
    """Prints how often choices were wrong, and by how much, by who answered."""
    long = [one for one in found if not one.is_short]
    chosen = sum(one.answered["choice"] == "tree" for one in found)
    print(f"\n{len(found)} questions, {chosen} answered from the tree")
    print(f"where the table takes {SHORT} ms or more, over the table:")
    print(f"{'who answered':60} {'questions':>9} {'above':>6} {'median':>7} {'worst':>6}")
    causes = defaultdict(list)
    for one in long:
        causes[one.answered["choice"]].append(one.ratio)
    causes["all"] = [one.ratio for one in long]
    causes["the table again: noise"] = [one.noise for one in long]
    for cause, ratios in sorted(causes.items()):
        above = [ratio for ratio in ratios if ratio > LOSES]
        print(f"{cause:60} {len(ratios):9} {len(above):6} {statistics.median(above or [0]):7.2f} {max(ratios):6.2f}")
    more = [1000 * (one.best["choice"] - one.tables[1]) for one in found if one.is_short]
    if more:
        print(f"where it takes less: {statistics.median(more):.0f} microseconds more in the median, {max(more):.0f} at most")
    missed = [one.missed for one in found if one.missed > MISSES]
    print(f"trees left out that are more than {MISSES} times as fast: {len(missed)}, at most {max(missed, default=0):.1f} times")


def tables(options):
    """Tables, each with its ranges: where they begin and how long they are, as shares of the whole."""
    if options.seed is None:
        ranges = [(0, 1)] + [((1 - share) / 2, share) for share in SHARES[1:]]
        for series in SERIES:
            for dense in (dense for dense in ROWS_OF_A_LEAF if dense * series <= options.rows):
                for kind in KINDS:
                    yield Grid(series, dense, *kind), ranges
        return
    drawn = random.Random(options.seed)
    for number in range(options.tables):
        series = round(10 ** drawn.uniform(0, 4))
        dense = round(10 ** drawn.uniform(0, min(3, max(0.1, 4.5 - len(str(series))))), 1)
        shares = [10 ** drawn.uniform(-3.5, 0) for _ in range(3)]
        yield Grid(series, dense, *RANDOM_KINDS[number % len(RANDOM_KINDS)]), [(0, 1)] + [(drawn.uniform(0, 1 - share), share) for share in shares]


def main():
    options = PARSER.parse_args()
    sessions = {setting: Session(session_preload_libraries="pg_tally") for setting in SETTINGS}
    for setting, sql in SETTINGS.items():
        sessions[setting]("SET jit = off; SET max_parallel_workers_per_gather = 0; SET work_mem = '64MB'; SET client_min_messages = warning; " + sql)
    admin, found = Session(session_preload_libraries="pg_tally"), []
    print(f"{'table':52} {'question':20} {'share':>6} {'table':>8} {'again':>8} {'choice':>8} {'tree':>8}  ms")
    for grid, ranges in tables(options):
        if options.only and options.only not in str(grid):
            continue
        length = grid.create(admin, options.rows)
        for begin, share in ranges:
            where = f" WHERE at >= {at(begin * length)} AND at < {at((begin + share) * length)}" if share < 1 else " WHERE true"
            for question, sql in STATEMENTS.items():
                if grid.series == 1 and question in OF_SERIES or options.seed is None and question not in OF_GRID:
                    continue
                one = compare(sessions, f"{str(grid):52} {question:20} {share:6.3g}", sql.format(table="grid", where=where))
                found.append(one)
                if options.all or one.verdict():
                    times = " ".join(f"{one.best[setting]:8.3f}" for setting in SETTINGS)
                    print(f"{one.name} {times}  {one.ratio:.3f} {one.answered['choice']} {one.verdict()}", flush=True)
        admin("SELECT powertree_drop('grid'); DROP TABLE grid")
    for session in (admin, *sessions.values()):
        session.close()
    report(found)


main()
