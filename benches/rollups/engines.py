"""What is compared: PostgreSQL with and without power trees, DuckDB, and ClickHouse in three ways, each with the same rows."""

import importlib
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/security"))
from session import Session  # noqa: E402

SYMBOLS, DAYS = 20, 30
MICROSECONDS = DAYS * 86_400_000_000


class Postgres:
    """PostgreSQL whose table has the index that its queries would want. Everything stays in one table: only who answers differs."""

    name, answers, has_transactions = "PostgreSQL", "off", True

    def __init__(self, rows, threads, _directory):
        self.session = Session(session_preload_libraries="pg_tally")
        self.session(f"SET client_min_messages = warning; SET jit = off; SET max_parallel_workers_per_gather = {threads - 1}")
        self.prepare(rows)
        self.session(f"SET pg_tally.answer_from_trees = {self.answers}")

    def prepare(self, rows):
        for statement in (
            "DROP TABLE IF EXISTS trades",
            "CREATE TABLE trades (symbol text NOT NULL, ts timestamp NOT NULL, price float8 NOT NULL, size int NOT NULL)",
            f"INSERT INTO trades SELECT 'S' || i % {SYMBOLS}, TIMESTAMP '2026-01-01' + i * (interval '{DAYS} days' / {rows}), "
            f"100 + (i * 7919 % 4001) / 8.0, 1 + i % 500 FROM generate_series(0, {rows - 1}::bigint) i",
            "CREATE INDEX ON trades (symbol, ts) INCLUDE (price, size)",
            "VACUUM (FREEZE, ANALYZE) trades"):
            self.session(statement)

    def version(self):
        return self.session.value("SHOW server_version").split()[0]

    def processor(self):
        """Seconds of processor time of this client and its server process, which has no workers if there is one thread."""
        return time.process_time() + int(Path(f"/proc/{self.session.process}/schedstat").read_text().split()[0]) / 1e9

    def ask(self, sql):
        return self.session(sql)

    def begin(self):
        self.session("BEGIN")

    def undo(self):
        self.session("ROLLBACK")

    def close(self):
        self.session.close()


class PowerTree(Postgres):
    """The same table with a power tree. One thread: the tree needs no more."""

    name, answers = "pg_tally", "on"

    def prepare(self, _rows):
        for statement in (
            "SELECT powertree_create('trades', 'ts', '{price,size}', '1 minute', '{symbol}')", "CALL powertree_compact()",
            "VACUUM ANALYZE powertree_node"):
            self.session(statement)

    def version(self):
        return self.session.value("SELECT extversion FROM pg_extension WHERE extname = 'pg_tally'")


class DuckDB:
    """DuckDB's own storage, in memory."""

    name, has_transactions = "DuckDB", True

    def __init__(self, rows, threads, _directory):
        self.duck = importlib.import_module("duckdb").connect(config={"threads": threads})
        self.duck.execute("CREATE TABLE trades (symbol VARCHAR, ts TIMESTAMP, price DOUBLE, size INTEGER)")
        self.duck.execute(f"INSERT INTO trades SELECT 'S' || (i % {SYMBOLS}), TIMESTAMP '2026-01-01' + to_microseconds(i * ({MICROSECONDS} // {rows})), "
                          f"100 + (i * 7919 % 4001) / 8.0, 1 + i % 500 FROM range(0, {rows}) r(i)")

    def version(self):
        return importlib.import_module("duckdb").__version__

    processor = staticmethod(time.process_time)

    def ask(self, sql):
        return self.duck.execute(sql).fetchall()

    def begin(self):
        self.duck.begin()

    def undo(self):
        self.duck.rollback()

    def close(self):
        self.duck.close()


class ClickHouse:
    """ClickHouse's MergeTree within this process, by chdb; its order is that of PostgreSQL's index."""

    name, has_transactions = "ClickHouse", False
    # What ClickHouse refuses, or takes to mean something else; it is told to wait until a change is done.
    dialect = {r"extract\(isodow FROM ts\)": "toDayOfWeek(ts)", r"^UPDATE trades SET (.*)": r"ALTER TABLE trades UPDATE \1 SETTINGS mutations_sync = 1"}

    def __init__(self, rows, threads, directory):
        self.chdb = importlib.import_module("chdb.session").Session(directory)
        self.ask(f"SET max_threads = {threads}")
        self.ask("SET session_timezone = 'UTC'")
        self.ask("DROP DATABASE IF EXISTS d")
        self.ask("CREATE DATABASE d ENGINE = Atomic")
        self.ask("USE d")
        self.ask("CREATE TABLE trades (symbol LowCardinality(String), ts DateTime64(6, 'UTC'), price Float64, size Int32) ENGINE = MergeTree ORDER BY (symbol, ts)")
        self.prepare()
        self.ask(f"INSERT INTO trades SELECT concat('S', toString(number % {SYMBOLS})), addMicroseconds(toDateTime64('2026-01-01', 6, 'UTC'), "
                 f"toInt64(number * intDiv({MICROSECONDS}, {rows}))), 100 + (number * 7919 % 4001) / 8, 1 + number % 500 FROM numbers({rows})")
        self.ask("OPTIMIZE TABLE trades FINAL")

    def prepare(self):
        pass

    def version(self):
        return str(self.chdb.query("SELECT version()", "TSV")).strip()

    processor = staticmethod(time.process_time)

    def translate(self, sql):
        for ours, theirs in self.dialect.items():
            sql = re.sub(ours, theirs, sql)
        return sql

    def ask(self, sql):
        return [line.split("\t") for line in str(self.chdb.query(self.translate(sql), "TSV")).splitlines()]

    def begin(self):
        pass

    def undo(self):
        pass

    def close(self):
        self.chdb.close()


class Projection(ClickHouse):
    """A table with an aggregate projection by hour and symbol, which ClickHouse uses by itself where it can."""

    name = "with projection"

    def prepare(self):
        self.ask("ALTER TABLE trades ADD PROJECTION hourly (SELECT date_trunc('hour', ts), symbol, count(), sum(size), avg(price), min(price), max(price) "
                 "GROUP BY date_trunc('hour', ts), symbol)")


class View(ClickHouse):
    """A materialized view by hour and symbol, which has to be asked by name, in SQL of its own."""

    name = "with view"
    hours = {
        r"FROM trades\b": "FROM hourly", r"\bts\b": "hour", r"count\(\*\)": "countMerge(n)", r"avg\(price\)": "avgMerge(mean)",
        r"sum\(size\)": "sumMerge(volume)", r"min\(price\)": "minMerge(least)", r"max\(price\)": "maxMerge(greatest)",
    }

    def prepare(self):
        states = "countState() AS n, avgState(price) AS mean, sumState(size) AS volume, minState(price) AS least, maxState(price) AS greatest"
        self.ask("CREATE MATERIALIZED VIEW hourly ENGINE = AggregatingMergeTree ORDER BY (symbol, hour) AS "
                 f"SELECT symbol, toStartOfHour(ts) AS hour, {states} FROM trades GROUP BY symbol, hour")

    def translate(self, sql):
        sql = super().translate(sql)
        # Minutes, and ranges that cut hours, are left to the table.
        if not sql.startswith("SELECT") or "minute" in sql or ":" in sql or "FROM (" in sql:
            return sql
        for ours, theirs in self.hours.items():
            sql = re.sub(ours, theirs, sql)
        return sql


ENGINES = [Postgres, PowerTree, DuckDB, ClickHouse, Projection, View]
