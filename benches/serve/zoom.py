#!/usr/bin/env -S python3 -B
"""Charts of one series from its whole history down to its rows: how long each takes over HTTP, and whether its numbers are those of the rows.

    scripts/cluster.py run --pg-config $(scripts/where.sh pg15) --set shared_buffers=1GB --set max_wal_size=16GB --set wal_level=minimal \\
        --set max_wal_senders=0 -- benches/serve/zoom.py [--rows 10000000] [--places 2] [--times 7] [--leaf "1 minute"]

The rows are a tenth of a second apart. Each range is half of the one before, at so many places; each chart has 1200 points and is asked so
many times. Every number of every chart is then compared with SQL over the rows, and a late row must be in the next chart of each range.
"""

import argparse
import datetime
import random
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

from processor import measured

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/serve"))
from server import Service, make_users, psql, rows  # noqa: E402

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
ROW = datetime.timedelta(milliseconds=100)
POINTS = 1200
# In one transaction, so that with wal_level = minimal nothing is written twice.
TABLE = """
SET maintenance_work_mem = '512MB'; SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tally;
BEGIN;
CREATE TABLE ticks (symbol text, at timestamptz, price float8);
INSERT INTO ticks SELECT 'BTC', '2026-01-01Z'::timestamptz + n * interval '100 ms', 100 + sin(n / 1e5) + (n % 4001 * 7919 % 4001) / 4001.0 FROM generate_series(0, {rows}::bigint - 1) n;
CREATE INDEX ON ticks (symbol, at) INCLUDE (price);
COMMIT;
VACUUM (ANALYZE) ticks;
SELECT powertree_create('ticks', at => 'at', "values" => '{{price}}', series => '{{symbol}}', leaf => '{leaf}');
CALL powertree_compact('ticks');
GRANT SELECT ON ticks TO ann;
"""
ACCESSORS = ("num_vals", "avg", "stddev", "min", "max")


def written(moment):
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wanted(chart, first, end):
    """The same from the rows, which no tree answers for."""
    plain = "SET pg_tally.answer_from_trees = off; SET jit = off;"
    if chart["raw"]:
        return rows(f"SELECT at, price AS value FROM ticks WHERE symbol = 'BTC' AND at >= '{first}' AND at < '{end}' ORDER BY at", before=plain)
    columns = ", ".join(f"{name}(t)" for name in ACCESSORS)
    return rows(f"""SELECT b AS at, {columns} FROM (
            SELECT date_bin('{chart["step"]}', at, '{chart["at"][0]}') AS b, tally(price) AS t FROM ticks
            WHERE symbol = 'BTC' AND at >= '{chart["at"][0]}' AND at < '{chart["at"][-1]}'::timestamptz + '{chart["step"]}'::interval GROUP BY 1) g ORDER BY b""", before=plain)


def check(chart, first, end):
    truth = wanted(chart, first, end)
    for column in ("at", "value") if chart["raw"] else ("at", *ACCESSORS):
        found = chart[column]
        if not chart["raw"]:
            found = [value for value, count in zip(found, chart["num_vals"]) if count]
        assert found == [row[column] for row in truth], (column, first, end)
    return sum(row.get("num_vals", 1) for row in truth)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--places", type=int, default=2)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--leaf", default="1 minute")
    options = parser.parse_args()
    random.seed(1)
    began = time.monotonic()
    make_users()
    psql(TABLE.format(rows=options.rows, leaf=options.leaf))
    print(f"{options.rows} rows, made in {time.monotonic() - began:.0f} s; " + psql("SELECT pg_size_pretty(pg_total_relation_size('ticks'))"), flush=True)
    with Service() as service:
        charts = []
        whole, length = options.rows * ROW, options.rows * ROW
        print(f"{'range':>24} {'rows':>10} {'step':>8} {'points':>6} {'ms':>7} {'ms of processors':>17}   (medians)")
        while length > 100 * ROW:
            for _ in range(options.places if length < whole else 1):
                first = START + random.random() * (whole - length)
                first, end = written(first), written(first + length)
                path = "/api/v1/trees/ticks/zoom?" + urlencode({"value": "price", "symbol": "BTC", "points": POINTS, "from": first, "to": end})
                (headers, chart), passed, ran = measured(service, "ann", options.times, lambda connection: service.ask("GET", path, connection=connection))
                many = check(chart, first, end)
                charts.append((path, first, end, headers["ETag"]))
                print(f"{str(length):>24} {many:>10} {chart.get('step', 'rows'):>8} {len(chart['at']):>6} {passed:>7.1f} {ran:>17.1f}", flush=True)
            length /= 2
        late(service, charts)


def late(service, charts):
    """Rows that come late, one for each range: the next chart has them."""
    for _, first, _, _ in charts:
        psql(f"INSERT INTO ticks VALUES ('BTC', '{first}'::timestamptz + interval '3 ms', -1)")
    for path, first, end, etag in charts[1:]:
        status, _, chart = service.ask("GET", path, headers={"If-None-Match": etag})
        assert status == 200 and -1 in chart["value" if chart["raw"] else "min"], (path, status)
        check(chart, first, end)
    print("each number is that of the rows, before and after rows that came late")


main()
