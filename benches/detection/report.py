#!/usr/bin/env -S python3 -B
"""What important_changes reports of published series with a daily rhythm, and how much of it is that rhythm.

    NAB_DATA=… scripts/cluster.py run --pg-config … -- benches/detection/report.py [--list]

NAB_DATA holds the Numenta Anomaly Benchmark (data/ and labels/, gzipped or not). All its series are one fleet, reported
by rows as they are, by means of hours and of days. A change of level is the season if the median of what the series does
at that time on all other days, or on that day of all other weeks, moves in the same direction by half as much, and the
series itself moves then by less than twice as much as usual: what is beyond the season is none. --list prints the reports.
"""

import csv
import gzip
import io
import json
import os
import statistics
import subprocess
import sys
from bisect import bisect_left
from datetime import datetime, timedelta
from pathlib import Path

from forecast import RHYTHM, load, rhythm

EPOCH = datetime(2000, 1, 1)
DAY, HOUR = 86_400_000_000, 3_600_000_000
# What is compared at either side of a time of day.
SIDE = 3 * HOUR
REPORTS = {
    "rows": "SELECT series, at, value FROM nab",
    "hours": "SELECT series, date_trunc('hour', at) AS at, avg(value) AS value FROM nab GROUP BY 1, 2",
    "days": "SELECT series, date_trunc('day', at) AS at, avg(value) AS value FROM nab GROUP BY 1, 2",
}


def psql(sql, rows=None):
    done = subprocess.run(["psql", "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql], input=rows, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


class Series:
    def __init__(self, path):
        self.values, self.times = load(path)
        self.sums = [0.0]
        for value in self.values:
            self.sums.append(self.sums[-1] + value)
        self.seasonal = rhythm(self.values, self.times) >= RHYTHM
        self.windows = []

    def mean(self, since, until):
        first, last = bisect_left(self.times, since), bisect_left(self.times, until)
        return (self.sums[last] - self.sums[first]) / (last - first) if last > first else None

    def move(self, at):
        before, after = self.mean(at - SIDE, at), self.mean(at, at + SIDE)
        return None if before is None or after is None else after - before

    def is_season(self, at, difference):
        for period in DAY, 7 * DAY:
            around = range(at % period, self.times[-1], period)
            moves = [self.move(other) for other in around if abs(other - at) >= DAY // 2]
            moves = [move for move in moves if move is not None]
            if len(moves) < 2:
                continue
            sign = 1 if difference > 0 else -1
            usual, move = sign * statistics.median(moves), sign * (self.move(at) or 0)
            if usual >= abs(difference) / 2 and move < 2 * usual:
                return True
        return False


def fleet(folder):
    labels = json.loads(Path(folder, "labels/combined_windows.json").read_text())
    found = {}
    for path in sorted(Path(folder, "data").glob("*/*.csv*")):
        name = path.name.split(".csv")[0]
        found[name] = series = Series(path)
        windows = labels.get(f"{path.parent.name}/{name}.csv", [])
        series.windows = [[int((datetime.fromisoformat(end) - EPOCH).total_seconds() * 1e6) for end in window] for window in windows]
    return found


def main():
    if "NAB_DATA" not in os.environ:
        print("no series: NAB_DATA names the directory of the Numenta Anomaly Benchmark")
        return
    series = fleet(os.environ["NAB_DATA"])
    rows = io.StringIO()
    table = csv.writer(rows)
    for name, one in series.items():
        table.writerows((name, (EPOCH + timedelta(microseconds=at)).isoformat() + "Z", repr(x)) for at, x in zip(one.times, one.values))
    psql("CREATE EXTENSION IF NOT EXISTS pg_tally; DROP TABLE IF EXISTS nab; CREATE TABLE nab (series text, at timestamptz, value float8)")
    psql("COPY nab FROM STDIN CSV", rows.getvalue())
    print(f"{'report':10} {'changes':>8} {'season':>7} | {'with rhythm':>11} {'season':>7} | {'in windows':>10} {'windows':>8} {'in first 20':>11}")
    for report, query in REPORTS.items():
        told = psql(
            "COPY (SELECT series, (extract(epoch FROM at - '2000-01-01Z') * 1000000)::bigint, kind, difference, explanation "
            f"FROM important_changes($query${query}$query$, top => NULL)) TO STDOUT CSV"
        )
        counts = dict.fromkeys(("all", "season", "rhythm", "rhythm season", "inside", "windows", "first"), 0)
        hit, early = set(), set()
        for place, (name, at, kind, difference, sentence) in enumerate(csv.reader(io.StringIO(told))):
            one, at = series[name], int(at)
            season = kind == "level" and one.is_season(at, float(difference))
            inside = [i for i, (first, last) in enumerate(one.windows) if first <= at <= last]
            hit.update((name, i) for i in inside)
            if place < 20:
                early.update((name, i) for i in inside)
            counts["all"] += 1
            counts["season"] += season
            counts["rhythm"] += one.seasonal
            counts["rhythm season"] += season and one.seasonal
            counts["inside"] += bool(inside)
            if "--list" in sys.argv:
                print(f"  {'season' if season else 'window' if inside else '':6} {sentence}")
        print(
            f"{report:10} {counts['all']:8} {counts['season']:7} | {counts['rhythm']:11} {counts['rhythm season']:7} | "
            f"{counts['inside']:10} {len(hit):8} {len(early):11}"
        )


main()
