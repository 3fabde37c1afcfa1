#!/usr/bin/env -S python3 -B
"""Nine statements of a dashboard: PostgreSQL, the same with power trees, DuckDB and ClickHouse (chdb), each with the same rows.

    benches/rollups/compare.py [--rows 1000000] [--rounds 5] [--packages DIRECTORY] [--without duckdb,chdb]
                               (in a database that has the extension, as libpq's environment variables say)

Every engine has one thread. DuckDB and chdb come from PyPI, into the directory of --packages or one that is removed again; ClickHouse is
asked once as it is and once with an aggregate projection by hour and symbol. The second table says whether the first statement is right
straight after a late row, a change and a deletion in the same transaction, or session where there are no transactions.
"""

import argparse
import contextlib
import importlib
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/security"))
from session import ServerError, Session  # noqa: E402

SYMBOLS, DAYS = 20, 30
LOW, HIGH = "2026-01-10 01:02:03", "2026-01-27 04:05:06"
# In PostgreSQL's dialect, which is DuckDB's; and in ClickHouse's.
STATEMENTS = {
    "minutes of a day, one symbol": (
        "SELECT date_trunc('minute', ts) AS t, avg(price) FROM trades WHERE symbol = 'S7' AND ts >= TIMESTAMP '2026-01-12' AND ts < TIMESTAMP '2026-01-13' GROUP BY 1",
        "SELECT toStartOfMinute(ts) AS t, avg(price) FROM trades WHERE symbol = 'S7' AND ts >= '2026-01-12' AND ts < '2026-01-13' GROUP BY t"),
    "hours of every symbol, a week": (
        "SELECT date_trunc('hour', ts) AS t, symbol, sum(size) FROM trades WHERE ts >= TIMESTAMP '2026-01-12' AND ts < TIMESTAMP '2026-01-19' GROUP BY 1, 2",
        "SELECT toStartOfHour(ts) AS t, symbol, sum(size) FROM trades WHERE ts >= '2026-01-12' AND ts < '2026-01-19' GROUP BY t, symbol"),
    "days, all": (
        "SELECT date_trunc('day', ts) AS t, count(*), avg(price) FROM trades GROUP BY 1", "SELECT toStartOfDay(ts) AS t, count(), avg(price) FROM trades GROUP BY t"),
    "a range that cuts hours": (
        f"SELECT count(*), sum(size), max(price) FROM trades WHERE symbol = 'S7' AND ts >= TIMESTAMP '{LOW}' AND ts < TIMESTAMP '{HIGH}'",
        f"SELECT count(), sum(size), max(price) FROM trades WHERE symbol = 'S7' AND ts >= '{LOW}' AND ts < '{HIGH}'"),
    "number of rows": ("SELECT count(*) FROM trades", "SELECT count() FROM trades"),
    "names of symbols": ("SELECT DISTINCT symbol FROM trades", "SELECT DISTINCT symbol FROM trades"),
    "the five largest": (
        "SELECT symbol, sum(size) AS v FROM trades GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5", "SELECT symbol, sum(size) AS v FROM trades GROUP BY symbol ORDER BY v DESC, symbol LIMIT 5"),
    "hours of the week": (
        "SELECT extract(isodow FROM ts) AS d, extract(hour FROM ts) AS h, count(*), max(price) FROM trades GROUP BY 1, 2",
        "SELECT toDayOfWeek(ts) AS d, toHour(ts) AS h, count(), max(price) FROM trades GROUP BY d, h"),
    "three symbols by day, in part": (
        f"SELECT date_trunc('day', ts) AS t, symbol, min(price), max(price) FROM trades WHERE symbol IN ('S1', 'S2', 'S3') AND ts >= TIMESTAMP '{LOW}' GROUP BY 1, 2",
        f"SELECT toStartOfDay(ts) AS t, symbol, min(price), max(price) FROM trades WHERE symbol IN ('S1', 'S2', 'S3') AND ts >= '{LOW}' GROUP BY t, symbol"),
}
# What a late row, a change and a deletion do to this.
FRESH = f"SELECT count(*), sum(size), max(price) FROM trades WHERE symbol = 'S7' AND ts >= {{at}}'{LOW}' AND ts < {{at}}'{HIGH}'"
CHANGES = {
    "late row": "INSERT INTO trades VALUES ('S7', '2026-01-11 00:00:00', 1000000, 17)",
    "UPDATE": "UPDATE trades SET size = size + 1 WHERE symbol = 'S7' AND ts >= {at}'2026-01-12' AND ts < {at}'2026-01-12 00:10:00'",
    "DELETE": "DELETE FROM trades WHERE symbol = 'S7' AND ts >= {at}'2026-01-13' AND ts < {at}'2026-01-13 00:10:00'",
}


class Postgres:
    """PostgreSQL, with trees or without; both have the table and its index."""

    dialect, at = 0, "TIMESTAMP "

    def __init__(self, rows, setting):
        self.session = Session(session_preload_libraries="pg_tally")
        self.session("SET client_min_messages = warning; SET jit = off; SET max_parallel_workers_per_gather = 0")
        if setting == "off":
            for statement in (
                "CREATE TABLE trades (symbol text NOT NULL, ts timestamp NOT NULL, price float8 NOT NULL, size int NOT NULL)",
                "INSERT INTO trades SELECT 'S' || i % 20, TIMESTAMP '2026-01-01' + i * (interval '30 days' / "
                f"{rows}), 100 + (i * 7919 % 4001) / 8.0, 1 + i % 500 FROM generate_series(0, {rows - 1}::bigint) i",
                "CREATE INDEX ON trades (symbol, ts) INCLUDE (price, size)", "SELECT powertree_create('trades', 'ts', '{price,size}', series => '{symbol}')",
                "CALL powertree_compact()", "VACUUM ANALYZE trades", "VACUUM ANALYZE powertree_node"):
                self.session(statement)
        self.session(f"SET pg_tally.answer_from_trees = {setting}")

    def ask(self, sql):
        return self.session(sql)

    def begin(self):
        self.session("BEGIN")

    def undo(self):
        self.session("ROLLBACK")


class DuckDB:
    """DuckDB's own storage."""

    dialect, at = 0, "TIMESTAMP "

    def __init__(self, rows):
        self.duck = importlib.import_module("duckdb").connect(config={"threads": 1})
        self.duck.execute("CREATE TABLE trades (symbol VARCHAR, ts TIMESTAMP, price DOUBLE, size INTEGER)")
        self.duck.execute("INSERT INTO trades SELECT 'S' || (i % 20), TIMESTAMP '2026-01-01' + to_microseconds((i * (30 * 86400000000 / "
                          f"{rows}))::BIGINT), 100 + (i * 7919 % 4001) / 8.0, 1 + i % 500 FROM range(0, {rows}) r(i)")

    def ask(self, sql):
        return self.duck.execute(sql).fetchall()

    def begin(self):
        self.duck.begin()

    def undo(self):
        self.duck.rollback()


class ClickHouse:
    """ClickHouse's MergeTree within this process, by chdb."""

    dialect, at = 1, ""

    def __init__(self, rows, projection, directory):
        self.chdb = importlib.import_module("chdb.session").Session(directory)
        self.ask("SET max_threads = 1")
        self.ask("CREATE DATABASE IF NOT EXISTS d ENGINE = Atomic")
        if projection:
            self.ask("ALTER TABLE d.trades ADD PROJECTION hourly (SELECT toStartOfHour(ts), symbol, count(), sum(size), avg(price), min(price), max(price) GROUP BY toStartOfHour(ts), symbol)")
            self.ask("ALTER TABLE d.trades MATERIALIZE PROJECTION hourly SETTINGS mutations_sync = 2")
        else:
            self.ask("CREATE TABLE d.trades (symbol LowCardinality(String), ts DateTime64(6, 'UTC'), price Float64, size Int32) ENGINE = MergeTree ORDER BY (symbol, ts)")
            self.ask("INSERT INTO d.trades SELECT concat('S', toString(number % 20)), addMicroseconds(toDateTime64('2026-01-01', 6, 'UTC'), "
                     f"toInt64(number * (30 * 86400000000 / {rows}))), 100 + (number * 7919 % 4001) / 8, 1 + number % 500 FROM numbers({rows})")
            self.ask("OPTIMIZE TABLE d.trades FINAL")

    def ask(self, sql):
        return [line.split(",") for line in str(self.chdb.query(sql.replace(" trades ", " d.trades ").replace("FROM trades", "FROM d.trades"), "CSV")).splitlines()]

    def begin(self):
        pass

    def undo(self):
        pass


def timed(engine, sql, rounds):
    """Milliseconds, median of some rounds after one that is not counted, and how many rows came."""
    took = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        rows = engine.ask(sql)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took[1:]), len(rows)


def freshness(engine):
    """Whether each change is seen at once: it is, it is not, or it is refused."""
    found = []
    ask = FRESH.format(at=engine.at)
    unfolded = ask.replace("FROM trades", "FROM (SELECT * FROM trades LIMIT 10000000000) AS u")
    for change in CHANGES.values():
        engine.begin()
        try:
            before = engine.ask(ask)
            engine.ask(change.format(at=engine.at))
            after = engine.ask(ask)
            found.append("exact" if str(after) == str(engine.ask(unfolded)) and str(after) != str(before) else "stale")
        except (ServerError, RuntimeError) as error:
            found.append(f"refused: {str(error)[:60]}")
        engine.undo()
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--packages")
    parser.add_argument("--without", default="")
    options = parser.parse_args()
    absent = options.without.split(",")
    with contextlib.ExitStack() as stack:
        packages = options.packages or stack.enter_context(tempfile.TemporaryDirectory())
        for package in {"duckdb", "chdb"} - set(absent):
            if not (Path(packages) / package).exists():
                pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--root-user-action=ignore"]
                subprocess.run([*pip, "--target", packages, package], check=True)
        sys.path.insert(0, packages)
        makers = {"PostgreSQL": lambda: Postgres(options.rows, "off"), "pg_tally": lambda: Postgres(options.rows, "on")}
        if "duckdb" not in absent:
            makers["DuckDB"] = lambda: DuckDB(options.rows)
        if "chdb" not in absent:
            place = stack.enter_context(tempfile.TemporaryDirectory())
            makers["ClickHouse"] = lambda: ClickHouse(options.rows, False, place)
            makers["with projection"] = lambda: ClickHouse(options.rows, True, place)
        times, fresh = {name: {} for name in STATEMENTS}, {}
        for engine_name, make in makers.items():
            engine = make()
            for name, dialects in STATEMENTS.items():
                times[name][engine_name], rows = timed(engine, dialects[engine.dialect], options.rounds)
                print(f"# {engine_name}: {name}: {rows} rows", flush=True)
            # A projection is added to the same table, which must be as it was.
            if engine_name != "ClickHouse":
                fresh[engine_name] = freshness(engine)
            if isinstance(engine, ClickHouse):
                engine.chdb.close()
        print(f"{options.rows} rows; milliseconds, median of {options.rounds}, one thread each")
        print(f"{'':32}" + "".join(f"{name:>17}" for name in makers))
        for name, by in times.items():
            print(f"{name:32}" + "".join(f"{by[engine]:17.2f}" for engine in makers))
        print("Right at once after")
        for i, change in enumerate(CHANGES):
            print(f"{change:12}" + "".join(f"  {engine}: {found[i]};" for engine, found in fresh.items()))


main()
