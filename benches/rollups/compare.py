#!/usr/bin/env -S python3 -B
"""Nine statements of a dashboard: PostgreSQL alone, with power trees, DuckDB and ClickHouse (chdb), each with the same rows.

    benches/rollups/compare.py [--rows 10000000] [--threads 1] [--packages DIRECTORY] [--without DuckDB,ClickHouse]
                               (in a database that has the extension, as libpq's environment variables say)

One session each, asked again and again, so that everything is in memory. With one thread the ratios are those of processor time, which
other work on the machine does not change much; with more, of the time that passed. DuckDB and chdb come from PyPI, into the directory of --packages
or one that is removed again. ClickHouse is asked as it is, with an aggregate projection, and with a materialized view in SQL of its own.
All must give the same answers. The last table says whether totals by symbol are right straight after a late row, a change and a
deletion: in the same transaction, or in the same session where there are no transactions.
"""

import argparse
import contextlib
import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time

from engines import ENGINES, ClickHouse, DuckDB, PowerTree
from session import ServerError

LOW, HIGH = "2026-01-10 01:02:03", "2026-01-27 04:05:06"
STATEMENTS = {
    "minutes of a day, one symbol": "SELECT date_trunc('minute', ts), avg(price) FROM trades WHERE symbol = 'S7' AND ts >= TIMESTAMP '2026-01-12' AND ts < TIMESTAMP '2026-01-13' GROUP BY 1",
    "hours of all symbols, a week": "SELECT date_trunc('hour', ts), symbol, sum(size) FROM trades WHERE ts >= TIMESTAMP '2026-01-12' AND ts < TIMESTAMP '2026-01-19' GROUP BY 1, 2",
    "days, all rows": "SELECT date_trunc('day', ts), count(*), avg(price) FROM trades GROUP BY 1",
    "a range that cuts hours": f"SELECT count(*), sum(size), max(price) FROM trades WHERE symbol = 'S7' AND ts >= TIMESTAMP '{LOW}' AND ts < TIMESTAMP '{HIGH}'",
    "number of rows": "SELECT count(*) FROM trades",
    "names of symbols": "SELECT DISTINCT symbol FROM trades",
    "the five largest": "SELECT symbol, sum(size) AS v FROM trades GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5",
    "hours of the week": "SELECT extract(isodow FROM ts), extract(hour FROM ts), count(*), max(price) FROM trades GROUP BY 1, 2",
    "three symbols by day, in part": f"SELECT date_trunc('day', ts), symbol, min(price), max(price) FROM trades WHERE symbol IN ('S1', 'S2', 'S3') AND ts >= TIMESTAMP '{LOW}' GROUP BY 1, 2",
}
# What a late row, a change and a deletion do to this.
FRESH = "SELECT symbol, count(*), sum(size), max(price) FROM trades GROUP BY symbol"
CHANGES = {
    "late row": "INSERT INTO trades VALUES ('S7', '2026-01-11 00:00:00', 1000000, 17)",
    "UPDATE": "UPDATE trades SET size = size + 1 WHERE symbol = 'S7' AND ts >= TIMESTAMP '2026-01-12' AND ts < TIMESTAMP '2026-01-13'",
    "DELETE": "DELETE FROM trades WHERE symbol = 'S7' AND ts >= TIMESTAMP '2026-01-13' AND ts < TIMESTAMP '2026-01-14'",
}
# Each statement is asked so often, but for no longer than this once it was asked a few times.
OFTEN, FEW, SECONDS = 100, 5, 10


def times(engine, sql):
    """Median and 95th percentile of the rounds after two that are not counted, and the median of their processor time; in milliseconds."""
    took, busy, began = [], [], time.perf_counter()
    for number in range(OFTEN + 2):
        before, before_busy = time.perf_counter(), engine.processor()
        engine.ask(sql)
        took.append((time.perf_counter() - before) * 1000)
        busy.append((engine.processor() - before_busy) * 1000)
        if number >= FEW + 1 and time.perf_counter() - began > SECONDS:
            break
    took, busy = sorted(took[2:]), busy[2:]
    return statistics.median(took), took[min(len(took) - 1, round(0.95 * len(took)))], statistics.median(busy)


def plain(value):
    """A value as every engine means it."""
    text = str(value)
    try:
        return f"{float(text):.9g}"
    except ValueError:
        # Without the fraction or the time of day that some engines print.
        return text.split(".")[0].removesuffix(" 00:00:00")


def alike(rows):
    return sorted(tuple(map(plain, row)) for row in rows)


def freshness(engine):
    """Whether each change is seen at once: it is, it is not, or it is refused; and how long it and the next answer take."""
    found = []
    for name, change in CHANGES.items():
        engine.begin()
        try:
            count, size, most = totals(engine)
            rows, rows_size = 1, 17
            if name != "late row":
                ((rows, rows_size),) = engine.ask(f"SELECT count(*), sum(size) FROM (SELECT * FROM trades {change[change.index('WHERE'):]} LIMIT 1000000000) u")
            rows, rows_size = int(rows), int(rows_size)
            expected = {"late row": (count + 1, size + 17, 1e6), "UPDATE": (count, size + rows, most), "DELETE": (count - rows, size - rows_size, most)}[name]
            begun = time.perf_counter()
            engine.ask(change)
            changed = time.perf_counter()
            is_exact = totals(engine) == expected
            answered = time.perf_counter()
            found.append(f"{'exact' if is_exact else 'WRONG'}: {(changed - begun) * 1000:.1f} ms to change, {(answered - changed) * 1000:.1f} ms to answer")
        except (ServerError, RuntimeError) as error:
            found.append(f"refused: {' '.join(str(error).split())[:200]}")
        engine.undo()
    return found


def totals(engine):
    """Number of rows, size and highest price of the symbol that changes."""
    ((_, *found),) = [row for row in engine.ask(FRESH) if row[0] == "S7"]
    return tuple(map(float, found))


def install(packages, names):
    for name in names:
        sys.path.insert(0, packages)
        if importlib.util.find_spec(name) is None:
            pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--root-user-action=ignore"]
            subprocess.run([*pip, "--target", packages, name], check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--packages")
    parser.add_argument("--without", default="")
    options = parser.parse_args()
    absent = set(options.without.split(","))
    engines = [engine for engine in ENGINES if not absent & {one.name for one in engine.__mro__[:-1]}]
    took, fresh, right = {name: {} for name in STATEMENTS}, {}, {}
    with contextlib.ExitStack() as stack:
        packages = options.packages or stack.enter_context(tempfile.TemporaryDirectory())
        install(packages, {"duckdb" if issubclass(engine, DuckDB) else "chdb" for engine in engines if issubclass(engine, (DuckDB, ClickHouse))})
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        for make in engines:
            engine = make(options.rows, options.threads, directory)
            print(f"# {make.name} {engine.version()}", flush=True)
            for name, sql in STATEMENTS.items():
                rows = alike(engine.ask(sql))
                if right.setdefault(name, rows) != rows:
                    print(f"not ok - {make.name}, {name}: {rows[:3]} in place of {right[name][:3]}", flush=True)
                took[name][make.name] = times(engine, sql)
            fresh[make.name] = freshness(engine)
            engine.close()
    print(f"{options.rows} rows, {options.threads} threads, one session; milliseconds: median, 95th percentile, processor time")
    print(f"{'':30}" + "".join(f"{make.name:>30}" for make in engines))
    for name, by in took.items():
        print(f"{name:30}" + "".join("{:10.2f}{:10.2f}{:10.2f}".format(*by[make.name]) for make in engines))
    if PowerTree in engines:
        which = 2 if options.threads == 1 else 0
        ratios = {make.name: [by[make.name][which] / by[PowerTree.name][which] for by in took.values()] for make in engines}
        print("times as long as pg_tally, by " + ("processor time" if which else "median"))
        for i, name in enumerate(took):
            print(f"{name:30}" + "".join(f"{ratios[make.name][i]:30.2f}" for make in engines))
        for what, of in ("the least", min), ("the median", statistics.median), ("the most", max):
            print(f"{what:30}" + "".join(f"{of(ratios[make.name]):30.2f}" for make in engines))
    print(f"straight after, {FRESH}")
    for make in engines:
        for change, what in zip(CHANGES, fresh[make.name]):
            print(f"{make.name:20}{change:12}{what}")


main()
