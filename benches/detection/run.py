#!/usr/bin/env -S python3 -B
"""Scores of the detector on published sets, strictly online and with its defaults.

    TCPD_DATA=… NAB_DATA=… TALLY_SCORERS=… benches/detection/run.py [--sensitivity]

TCPD_DATA holds the Turing Change Point Dataset (annotations.json and a JSON file for each series), NAB_DATA the Numenta
Anomaly Benchmark (labels/ and data/, gzipped), TALLY_SCORERS score_tcpd.py and score_nab.py. What is not there is
left out. --sensitivity also prints how the scores move when each setting is halved and doubled.
"""

import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
THRESHOLD = 3.0  # fixed in advance: a surprise that happens by chance once in a thousand rows
EPOCH = datetime(2000, 1, 1)


def detect(rows, settings=()):
    """What the detector says of each series, by name."""
    program = ["cargo", "run", "--release", "--quiet", "-p", "tally-stats", "--example", "detect", "--", *settings]
    done = subprocess.run(program, cwd=ROOT, input=rows, capture_output=True, text=True, check=True)
    return {found["name"]: found for found in map(json.loads, done.stdout.splitlines())}


class Tcpd:
    def __init__(self):
        import score_tcpd as scorer

        self.scorer, self.names = scorer, scorer.available(qc=True)
        self.real = scorer.available()
        rows = []
        for name in self.names:
            count, columns = scorer.load(name)
            rows += [f"{name} {count} 0", *("null" if x is None else repr(x) for x in columns[0])]
        self.rows = "\n".join(rows) + "\n"

    def scores(self, settings=()):
        found = detect(self.rows, settings)
        result = []
        for read in "end", "live":
            starts = {name: found[name][read] for name in self.names}
            result += [self.scorer.summary(starts, self.real), self.scorer.summary(starts, self.names)]
        return result

    def line(self, settings=()):
        text = "TCPD, {} real: cover {:.3f}  F1 {:.3f}; all {}: {:.3f}  {:.3f}; live alerts: {:.3f}  {:.3f}, {:.3f}  {:.3f}"
        end_real, end_all, live_real, live_all = self.scores(settings)
        return text.format(len(self.real), *end_real, len(self.names), *end_all, *live_real, *live_all)

    def published(self):
        methods, scores = self.scorer.published()
        for method in methods:
            means = [
                sum(scores["default", metric][name][method] or 0 for name in self.real) / len(self.real)
                for metric in ("cover", "f1")
            ]
            yield "  published default {:10} cover {:.3f}  F1 {:.3f}".format(method, *means)


class Nab:
    def __init__(self):
        import score_nab as scorer

        self.scorer = scorer
        rows = []
        for name in scorer.files():
            times, values = scorer.load(name)
            rows.append(f"{name} {len(values)} 1")
            last = 0
            for at, value in zip(times, values):
                # Some files repeat the hour when summer time ends.
                last = max(last, int((datetime.fromisoformat(at) - EPOCH).total_seconds() * 1e6))
                rows.append(f"{float(value)!r} {last}")
        self.rows = "\n".join(rows) + "\n"

    def line(self, settings=()):
        found = detect(self.rows, settings)
        scores = {name: found[name]["scores"] for name in self.scorer.files()}
        parts = []
        for profile in self.scorer.PROFILES:
            parts.append("{} {:.1f}".format(profile, self.scorer.score(scores, profile, threshold=THRESHOLD)["normalised"]))
        told = self.scorer.score(scores, threshold=THRESHOLD)
        return "NAB at {}: {}; {} of {} windows, {} false rows".format(
            THRESHOLD, ", ".join(parts), told["windows_found"], told["windows"], told["fp_rows"]
        )


def main():
    sys.path.insert(0, os.environ.get("TALLY_SCORERS", ""))
    sets = [kind() for kind, data in ((Tcpd, "TCPD_DATA"), (Nab, "NAB_DATA")) if os.environ.get(data)]
    if not sets:
        print("no sets: TCPD_DATA, NAB_DATA and TALLY_SCORERS name their directories")
    for each in sets:
        print(each.line())
        for line in each.published() if isinstance(each, Tcpd) else ():
            print(line)
    if "--sensitivity" not in sys.argv:
        return
    source = (ROOT / "crates/stats/src/detector/settings.rs").read_text()
    for name, value in re.findall(r"^    (\w+): \w+ = ([\d./ _]+);", source, re.MULTILINE):
        value = eval(value)  # a quotient of two numbers at most
        for factor in 0.5, 2:
            for each in sets:
                print(f"{name} x {factor:3}: {each.line([f'{name}={value * factor}'])}")


if __name__ == "__main__":
    main()
