#!/usr/bin/env -S python3 -B
"""The statistics service as its table grows: how long an answer takes for each k, and a batch of a thousand, over HTTP.

    scripts/cluster.py run --pg-config $(scripts/where.sh pg15) --set shared_buffers=1GB --set max_wal_size=16GB --set fsync=off \\
        -- benches/serve/statistics_service.py [--most 10000000] [--times 50]

The points of one symbol grow tenfold from 10^6 on. Between two sizes they are added by SQL, as batches would take long; the last
answers are compared with SQL over the points.
"""

import argparse
import sys
from pathlib import Path

from processor import measured

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/serve"))
from server import Service, make_users, psql  # noqa: E402

CHUNK = 1_000_000


def grow(many):
    """Add points by SQL."""
    for begin in range(0, many, CHUNK):
        psql(f"INSERT INTO stats_points (symbol, value) SELECT 'BTC', 100 + sin(n / 1e5) + (n % 4001 * 7919 % 4001) / 4001.0 FROM generate_series(1, {min(CHUNK, many - begin)}) n; CALL powertree_compact('stats_points')", "owner")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=10_000_000)
    parser.add_argument("--times", type=int, default=50)
    options = parser.parse_args()
    make_users()
    psql("CREATE EXTENSION IF NOT EXISTS pg_tally; GRANT CREATE ON SCHEMA public TO owner")
    with Service() as service:
        def stats(k, connection=None):
            return service.ask("GET", f"/stats/?symbol=BTC&k={k}", user="owner", connection=connection)

        def add(values, connection=None):
            return service.ask("POST", "/add_batch/", {"symbol": "BTC", "values": values}, user="owner", connection=connection)

        add([1.0])
        print(f"{'points':>10} {'batch of 1000':>13} {'stats, k = 1':>12}" + "".join(f" {f'{k}':>6}" for k in range(2, 9)) + "   (ms of processors, medians)")
        size, points = 1_000_000, 1
        while size <= options.most:
            grow(size - points)
            psql("VACUUM (ANALYZE) stats_points")
            def of(ask):
                return measured(service, "owner", options.times, ask)[2]

            batch = of(lambda connection: add([float(n % 7) for n in range(1000)], connection))
            psql("CALL powertree_compact('stats_points')", "owner")
            answers = [of(lambda connection, k=k: stats(k, connection)) for k in range(1, 9)]
            print(f"{size:>10} {batch:>13.1f} {answers[0]:>12.2f}" + "".join(f" {answer:>6.2f}" for answer in answers[1:]), flush=True)
            points, size = size + (options.times + 1) * 1000, size * 10
        check(stats)


def check(stats):
    """The last answers are those of the points themselves."""
    for k in (1, 4, 8):
        _, _, found = stats(k)
        wanted = psql(f"SELECT concat_ws(' ', num_vals(t), avg(t), variance(t), min(t), max(t)) FROM (SELECT tally(value) AS t FROM (SELECT value FROM stats_points WHERE symbol = 'BTC' ORDER BY n DESC LIMIT {10**k}) p) q", "owner")
        assert [found[name] for name in ("num_vals", "avg", "var", "min", "max")] == [float(number) for number in wanted.split()], (k, found, wanted)
    print("the answers are those of the points")


main()
