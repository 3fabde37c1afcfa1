#!/usr/bin/env -S python3 -B
"""A dashboard of twelve panels, as Grafana, Superset, Metabase and Power BI ask for them, while rows come in and change.

    benches/rollups/dashboard.py [--rows 10000000] [--times 50] [--checks 3] [--rate 5000] [--trees off]
                                 (in a database that has the extension, as libpq's environment variables say)

A table of 20 symbols and 30 days, partitioned by month, with a power tree of one-minute leaves that is compacted each second. A writer
inserts rows, a twentieth of them late, and changes and deletes some. The panels are asked so many times; the times of each and of the whole
dashboard are printed. Then they are asked in a snapshot, in which each answer is compared with that of a query which no tree can answer: over
many rows that takes minutes, in which nobody should hold a snapshot while times are taken. --trees off asks the same of the table alone.
"""

import argparse
import statistics
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/rollups"), str(ROOT / "tests/security")]
from answers import Answer, difference  # noqa: E402
from session import ServerError, Session  # noqa: E402

DAYS, SYMBOLS = 30, 20
TABLE = """
CREATE TABLE trades (symbol text NOT NULL, at timestamptz NOT NULL, price float8 NOT NULL, size int NOT NULL) PARTITION BY RANGE (at);
DO $$ BEGIN
    FOR month IN 0 .. 3 LOOP
        EXECUTE format('CREATE TABLE trades_%s PARTITION OF trades FOR VALUES FROM (%L) TO (%L)', month,
            date_trunc('month', now()) + (month - 2) * interval '1 month', date_trunc('month', now()) + (month - 1) * interval '1 month');
    END LOOP;
END $$;
"""
# In the order of time, as they would have come.
ROWS = """
INSERT INTO trades SELECT 'S' || i % {symbols}, now() - interval '{days} days' + i * (interval '{days} days' / {rows}), 100 + (i * 7919 % 4001) / 8.0, 1 + i % 500
FROM generate_series({first}, {last}::bigint) i
"""
# With each statement a tenth of what a second brings.
WRITES = """
INSERT INTO trades SELECT 'S' || i % {symbols}, clock_timestamp() - CASE WHEN i % 20 = 0 THEN random() * interval '{days} days' ELSE '0' END, 100 + random() * 500, 1 + i % 500
FROM generate_series(1, {many}) i
"""
CHANGES = [
    "UPDATE trades SET price = price + 0.125 WHERE symbol = 'S{symbol}' AND at > now() - interval '{minutes} minutes' AND at < now() - interval '{minutes} minutes' + interval '2 seconds'",
    "DELETE FROM trades WHERE symbol = 'S{symbol}' AND at > now() - interval '{minutes} minutes' AND at < now() - interval '{minutes} minutes' + interval '1 second'",
]
DAY, WEEK = "at >= now() - interval '1 day' AND at <= now()", "at >= now() - interval '7 days'"
PANELS = {
    "Grafana: minutes of a day": f"SELECT floor(extract(epoch from at)/60)*60 AS \"time\", avg(price) AS \"price\" FROM trades WHERE {DAY} AND symbol = 'S7' GROUP BY 1 ORDER BY 1",
    "Grafana: three symbols": f"SELECT floor(extract(epoch from at)/300)*300 AS \"time\", symbol AS metric, sum(size) FROM trades WHERE {DAY} AND symbol IN ('S1', 'S2', 'S3') GROUP BY 1, 2 ORDER BY 1, 2",
    "Grafana: a variable": "SELECT DISTINCT symbol FROM trades ORDER BY 1",
    "Grafana: a number": f"SELECT count(*), min(price), max(price), avg(price), stddev(price) FROM trades WHERE {WEEK}",
    "Superset: days": "SELECT DATE_TRUNC('day', at) AS __timestamp, AVG(price) AS \"AVG(price)\" FROM public.trades WHERE at >= now() - interval '30 days' "
                      "GROUP BY DATE_TRUNC('day', at) ORDER BY \"AVG(price)\" DESC LIMIT 10000",
    "Superset: a part of the volume": f"SELECT DATE_TRUNC('hour', at) AS __timestamp, SUM(size) FILTER (WHERE symbol = 'S7') AS ours, SUM(size) AS everything FROM public.trades WHERE {WEEK} "
                                      "GROUP BY DATE_TRUNC('hour', at)",
    "Superset: the ten largest": "SELECT symbol, SUM(size) AS volume, COUNT(*) FROM public.trades GROUP BY symbol ORDER BY volume DESC, symbol LIMIT 10",
    "Metabase: weeks": "SELECT DATE_TRUNC('week', \"public\".\"trades\".\"at\") AS \"at\", COUNT(*) AS \"count\" FROM \"public\".\"trades\" "
                       "WHERE (\"public\".\"trades\".\"at\" >= date_trunc('month', (now() + (INTERVAL '-2 month')))) GROUP BY 1 ORDER BY 1 ASC",
    "Metabase: a heat map": "SELECT CAST(EXTRACT(dow FROM at) AS integer) + 1, CAST(EXTRACT(hour FROM at) AS integer), COUNT(*), MAX(price) FROM trades GROUP BY 1, 2",
    "Metabase: days of a zone": "SELECT DATE_TRUNC('day', timezone('Europe/Berlin', at)), symbol, SUM(size) FROM trades WHERE at >= now() - interval '14 days' GROUP BY 1, 2",
    "Power BI: nested": "select \"_\".\"symbol\",\"_\".\"a0\",\"_\".\"a1\" from (select \"rows\".\"symbol\" as \"symbol\", sum(\"rows\".\"size\") as \"a0\", avg(\"rows\".\"price\") as \"a1\" from "
                        "(select * from trades where at >= now() - interval '30 days' and symbol in ('S4', 'S5')) \"rows\" group by \"symbol\") \"_\" where not \"_\".\"a0\" is null limit 1000001",
    "an alert": "SELECT symbol, max(price) - min(price) FROM trades WHERE at > now() - interval '10 minutes' GROUP BY symbol HAVING count(*) > 1",
}


def connect(trees="on"):
    session = Session(session_preload_libraries="pg_tally")
    session(f"SET client_min_messages = warning; SET jit = off; SET pg_tally.answer_from_trees = {trees}")
    return session


class Beside(threading.Thread):
    """Something done again and again in a session of its own until it is told to stop."""

    def __init__(self, every, act):
        super().__init__(daemon=True)
        self.session, self.every, self.act, self.done, self.stopped, self.error = connect(), every, act, 0, threading.Event(), None
        self.start()

    def run(self):
        due = time.monotonic()
        while not self.stopped.is_set():
            try:
                self.act(self.session, self.done)
            except ServerError as error:
                self.error = error
                return
            self.done += 1
            due = max(due + self.every, time.monotonic())
            self.stopped.wait(due - time.monotonic())

    def stop(self):
        self.stopped.set()
        self.join()
        if self.error:
            sys.exit(f"{self.act.__name__}: {self.error}")
        return self.done


def writes(rate):
    """A writer of so many rows a second, in ten statements, each followed by a change of a few rows."""
    def write(session, number):
        session(WRITES.format(symbols=SYMBOLS, days=DAYS, many=rate // 10))
        session(CHANGES[number % 2].format(symbol=number % SYMBOLS, minutes=1 + number * 7919 % 10000))
    return write


def compacts(session, _number):
    session("CALL powertree_compact('trades')")


def prepare(session, rows):
    session("DROP TABLE IF EXISTS trades")
    session(TABLE)
    for first in range(0, rows, 1_000_000):
        session(ROWS.format(symbols=SYMBOLS, days=DAYS, rows=rows, first=first, last=min(first + 1_000_000, rows) - 1))
    session("CREATE INDEX ON trades (symbol, at) INCLUDE (price, size)")
    session("SELECT powertree_create('trades', 'at', '{price,size}', '1 minute', '{symbol}')")
    compacts(session, 0)
    session("VACUUM ANALYZE trades")
    session("VACUUM ANALYZE powertree_node")


def worked(session):
    """The milliseconds of processor time that the session's server process has taken, on Linux."""
    return int(Path(f"/proc/{session.process}/schedstat").read_text().split()[0]) / 1e6


def asked(session, sql):
    """The answer, and the milliseconds that it took: on the clock, and of the processor."""
    began, work = time.perf_counter(), worked(session)
    rows = session(sql)
    took = (time.perf_counter() - began) * 1000
    return Answer(session.columns, rows), (took, worked(session) - work)


def check(session, trees):
    """Compare all panels with what no tree can answer, in one snapshot; the names of those that differ, and of those that no tree answered."""
    wrong, from_table = [], []
    session("BEGIN ISOLATION LEVEL REPEATABLE READ")
    for name, sql in PANELS.items():
        ours, _ = asked(session, sql)
        plan = "\n".join(line for (line,) in session(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {sql}"))
        fenced = sql.replace("FROM public.trades", "FROM trades").replace("FROM \"public\".\"trades\"", "FROM trades").replace("\"public\".", "")
        fenced = fenced.replace("FROM trades", "FROM (SELECT * FROM trades OFFSET 0) trades").replace("from trades", "from (SELECT * FROM trades OFFSET 0) trades")
        session("SET LOCAL pg_tally.answer_from_trees = off")
        right, _ = asked(session, fenced)
        session(f"SET LOCAL pg_tally.answer_from_trees = {trees}")
        # Prices have few binary digits, but for random ones: their sums depend on the order of rows.
        if differs := difference(ours, right, ulps=4, relative=1e-12):
            wrong.append(name)
            print(f"not ok - {name}: {differs}", flush=True)
        if "Answered From: tree" not in plan:
            from_table.append(name)
    session("COMMIT")
    return wrong, from_table


def percentiles(took):
    took = sorted(took)
    return statistics.median(took), took[min(len(took) - 1, round(0.95 * len(took)))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--checks", type=int, default=3)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--trees", choices=["on", "off"], default="on")
    options = parser.parse_args()
    session = connect(options.trees)
    prepare(session, options.rows)
    began = time.monotonic()
    beside = [Beside(0.1, writes(options.rate)), Beside(1, compacts)]
    took, wrong, from_table = {name: [] for name in [*PANELS, "the dashboard"]}, [], []
    for _ in range(options.times):
        panels = {name: asked(session, sql)[1] for name, sql in PANELS.items()}
        for name, times in {**panels, "the dashboard": map(sum, zip(*panels.values()))}.items():
            took[name].append(tuple(times))
        time.sleep(0.2)
    print(f"median and 95th percentile of {options.times}: milliseconds on the clock and of the processor, trees {options.trees}")
    for name, times in took.items():
        clock, processor = map(percentiles, zip(*times))
        print("{:32}{:10.2f}{:10.2f}{:10.2f}{:10.2f}".format(name, *clock, *processor), flush=True)
    for _ in range(options.checks):
        differing, others = check(session, options.trees)
        wrong += differing
        from_table += others
    seconds = time.monotonic() - began
    statements, compactions = [thread.stop() for thread in beside]
    print(f"{options.rows} rows and {statements * (options.rate // 10) / seconds:.0f} more a second, {statements / seconds:.0f} changes and {compactions / seconds:.1f} compactions a second")
    print(f"answered by the table: {', '.join(sorted(set(from_table))) or 'none'}")
    print(f"{'not ok' if wrong else 'ok'} - {len(wrong)} wrong answers of {options.checks * len(PANELS)}")
    session("DROP TABLE trades")
    sys.exit(bool(wrong))


main()
