"""ruptures and bayesian-changepoint-detection over the same series, for benches/detection/peers.sh.

peers.py time FILE ROWS prints microseconds per row; peers.py scores PROGRAM prints the accuracy of all peers on the
Turing Change Point Dataset, those of the compiled PROGRAM included.
"""

import subprocess
import sys
import time
from functools import partial

import bayesian_changepoint_detection.online_changepoint_detection as online
import numpy as np
import ruptures


def bocpd(x):
    """Probabilities of the run lengths, by row; prior and hazard are those of the package's example."""
    prior = online.StudentT(0.1, 0.01, 1, 0)
    return online.online_changepoint_detection(x, partial(online.constant_hazard, 250), prior)[0]


def most_likely_starts(x):
    """The chain of most likely run lengths, from the end back."""
    runs, starts, row = bocpd(x), [], len(x)
    while row > 0:
        row -= max(int(runs[:, row].argmax()), 1)
        starts.append(row)
    return starts[:-1]


PEERS = {
    "ruptures, PELT rbf, penalty 10": lambda x: ruptures.Pelt(model="rbf", jump=1).fit(x).predict(pen=10)[:-1],
    "ruptures, PELT l2, penalty 2 log n": lambda x: ruptures.Pelt(model="l2", jump=1).fit(x).predict(pen=2 * np.log(len(x)))[:-1],
    "bayesian-changepoint-detection": most_likely_starts,
}


def times(path, rows):
    x = np.loadtxt(path)[:rows]
    for what, run in (
        ("ruptures", lambda: PEERS["ruptures, PELT rbf, penalty 10"](x[:2000])),
        ("bayesian-changepoint-detection", lambda: bocpd(x)),
    ):
        start = time.perf_counter()
        run()
        print(what, (time.perf_counter() - start) * 1e6 / len(x))


def scores(program):
    import score_tcpd as scorer

    names = scorer.available()
    series = [np.array(scorer.load(name)[1][0], float) for name in names]
    lines = "".join(" ".join(map(repr, map(float, x))) + "\n" for x in series)
    done = subprocess.run([program, "starts"], input=lines, capture_output=True, text=True, check=True)
    answers = [line.split() for line in done.stdout.splitlines()]
    found = {}
    for i, name in enumerate(names):
        for who, *starts in answers[2 * i : 2 * i + 2]:
            found.setdefault(who, {})[name] = [int(start) for start in starts]
        scaled = (series[i] - series[i].mean()) / series[i].std()
        for who, run in PEERS.items():
            found.setdefault(who, {})[name] = run(scaled)
    for who, starts in found.items():
        print("{:36} cover {:.3f}  F1 {:.3f}".format(who, *scorer.summary(starts, names)))


if sys.argv[1] == "time":
    times(sys.argv[2], int(sys.argv[3]))
else:
    scores(sys.argv[2])
