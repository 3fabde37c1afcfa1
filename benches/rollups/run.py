#!/usr/bin/env -S python3 -B
"""Ordinary statements answered from power trees beside the same statements answered from the table: ratios within one run.

    benches/rollups/run.py [ROWS]        (in a database that has the extension, as libpq's environment variables say)

Also what planning costs of queries with and without trees, and the worst that can happen: short ranges, and ranges that are not known
when a plan is made.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/security"))
from session import Session  # noqa: E402

ROUNDS, PLANS = 7, 40
TABLES = """
SET client_min_messages = warning;
-- Ten series, a row a second: a minute of a series is a leaf of 60 rows.
CREATE TABLE seconds (symbol text NOT NULL, at timestamptz NOT NULL, price float8, size int);
INSERT INTO seconds SELECT 'S' || s, '2026-01-01Z'::timestamptz + i * interval '1 second', 100 + (i::bigint * 7919 % 4001) / 8.0, 1 + i % 500
FROM generate_series(0, 9) s, generate_series(0, {rows} / 10 - 1) i;
CREATE INDEX ON seconds (symbol, at) INCLUDE (price, size);
SELECT powertree_create('seconds', 'at', '{{price,size}}', '1 minute', '{{symbol}}');
-- One series of 30 days.
CREATE TABLE month (at timestamptz NOT NULL, price float8 NOT NULL);
INSERT INTO month SELECT '2026-01-01Z'::timestamptz + i * (interval '30 days' / {rows}), 100 + (i::bigint * 7919 % 4001) / 8.0 FROM generate_series(0, {rows} - 1) i;
CREATE INDEX ON month (at) INCLUDE (price);
SELECT powertree_create('month', 'at', '{{price}}', '1 hour');
-- Five thousand series, six rows to the hour.
CREATE TABLE many (sensor int NOT NULL, at timestamptz NOT NULL, reading float8 NOT NULL);
INSERT INTO many SELECT s, '2026-01-01Z'::timestamptz + i * interval '10 minutes', (s * i % 4001) / 8.0 FROM generate_series(1, 5000) s, generate_series(1, {rows} / 5000) i;
CREATE INDEX ON many (sensor, at) INCLUDE (reading);
SELECT powertree_create('many', 'at', '{{reading}}', '1 hour', '{{sensor}}');
CREATE TABLE sensors (sensor int PRIMARY KEY, sector text);
INSERT INTO sensors SELECT s, 'sector ' || s % 125 FROM generate_series(1, 5000) s;
CREATE TABLE without_tree (LIKE seconds);
INSERT INTO without_tree SELECT * FROM seconds LIMIT 10000;
CALL powertree_compact();
"""
VACUUM = "VACUUM ANALYZE seconds, month, many, sensors, without_tree"
DAY = "at >= '2026-01-01 01:00Z' AND at < '2026-01-02 01:00Z'"
# What is asked, and by what factor it should be faster at least.
STATEMENTS = {
    "1440 minutes of a series": f"SELECT floor(extract(epoch from at)/60)*60 AS \"time\", avg(price) FROM seconds WHERE symbol = 'S3' AND {DAY} GROUP BY 1 ORDER BY 1",
    "24 hours of ten series": f"SELECT date_trunc('hour', at), symbol, max(price), sum(size) FROM seconds WHERE {DAY} GROUP BY 1, 2",
    "720 hours of a month": "SELECT date_trunc('hour', at), avg(price) FROM month GROUP BY 1",
    "30 days in a zone": "SELECT date_trunc('day', at AT TIME ZONE 'Europe/Berlin'), count(*), stddev(price) FROM month GROUP BY 1",
    "hours of the week": "SELECT extract(dow from at), extract(hour from at), count(*), avg(price) FROM month GROUP BY 1, 2",
    "5000 series, one total each": "SELECT sensor, sum(reading) FROM many GROUP BY 1",
    "5000 series, hours": "SELECT sensor, date_trunc('hour', at), max(reading) FROM many GROUP BY 1, 2",
    "40 of 5000 series by join": "SELECT d.sector, count(*), avg(reading) FROM many JOIN sensors d USING (sensor) WHERE d.sector = 'sector 7' GROUP BY 1",
    "40 of 5000 series by join, days": "SELECT d.sector, date_trunc('day', at), avg(reading) FROM many JOIN sensors d USING (sensor) WHERE d.sector = 'sector 7' GROUP BY 1, 2",
    "all sectors by join": "SELECT d.sector, sum(reading) FROM many JOIN sensors d USING (sensor) GROUP BY 1",
    "hours without gaps": "SELECT g, count(price) FROM generate_series('2026-01-01Z'::timestamptz, '2026-01-02Z', '1 hour') g LEFT JOIN seconds t ON t.at >= g AND t.at < g + interval '1 hour' AND symbol = 'S3' GROUP BY g",
    "number of rows": "SELECT count(*) FROM many",
    "names of series": "SELECT DISTINCT sensor FROM many",
    "a range that cuts leaves": "SELECT count(*), sum(size), stddev(price) FROM seconds WHERE symbol = 'S3' AND at > '2026-01-01 00:00:30.5Z' AND at <= '2026-01-01 23:59:29.5Z'",
}
# Ranges of a few rows to a few thousand, once as text and once as parameters of a plan that does not know them.
WORST = {
    f"{seconds} rows{of}": (prepare, ask.format(b=f"'2026-01-01 07:00:07Z'::timestamptz + interval '{seconds} s'"))
    for seconds in (1, 10, 100, 1000, 10000)
    for of, prepare, ask in (
        ("", "", "SELECT count(*), sum(size) FROM seconds WHERE symbol = 'S3' AND at >= '2026-01-01 07:00:07Z' AND at < {b}"),
        (", unknown to the plan", "PREPARE range(text, timestamptz, timestamptz) AS SELECT count(*), sum(size) FROM seconds WHERE symbol = $1 AND at >= $2 AND at < $3",
         "EXECUTE range('S3', '2026-01-01 07:00:07Z', {b})"),
    )
}
PLANNED = {
    "a table without a tree": "SELECT symbol, count(*) FROM without_tree GROUP BY 1",
    "a table with a tree": f"SELECT date_trunc('hour', at), avg(price) FROM seconds WHERE symbol = 'S3' AND {DAY} GROUP BY 1",
}


def connect(library=True):
    session = Session(**({"session_preload_libraries": "pg_tally"} if library else {}))
    session("SET jit = off; SET max_parallel_workers_per_gather = 0; SET plan_cache_mode = force_generic_plan; SET client_min_messages = warning")
    return session


def milliseconds(session, sql, times=1):
    began = time.perf_counter()
    for _ in range(times):
        session(sql)
    return (time.perf_counter() - began) * 1000 / times


def off_and_on(sql, prepare="", times=1):
    """The best of both settings, which take turns in sessions of their own: a prepared plan keeps the setting that it was made with."""
    sessions = {}
    for setting in "off", "on":
        sessions[setting] = connect()
        sessions[setting](f"SET pg_tally.answer_from_trees = {setting}; {prepare}")
        sessions[setting](sql)
    took = {setting: [] for setting in sessions}
    for _ in range(ROUNDS):
        for setting, session in sessions.items():
            took[setting].append(milliseconds(session, sql, times))
    for session in sessions.values():
        session.close()
    # Whatever else the machine does only adds to a time.
    return min(took["off"]), min(took["on"])


def planning(sql, **sessions):
    """Microseconds to plan a statement in each session, as the server says, median of many. The sessions take turns; what a turn begins
    with is left out, since the processor has forgotten the session's memory meanwhile."""
    took = {name: [] for name in sessions}
    for _ in range(PLANS):
        for name, session in sessions.items():
            plans = [session(f"EXPLAIN (SUMMARY, COSTS OFF) {sql}") for _ in range(20)]
            took[name] += [1000 * float(line.split()[2]) for plan in plans[10:] for (line,) in plan if line.startswith("Planning Time")]
    return {name: statistics.median(values) for name, values in took.items()}


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with connect() as session:
        # Before there is any tree in the database, as for everybody who does not use them.
        session("CREATE TABLE alone AS SELECT i % 10 AS symbol FROM generate_series(1, 1000) i; ANALYZE alone")
        before = planning("SELECT symbol, count(*) FROM alone GROUP BY 1", without=connect(False), library=session)
        for statement in [TABLES.format(rows=rows), VACUUM]:
            session(statement)
    print(f"{rows} rows in each table; milliseconds, best of {ROUNDS}, from the table and from the tree, and the ratio")
    for name, sql in STATEMENTS.items():
        off, on = off_and_on(sql)
        print(f"{name:40} {off:9.2f} {on:9.2f} {off / on:8.1f}", flush=True)
    print("Short ranges: the ratio of `on` to `off`")
    worst = 0
    for name, (prepare, sql) in WORST.items():
        off, on = off_and_on(sql, prepare, 20)
        worst = max(worst, on / off)
        print(f"{name:40} {off:9.3f} {on:9.3f} {on / off:8.2f}", flush=True)
    print(f"the worst: {worst:.2f}")
    print("Planning, in microseconds: without the library, with it, with trees")
    print(f"{'no tree in the database':40} {before['without']:9.1f} {before['library']:9.1f}")
    for name, sql in PLANNED.items():
        off = connect()
        off("SET pg_tally.answer_from_trees = off")
        took = planning(sql, without=connect(False), off=off, on=connect())
        print(f"{name:40} {took['without']:9.1f} {took['off']:9.1f} {took['on']:9.1f}", flush=True)


main()
