#!/usr/bin/env -S python3 -B
"""The archive beside COPY TO in binary form: time, processor time of both programs and the server, and the most memory of the program.

    scripts/cluster.py run --pg-config PG_CONFIG --set shared_buffers=1GB -- benches/archive/rate.py [--rows 1000000] [--hours 24] [--wide BYTES] [--rounds 3]

In the running cluster, by the program that `cargo build --release -p tally-loader` has made. The archive writes, reads back and proves in a
directory; COPY writes to /dev/null. Only the ratios mean anything elsewhere.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TALLY = os.environ.get("TALLY") or Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/tally"
TABLE = """
CREATE EXTENSION IF NOT EXISTS pg_tally;
CREATE TABLE trades (at timestamptz NOT NULL, symbol text, price double precision, bid double precision, ask double precision, size numeric(18,4), id bigint, venue integer, note text);
INSERT INTO trades SELECT timestamptz '2024-03-01 00:00Z' + n * interval '{hours} hours' / {rows}, 'S' || n % 50, 100 + sin(n), 99 + sin(n), 101 + sin(n),
    (n * 7919 % 1000000) / 100.0, n, n % 7, CASE WHEN {wide} > 0 THEN left(repeat(md5(n::text), {wide} / 32 + 1), {wide}) END FROM generate_series(0::bigint, {rows} - 1) AS n;
VACUUM ANALYZE trades; CHECKPOINT
"""


def psql(sql):
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout.strip()


def server_seconds(postmaster):
    """Processor time of all sessions that have ended."""
    fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def measured(command, postmaster):
    """Seconds, seconds of processors of the program and of the server, and the most megabytes of the program."""
    before, began = server_seconds(postmaster), time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env={"DATABASE_URL": "dbname=" + os.environ.get("PGDATABASE", "postgres"), **os.environ}) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    # Sessions end a little later than their clients.
    while psql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") != "1":
        time.sleep(0.05)
    time.sleep(0.2)
    if process.returncode:
        sys.exit(f"{command} failed")
    return seconds, usage.ru_utime + usage.ru_stime, server_seconds(postmaster) - before, usage.ru_maxrss / 1024


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 1_000_000), ("hours", 24), ("wide", 0), ("rounds", 3)):
        options.add_argument(f"--{name}", type=int, default=default)
    options = options.parse_args()
    postmaster = int(Path(psql("SHOW data_directory"), "postmaster.pid").read_text().split()[0])
    psql("SELECT 1")
    for statement in filter(str.strip, TABLE.format(**vars(options)).split(";")):
        psql(statement)
    for number in range(1, options.rounds + 1):
        copy = measured(["psql", "-Xqc", r"\copy trades TO '/dev/null' (FORMAT binary)"], postmaster)
        with tempfile.TemporaryDirectory() as place:
            psql("DO $$ BEGIN IF to_regclass('loader.archive') IS NOT NULL THEN DELETE FROM loader.archive; END IF; END $$")
            archive = measured([TALLY, "archive", "--table", "trades", "--older-than", "1d", "--to", place, "--series", "symbol"], postmaster)
        said = "{:.2f} s, processors {:.2f} s of the program and {:.2f} s of the server"
        print(f"round {number}: COPY {said.format(*copy)}; archive {said.format(*archive)}, {archive[3]:.0f} MB; "
              f"rate {copy[0] / archive[0]:.2f}, by processors {sum(copy[1:3]) / sum(archive[1:3]):.2f}", flush=True)


main()
