#!/usr/bin/env -S python3 -B
"""The loader against Debezium's JDBC sink on Kafka Connect, and Avro against JSON, on a real Kafka and PostgreSQL.

    make bench-debezium                              or, inside a cluster, a broker and a registry as there:
    benches/loader/debezium.py [--rows N] [--own-rows M]

The peers read one topic: market trades in four partitions, JSON with the schema in each message, as Connect's converter wants it.
They write the same unindexed table. The sink works as its users tune it: batches of 3000, polls of 5000, a task for each
partition, inserts rewritten to many rows. The loader then reads the same trades as plain JSON and as Avro.
Each prints its rate over the second half of the rows, when virtual machines are warm, and the most memory that it held.
Only the ratios mean anything elsewhere.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

from process import where

PARTITIONS = 4
QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
START_SECONDS = 90
TALLY = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/tally"
BROKERS, REGISTRY, DATABASE = (os.environ[name] for name in ("KAFKA_BROKERS", "REGISTRY_URL", "DATABASE_URL"))
JDBC = DATABASE.replace("postgres://postgres@", "jdbc:postgresql://")
FIELDS = {
    "exchange": ("text", {"type": "string"}),
    "symbol": ("text", {"type": "string"}),
    "price": ("double precision", {"type": "double"}),
    "size": ("double precision", {"type": "double"}),
    "taker_side": ("text", {"type": "string"}),
    "trade_id": ("text", {"type": "string"}),
    "event_timestamp": ("bigint", {"type": "int64"}),
    "atom_timestamp": ("bigint", {"type": "int64"}),
}
TABLE = ", ".join(f"{name} {column}" for name, (column, _) in FIELDS.items())
SCHEMA = {"type": "struct", "fields": [{"field": name, **kind} for name, (_, kind) in FIELDS.items()]}

SINK = {
    "name": "sink",
    "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
    "tasks.max": PARTITIONS,
    "topics": "enveloped",
    "connection.url": f"{JDBC}?reWriteBatchedInserts=true",
    "connection.username": "postgres",
    "connection.password": "none",
    "collection.name.format": "trades",
    "insert.mode": "insert",
    "primary.key.mode": "none",
    "schema.evolution": "none",
    "batch.size": 3000,
    "consumer.override.max.poll.records": 5000,
}


def sql(statement):
    command = ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-c", statement]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def properties(path, values):
    path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    return path


def simulate(topic, rows, *options):
    command = [TALLY.with_name("tally-market"), "simulate", "--brokers", BROKERS, "--topic", topic, "--partitions", PARTITIONS]
    command = [*command, "--count", rows, "--symbols", 200, *options]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kafka(tool, *options):
    """The command line of one of Kafka's tools."""
    return ["java", QUIET, "-cp", f"{where('kafka')}/*", f"org.apache.kafka.tools.{tool}", "--bootstrap-server", BROKERS, *map(str, options)]


def envelop(rows):
    """Copy the topic of plain trades, with keys and partitions, to one with the schema in each message."""
    create = kafka("TopicCommand", "--create", "--topic", "enveloped", "--partitions", PARTITIONS)
    subprocess.run(create, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    consume = kafka("consumer.ConsoleConsumer", "--topic", "plain", "--from-beginning", "--max-messages", rows)
    consume += ["--property", "print.key=true"]
    produce = kafka("ConsoleProducer", "--topic", "enveloped", "--property", "parse.key=true")
    head, tail = f'{{"schema":{json.dumps(SCHEMA)},"payload":'.encode(), b"}\n"
    with (
        subprocess.Popen(consume, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source,
        subprocess.Popen(produce, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as target,
    ):
        for line in source.stdout:
            key, value = line.rstrip(b"\n").split(b"\t", 1)
            target.stdin.write(key + b"\t" + head + value + tail)
        target.stdin.close()
        if target.wait():
            sys.exit("the topic with the schemas cannot be produced")


def sink(directory):
    """Kafka Connect with the sink."""
    worker = {
        "bootstrap.servers": BROKERS,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "true",
        "offset.storage.file.filename": directory / "connect.offsets",
        "offset.flush.interval.ms": 10000,
        "connector.client.config.override.policy": "All",
        "consumer.auto.offset.reset": "earliest",
        "listeners": "HTTP://127.0.0.1:0",
        "plugin.discovery": "only_scan",
    }
    worker = properties(directory / "worker.properties", worker)
    connect = properties(directory / "sink.properties", SINK)
    command = ["java", "-Xmx2g", "-cp", f"{where('debezium')}/*", "org.apache.kafka.connect.cli.ConnectStandalone"]
    return [*command, worker, connect]


def loader(directory, topic, path="", rest=""):
    """The loader, taking the fields from this path in the messages."""
    columns = ", ".join(
        f"{{ name = '{name}', type = '{column}', from = '{path}{name}' }}" for name, (column, _) in FIELDS.items()
    )
    config = f"""
        job = 'bench_{topic}_{time.time_ns()}'
        database = '{DATABASE}'
        brokers = '{BROKERS}'
        [[topic]]
        name = '{topic}'
        table = 'trades'
        unknown_fields = 'ignore'
        columns = [{columns}]
        {rest}
    """
    file = directory / "load.toml"
    file.write_text(config)
    return [TALLY, "load", "--quiet", "--config", file]


def measure(what, command, rows, log):
    """Run until the table has all the rows; the rate and the peak of memory."""
    sql("DROP TABLE IF EXISTS trades")
    sql(f"CREATE TABLE trades ({TABLE})")
    sql("CHECKPOINT")
    with open(log, "ab") as output, subprocess.Popen(list(map(str, command)), stdout=output, stderr=output) as process:
        try:
            begin = time.monotonic()
            while (stored := int(sql("SELECT count(*) FROM trades"))) < rows:
                if process.poll() is not None or (not stored and time.monotonic() - begin > START_SECONDS):
                    sys.exit(f"{what} stores nothing; {log.read_text()[-3000:]}")
                time.sleep(1)
            status = Path(f"/proc/{process.pid}/status").read_text()
        finally:
            process.send_signal(signal.SIGTERM)
    peak = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
    commits, rows_of_half, seconds = sql(
        """WITH commits AS (SELECT pg_xact_commit_timestamp(xmin) AS at, count(*) AS n FROM trades GROUP BY xmin),
               summed AS (SELECT at, n, sum(n) OVER (ORDER BY at) AS stored, sum(n) OVER () AS rows FROM commits),
               half AS (SELECT * FROM summed WHERE 2 * stored >= rows)
           SELECT (SELECT count(*) FROM commits), max(stored) - min(stored), extract(epoch FROM max(at) - min(at)) FROM half"""
    ).split("|")
    rate = int(rows_of_half) / float(seconds)
    print(f"{what:40} {rate:9.0f} rows/s, {commits:>4} commits, at most {peak:5.0f} MiB", flush=True)
    return rate


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=300_000, help="trades for the comparison with the sink")
    parser.add_argument("--own-rows", type=int, default=1_000_000, help="trades for JSON against Avro")
    parser.add_argument("--rounds", type=int, default=3, help="of JSON against Avro")
    options = parser.parse_args()
    if sql("SHOW track_commit_timestamp") != "on":
        sys.exit("the cluster must be started with track_commit_timestamp=on")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        log = directory / "log"
        simulate("plain", options.rows)
        envelop(options.rows)
        peer = measure("Debezium's sink, JSON with schema", sink(directory), options.rows, log)
        ours = measure("loader, the same messages", loader(directory, "enveloped", "payload."), options.rows, log)
        print(f"{'ratio':40} {ours / peer:9.1f}")
        simulate("json", options.own_rows)
        simulate("avro", options.own_rows, "--registry", REGISTRY)
        avro = f"format = 'avro'\n[registry]\nurl = '{REGISTRY}'"
        for _ in range(options.rounds):
            json_rate = measure("loader, JSON", loader(directory, "json"), options.own_rows, log)
            avro_rate = measure("loader, Avro", loader(directory, "avro", rest=avro), options.own_rows, log)
            print(f"{'ratio of Avro to JSON':40} {avro_rate / json_rate:9.2f}")


main()
