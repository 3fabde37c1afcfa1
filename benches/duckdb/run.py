#!/usr/bin/env -S python3 -B
"""Four statistics over a sliding frame of 1000 rows: pg_tally against DuckDB, one thread each, in turn.

    benches/duckdb/run.py        (in a database that has the extension, as libpq's environment variables say)

DuckDB comes from PyPI, into a directory that is removed again. Both hold the same million rows in a table that is already
in order of time, and both sum the results, so that neither can leave any out.
"""

import re
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 5
ROWS = "SELECT i, 100 + (i::bigint * 7919 % 100003) / 1000.0::float8 AS x FROM {} ORDER BY i"
QUERY = """SELECT sum(a), sum(v), sum(l), sum(g) FROM (
    SELECT avg(x) OVER w AS a, var_samp(x) OVER w AS v, min(x) OVER w AS l, max(x) OVER w AS g
    FROM measurements WINDOW w AS (ORDER BY i ROWS 999 PRECEDING)) s"""


def psql(sql):
    return subprocess.run(["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-c", sql], check=True)


def postgres():
    """Milliseconds, as the server's client sees them."""
    script = f"LOAD 'pg_tally'; SET max_parallel_workers_per_gather = 0; SET jit = off;\n\\timing on\n{QUERY};\n"
    done = subprocess.run(["psql", "-X", "-q", "-At"], input=script, capture_output=True, text=True, check=True)
    return float(re.findall(r"Time: ([0-9.]+) ms", done.stdout)[-1]), done.stdout.splitlines()[0]


def main():
    with tempfile.TemporaryDirectory() as packages:
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--root-user-action=ignore"]
        subprocess.run([*pip, "--target", packages, "duckdb"], check=True)
        sys.path.insert(0, packages)
        import duckdb

        duck = duckdb.connect(config={"threads": 1})
        duck.execute(f"CREATE TABLE measurements AS {ROWS.format('range(1, 1000001) r(i)')}")
        psql(f"CREATE TABLE measurements AS {ROWS.format('generate_series(1, 1000000) i')}")
        psql("CREATE INDEX ON measurements (i) INCLUDE (x)")
        psql("VACUUM ANALYZE measurements")

        times = {"pg_tally": [], "DuckDB": []}
        for _ in range(ROUNDS):
            milliseconds, answer = postgres()
            times["pg_tally"].append(milliseconds)
            began = time.perf_counter()
            rows = duck.execute(QUERY).fetchall()
            times["DuckDB"].append(1000 * (time.perf_counter() - began))
            for ours, theirs in zip(answer.split("|"), rows[0]):
                assert abs(float(ours) - theirs) <= 1e-9 * abs(theirs), (answer, rows)
        print(f"DuckDB {duckdb.__version__}, one thread; median of {ROUNDS} runs in turn")
        for name, values in times.items():
            ratio = statistics.median(values) / statistics.median(times["pg_tally"])
            print(f"{name:10} {statistics.median(values):8.1f} ms {ratio:6.2f}")


main()
