"""Other implementations over the same series, for benches/detection/peers.sh.

peers.py time FILE ROWS prints microseconds per row; peers.py scores PROGRAM prints the accuracy of all peers on the
Turing Change Point Dataset, those of the compiled PROGRAM included; peers.py simulated FILE their accuracy on the series
that the simulation printed.
"""

import json
import subprocess
import sys
import time
from functools import partial

import bayesian_changepoint_detection.online_changepoint_detection as online
import numpy as np
import ruptures
from changepoint_online import Focus, Gaussian
from river.anomaly import HalfSpaceTrees
from river.drift import ADWIN
from river.preprocessing import MinMaxScaler


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


def focus_starts(x):
    """Changes as FOCuS finds them online, at the threshold of its example, beginning again after each."""
    starts, begin, detector = [], 0, Focus(Gaussian())
    for row, value in enumerate(x):
        detector.update(value)
        if detector.statistic() >= 13.0:
            starts.append(begin + int(detector.changepoint()["changepoint"]))
            begin, detector = row + 1, Focus(Gaussian())
    return sorted(set(starts) - {0})


def adwin_starts(x):
    """The first row of what is left of the adaptive window after each drift."""
    starts, window = set(), ADWIN()
    for row, value in enumerate(x):
        window.update(value)
        if window.drift_detected:
            starts.add(row + 1 - int(window.width))
    return sorted(starts - {0})


PEERS = {
    "ruptures, PELT rbf, penalty 10": lambda x: ruptures.Pelt(model="rbf", jump=1).fit(x).predict(pen=10)[:-1],
    "ruptures, PELT l2, penalty 2 log n": lambda x: ruptures.Pelt(model="l2", jump=1).fit(x).predict(pen=2 * np.log(len(x)))[:-1],
    "ruptures, BinSeg l2, penalty 2 log n": lambda x: ruptures.Binseg(model="l2", jump=1).fit(x).predict(pen=2 * np.log(len(x)))[:-1],
    "bayesian-changepoint-detection": most_likely_starts,
    "changepoint-online, FOCuS": focus_starts,
    "river, ADWIN": adwin_starts,
}


def times(path, rows):
    x = np.loadtxt(path)[:rows]
    for what, run in (
        ("ruptures", lambda: PEERS["ruptures, PELT rbf, penalty 10"](x[:2000])),
        ("bayesian-changepoint-detection", lambda: bocpd(x)),
    ):
        start = time.process_time()
        run()
        print(what, (time.process_time() - start) * 1e6 / len(x))


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


def cover(truth, found, n):
    """Mean over the rows of the best overlap of the true segment that a row is in."""
    found = list(zip([0, *found], [*found, n]))
    total = 0.0
    for a, b in zip([0, *truth], [*truth, n]):
        total += (b - a) * max(max(0, min(b, v) - max(a, u)) / (max(b, v) - min(a, u)) for u, v in found)
    return total / n


def f1(truth, found, margin=5):
    """F1 of the changes, each found once within a margin; the first row counts as one that everybody finds."""
    left, hits = list(found), 0
    for cut in truth:
        near = min(left, key=lambda row: abs(row - cut), default=None)
        if near is not None and abs(near - cut) <= margin:
            left.remove(near)
            hits += 1
    return 2 * (hits + 1) / (len(truth) + len(found) + 2)


def trees(x):
    """Scores of half-space trees, each before the row is learned."""
    model, scaler, scores = HalfSpaceTrees(seed=1), MinMaxScaler(), []
    for value in x:
        row = {"x": value}
        scaler.learn_one(row)
        row = scaler.transform_one(row)
        scores.append(model.score_one(row))
        model.learn_one(row)
    return scores


def windows_found(metrics, scores):
    """Share of the windows found at the threshold that one in a thousand rows outside of windows exceeds."""
    clean, best = [], []
    for metric, score in zip(metrics, scores):
        outside = np.ones(len(score), bool)
        for a, b in metric["windows"]:
            outside[a:b] = False
            best.append(max(score[a:b], default=0.0))
        clean.extend(np.array(score)[outside])
    threshold = np.quantile(clean, 0.999)
    return float(np.mean([b > threshold for b in best]))


def simulated(path):
    series, metrics = [], []
    for line in map(json.loads, open(path)):
        (series if "truth" in line else metrics).append(line)
    rows = {"pg_tally": [(s["cover"], s["f1"]) for s in series]}
    for who, run in PEERS.items():
        rows[who] = []
        for s in series:
            x = np.array(s["x"])
            found = run((x - x.mean()) / (x.std() or 1.0))
            rows[who].append((cover(s["truth"], found, len(x)), f1(s["truth"], found)))
    print(f"{len(series)} simulated series with changes")
    for who, scores in rows.items():
        print("{:36} cover {:.3f}  F1 {:.3f}".format(who, *np.mean(scores, axis=0)))
    print(f"{len(metrics)} simulated metrics: windows found at one false row in a thousand")
    print("{:36} {:.2f}".format("pg_tally, surprise", windows_found(metrics, [m["surprises"] for m in metrics])))
    print("{:36} {:.2f}".format("river, half-space trees", windows_found(metrics, [trees(m["x"]) for m in metrics])))


if sys.argv[1] == "time":
    times(sys.argv[2], int(sys.argv[3]))
elif sys.argv[1] == "simulated":
    simulated(sys.argv[2])
else:
    scores(sys.argv[2])
