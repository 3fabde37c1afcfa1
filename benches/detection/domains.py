#!/usr/bin/env -S python3 -B
"""Scores of the detector on published sets by domain, with 90 % intervals: series are drawn anew within each domain.

    TCPD_DATA=… NAB_DATA=… TALLY_SCORERS=… benches/detection/domains.py

The data are those of run.py. Half of such a set does not predict the other half: the intervals say how much a score can mean.
"""

import os
import random
import sys
from collections import defaultdict

from run import THRESHOLD, Nab, Tcpd, detect

DRAWS = 10_000


def interval(series, statistic, digits):
    """The statistic of series, and the middle nine tenths of it if as many are drawn from them."""
    random.seed(1)
    drawn = sorted(statistic(random.choices(series, k=len(series))) for _ in range(DRAWS))
    return "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(statistic(series), drawn[DRAWS // 20], drawn[-DRAWS // 20], d=digits)


def tcpd():
    """Cover and F1 of the real series; the set has no domains, so its shorter half and its longer one."""
    sets = Tcpd()
    found, truth = detect(sets.rows), sets.scorer.annotations()
    each = []
    for name in sets.real:
        rows, _ = sets.scorer.load(name)
        starts = found[name]["end"]
        each.append((rows, sets.scorer.covering(truth[name], starts, rows), sets.scorer.f1(truth[name], starts)))
    short = sorted(rows for rows, *_ in each)[len(each) // 2]
    domains = {"all": each, f"up to {short} rows": [one for one in each if one[0] <= short], "longer": [one for one in each if one[0] > short]}
    for domain, series in domains.items():
        cover, f1 = (interval([one[which] for one in series], lambda scores: sum(scores) / len(scores), 2) for which in (1, 2))
        print(f"TCPD {domain:20} {len(series):3} series: cover {cover}, F1 {f1}")


def nab():
    """What each file adds to the score, of what its windows are worth at most."""
    sets = Nab()
    found, windows = detect(sets.rows), sets.scorer.windows()
    silent = {name: [0.0] * len(found[name]["scores"]) for name in sets.scorer.files()}
    nothing = sets.scorer.score(silent, threshold=THRESHOLD)["normalised"]
    total = sum(map(len, windows.values()))
    domains = defaultdict(list)
    for name in sets.scorer.files():
        alone = sets.scorer.score({**silent, name: found[name]["scores"]}, threshold=THRESHOLD)["normalised"]
        for domain in "all", name.split("/")[0]:
            domains[domain].append(((alone - nothing) * total, len(windows[name])))
    for domain, files in domains.items():
        score = interval(files, lambda some: sum(worth for worth, _ in some) / max(sum(count for _, count in some), 1), 0)
        print(f"NAB {domain:21} {len(files):3} files: {score}")


if __name__ == "__main__":
    sys.path.insert(0, os.environ.get("TALLY_SCORERS", ""))
    for data, scores in ("TCPD_DATA", tcpd), ("NAB_DATA", nab):
        if os.environ.get(data):
            scores()
        else:
            print(f"no set: {data} names its directory")
