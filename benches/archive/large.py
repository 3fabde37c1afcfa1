#!/usr/bin/env -S python3 -B
"""A year of trades in monthly partitions with a power tree, of which all months but the last are archived and dropped.

    scripts/cluster.py run --pg-config PG_CONFIG --set shared_buffers=1GB -- benches/archive/large.py [--rows 200000000] [--to DIRECTORY]

In the running cluster, by the program that `cargo build --release -p tally-loader` has made. Prints times and sizes, and whether the
answers of the tree are the same before and after, to the last bit. The table takes 60 bytes a row, the objects 14, the tree 150 MB, and
the log of the server up to 4 GB: 20 GB for 200 million rows.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TALLY = os.environ.get("TALLY") or Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/tally"
BEGIN, LAST, END = (datetime(*day, tzinfo=timezone.utc) for day in ((2024, 1, 1), (2024, 12, 1), (2025, 1, 1)))
SERIES = 50
ACCESSORS = "num_vals(tally), sum(tally), avg(tally), stddev(tally), min(tally), max(tally)"
TABLE = """
CREATE EXTENSION IF NOT EXISTS pg_tally;
CREATE TABLE trades (at timestamptz NOT NULL, symbol text NOT NULL, price double precision, size double precision) PARTITION BY RANGE (at);
SELECT powertree_create('trades', at => 'at', "values" => '{price,size}', series => '{symbol}', leaf => '1 hour');
"""


def psql(sql):
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"], input=f"SET client_min_messages = warning; SET extra_float_digits = 3; {sql}",
                          capture_output=True, text=True, env={**os.environ, "PGTZ": "UTC"})
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout.strip()


def timed(what, act):
    began = time.monotonic()
    result = act()
    print(f"{what:<44} {time.monotonic() - began:9.1f} s", flush=True)
    return result


def tally(*words):
    done = subprocess.run([TALLY, "archive", *words, "--table", "trades"], capture_output=True, text=True,
                          env={"DATABASE_URL": "dbname=" + os.environ.get("PGDATABASE", "postgres"), **os.environ})
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout


def load(rows):
    """The year, a month at a time, which is compacted then."""
    step = (END - BEGIN) // rows
    begin, first = BEGIN, 0
    while begin < END:
        end = (begin + timedelta(days=32)).replace(day=1)
        psql(f"CREATE TABLE trades_{begin:%m} PARTITION OF trades FOR VALUES FROM ('{begin}') TO ('{end}')")
        last = -(-(end - BEGIN) // step) if end < END else rows
        psql(f"""INSERT INTO trades SELECT timestamptz '{BEGIN}' + n * interval '{step}',
            'S' || n % {SERIES}, 100 + n % {SERIES} + sin(n / 1e4) + (n * 7919 % 1000) / 1e3, (n * 104729 % 10000) / 100.0
            FROM generate_series({first}::bigint, {last} - 1) AS n; CALL powertree_compact()""")
        begin, first = end, last
    psql("VACUUM ANALYZE trades; CHECKPOINT")


def answers():
    """What the tree says of each symbol in the year, and in each month."""
    of = "SELECT '{0}', b, series, {1} FROM generate_series(timestamptz '{2}', '{3}', '1 month') AS b, powertree_tallies('trades', '{0}', b, b + interval '{4}')"
    parts = (of.format(value, ACCESSORS, BEGIN, last, length) for value in ("price", "size") for last, length in ((BEGIN, "1 year"), (LAST, "1 month")))
    return psql(" UNION ALL ".join(parts) + " ORDER BY 1, 2, 3, 4")


def look(where, place):
    size = "pg_size_pretty(sum(pg_total_relation_size(oid))) FROM pg_class WHERE relkind = 'r' AND relname ~"
    print(f"  {where}: rows {psql('SELECT count(*) FROM trades')}, table {psql(f'''SELECT {size} '^trades' ''')}, trees {psql(f'''SELECT {size} '^powertree_' ''')}, "
          f"objects {sum(path.stat().st_size for path in Path(place).rglob('*.parquet')) / 2**20:.0f} MB")
    began = time.monotonic()
    questions = "SELECT stddev(powertree_tally('trades', 'price', '2024-01-01Z', '2025-01-01Z', 'S' || n)) FROM generate_series(0, 49) AS n"
    psql(questions)
    print(f"  {where}: fifty standard deviations of the year take {(time.monotonic() - began) * 1e3:.0f} ms, with the start of psql")


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=200_000_000)
    options.add_argument("--to", help="directory that objects are written to, and left in")
    options = options.parse_args()
    place = options.to or tempfile.mkdtemp()
    try:
        psql(TABLE)
        timed(f"load and compact {options.rows} rows", lambda: load(options.rows))
        before = timed("ask the tree: each symbol, year and months", answers)
        look("before", place)
        days = (datetime.now(timezone.utc) - LAST).days
        timed("archive, prove and drop eleven months", lambda: tally("--older-than", f"{days}d", "--to", place, "--drop"))
        after = timed("ask the tree again", answers)
        psql("VACUUM ANALYZE trades; CHECKPOINT")
        look("after", place)
        print(f"{'ok' if before == after else 'not ok'} - {len(before.splitlines())} answers are the same")
        print(timed("verify", lambda: tally("verify")).strip())
    finally:
        if not options.to:
            shutil.rmtree(place)
    sys.exit(before != after)


main()
