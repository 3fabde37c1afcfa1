#!/usr/bin/env -S python3 -B
"""Errors of forecasts beside those of the last row and of the same time on the day before.

    NAB_DATA=… benches/detection/forecast.py [--all] [--ahead ROWS]

NAB_DATA holds the Numenta Anomaly Benchmark (data/, gzipped or not). Of its series those with a daily rhythm are taken,
with --all every one; rows are forecast from the row before, or that many rows before. A series has a rhythm if the mean of the last days at a time of day says at least a tenth of the
variance of the next day's rows.
"""

import csv
import gzip
import os
import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
EPOCH = datetime(2000, 1, 1)
RHYTHM = 0.1


def load(path):
    """Values and times in microseconds since 2000."""
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    values, times = [], []
    with opened as lines:
        for row in csv.DictReader(lines):
            at = int((datetime.fromisoformat(row["timestamp"]) - EPOCH).total_seconds() * 1e6)
            # Some files repeat the hour when summer time ends.
            times.append(max(at, times[-1]) if times else at)
            values.append(float(row["value"]))
    return values, times


def rhythm(values, times):
    """How much of the variance of a row, beside its day's mean, the mean of earlier days at its hour explains."""
    days = defaultdict(list)
    for x, at in zip(values, times):
        days[at // 86_400_000_000].append((at // 3_600_000_000 % 24, x))
    sums, explained, left = defaultdict(lambda: (0, 0.0)), 0.0, 0.0
    for i, day in enumerate(sorted(days)):
        mean = sum(x for _, x in days[day]) / len(days[day])
        for hour, x in days[day]:
            n, total = sums[hour]
            if i >= 2 and n:
                explained += (x - mean) ** 2
                left += (x - mean - total / n) ** 2
        for hour, x in days[day]:
            n, total = sums[hour]
            sums[hour] = n + 1, total + x - mean
    return 1 - left / explained if explained else 0.0


def main():
    if "NAB_DATA" not in os.environ:
        print("no series: NAB_DATA names the directory of the Numenta Anomaly Benchmark")
        return
    series = {}
    for path in sorted(Path(os.environ["NAB_DATA"], "data").glob("*/*.csv*")):
        values, times = load(path)
        if "--all" in sys.argv or rhythm(values, times) >= RHYTHM:
            series[path.name.split(".")[0]] = values, times
    lines = []
    for name, (values, times) in series.items():
        lines += [f"{name} {len(values)}", *(f"{x!r} {at}" for x, at in zip(values, times))]
    ahead = sys.argv[sys.argv.index("--ahead") + 1] if "--ahead" in sys.argv else "1"
    program = ["cargo", "run", "--release", "--quiet", "-p", "tally-stats", "--example", "forecast", "--", ahead]
    done = subprocess.run(program, cwd=ROOT, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    good = covered = 0
    print(f"{'series':42} {'rows':>6} {'error / last':>12} {'/ day before':>12} {'inside 95 %':>12}")
    for line in done.stdout.splitlines():
        name, rows, *numbers = line.split()
        error, last, before, inside = map(float, numbers)
        best = min(last, before)
        good += error <= best
        covered += 0.93 <= inside <= 0.97
        print(f"{name:42} {rows:>6} {error / last if last else 1:12.3f} {error / before if before else 1:12.3f} {100 * inside:10.1f} %")
    print(f"{good} of {len(series)} not worse than the better of both, {covered} with 93 to 97 % inside")


if __name__ == "__main__":
    main()
