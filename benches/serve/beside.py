#!/usr/bin/env -S python3 -B
"""The loader's rate with the service beside it, whose clients each follow a chart once a second, over its rate alone.

    scripts/cluster.py run --pg-config $(scripts/where.sh pg15) --set shared_buffers=1GB --set max_wal_size=8GB \\
        -- scripts/kafka/broker.py run -- benches/serve/beside.py [--rows 5000000] [--clients 4] [--rounds 5]

A topic is loaded again and again, in turn alone and with clients, into a table that is emptied between; the charts are of another table.
Prints both rates of each round and their ratio, and the median of the ratios. The clients' own time is Python's, and part of the burden.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/serve"))
from server import TALLY, Service, make_users, psql  # noqa: E402

TABLES = """
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tally;
CREATE TABLE ticks (at timestamptz, price float8);
INSERT INTO ticks SELECT now() - n * interval '1 second', sin(n / 1e3) FROM generate_series(1, 1000000) n;
CREATE INDEX ON ticks (at);
SELECT powertree_create('ticks', at => 'at', "values" => '{price}', leaf => '1 minute');
CALL powertree_compact('ticks');
GRANT SELECT ON ticks TO ann;
"""
LOAD = """
job = "beside_{turn}"
database = "{database}"
brokers = "{brokers}"
[[topic]]
name = "trades"
unknown_fields = "ignore"
columns = [
    {{ name = "exchange", type = "text" }}, {{ name = "symbol", type = "text" }}, {{ name = "price", type = "double precision" }},
    {{ name = "size", type = "double precision" }}, {{ name = "event_time", type = "timestamptz", from = "event_timestamp", unit = "ms" }},
]
"""


def load(turn, rows):
    """Load the whole topic; return the seconds."""
    psql("DROP TABLE IF EXISTS trades; CHECKPOINT")
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(LOAD.format(turn=turn, database=os.environ["DATABASE_URL"], brokers=os.environ["KAFKA_BROKERS"]))
        config.flush()
        began = time.monotonic()
        subprocess.run([TALLY, "load", "--config", config.name, "--until-end", "--quiet"], check=True, capture_output=True)
        seconds = time.monotonic() - began
    assert psql("SELECT count(*) FROM trades") == str(rows)
    return seconds


def follow(service, ended, asked):
    """A client that looks at the same chart once a second."""
    while not ended.wait(1):
        service.get("/api/v1/trees/ticks/zoom?value=price&points=1200")
        asked.append(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    make_users()
    psql(TABLES)
    market = TALLY.with_name("tally-market")
    subprocess.run([market, "simulate", "--brokers", os.environ["KAFKA_BROKERS"], "--topic", "trades", "--partitions", "8", "--count", str(options.rows)], check=True, capture_output=True)
    load("first", options.rows)
    ratios = []
    for turn in range(options.rounds):
        alone = load(f"{turn}_alone", options.rows)
        ended, asked = threading.Event(), []
        with Service() as service:
            clients = [threading.Thread(target=follow, args=(service, ended, asked)) for _ in range(options.clients)]
            for client in clients:
                client.start()
            beside = load(f"{turn}_beside", options.rows)
            ended.set()
            for client in clients:
                client.join()
        ratios.append(alone / beside)
        print(f"alone {options.rows / alone:.0f} rows/s, with {len(asked)} charts beside {options.rows / beside:.0f} rows/s, ratio {alone / beside:.3f}", flush=True)
    print(f"median of the ratios {statistics.median(ratios):.3f}")


main()
