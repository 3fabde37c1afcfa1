#!/usr/bin/env -S python3 -B
"""Measures events: so many a second to so many websockets. Prints how long they take from before the producer until they
are in a client's hands, whether any is lost, and the processor time of the service.

    scripts/cluster.py run -- scripts/kafka/broker.py run -- benches/serve/events.py [--rate 10000] [--clients 50] [--seconds 30]

A frame counts with the time of its oldest event for all of its events, so that the figures are upper bounds. Kafka, PostgreSQL, its
clients and what produces run on the same machine.
"""

import argparse
import multiprocessing
import os
import re
import selectors
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/serve"))

from server import Service, database, prepare, psql
from streams import Frames, Refused
from topics import Producer

PATH = "/api/v1/events/ticks"
SENT = re.compile(rb'"sent":(\d+)')
# Processes that the clients share.
PROCESSES = 2
SYMBOLS = [f"SYM{n}" for n in range(100)]


def service():
    top = f"job = 'bench'\nbrokers = '{os.environ['KAFKA_BROKERS']}'\n"
    return Service(
        f"""streams_per_user = 1000
        [serve.anonymous]
        database = '{database("web")}'
        [[serve.events]]
        topic = 'ticks'
        key = 'symbol'
        [[topic]]
        name = 'ticks'""",
        top=top,
    )


def clients(at, count, total, ready, results):
    """Read with so many clients until each has all; the latencies as (microseconds, events)."""
    selector = selectors.DefaultSelector()
    seen = {}
    for _ in range(count):
        stream = Frames(at, PATH, user=None)
        seen[stream] = 0
        selector.register(stream.socket, selectors.EVENT_READ, stream)
    ready.release()
    latencies, missed, frames = [], 0, 0
    while seen:
        for key, _ in selector.select(30) or [(None, None)]:
            if key is None:
                results.put((latencies, missed, frames, sum(seen.values()), len(seen)))
                return
            stream = key.data
            stream.more()
            now = time.time_ns() // 1000
            while (content := whole_frame(stream)) is not None:
                missed += content.count(b'"missed"')
                number = content.count(b'{"id"')
                if number:
                    frames += 1
                    latencies.append((now - int(SENT.search(content)[1]), number))
                seen[stream] += number
            if seen[stream] >= total:
                selector.unregister(stream.socket)
                stream.close()
                del seen[stream]
    results.put((latencies, missed, frames, 0, 0))


def whole_frame(stream):
    """The next frame, if it is there."""
    data = stream.data
    if len(data) < 2:
        return None
    extended = {126: 2, 127: 8}.get(data[1], 0)
    if len(data) < 2 + extended:
        return None
    length = int.from_bytes(data[2 : 2 + extended], "big") if extended else data[1]
    end = 2 + extended + length
    if len(data) < end:
        return None
    stream.data = data[end:]
    return data[2 + extended : end]


def quantile(latencies, share):
    wanted = share * sum(number for _, number in latencies)
    for latency, number in sorted(latencies):
        wanted -= number
        if wanted <= 0:
            return latency / 1000
    return None


def processor_seconds(process):
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def produce(producer, rate, total):
    """Send at a steady rate, each with the time when it was."""
    began = time.monotonic()
    sent = 0
    while sent < total:
        due = min(total, int((time.monotonic() - began) * rate))
        if due > sent:
            now = time.time_ns() // 1000
            lines = (f'{{"symbol":"{SYMBOLS[n % 100]}","n":{n},"price":{n % 1000}.25,"size":{n % 7},"sent":{now}}}\n' for n in range(sent, due))
            producer.process.stdin.write("".join(lines))
            producer.process.stdin.flush()
            sent = due
        time.sleep(0.005)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    prepare()
    psql("CREATE TABLE ticks (symbol text, n bigint, price float8, size bigint, sent bigint); GRANT SELECT ON ticks TO web")
    producer = Producer("ticks")
    producer.send({"symbol": "first", "n": 0, "sent": 0})
    total = options.rate * options.seconds
    with service() as at:
        while True:
            try:
                Frames(at, PATH, user=None).close()
                break
            except Refused:
                time.sleep(0.5)
        ready, results = multiprocessing.Semaphore(0), multiprocessing.Queue()
        address = type("Address", (), {"address": at.address, "port": at.port})
        readers = [
            multiprocessing.Process(target=clients, args=(address, len(range(part, options.clients, PROCESSES)), total, ready, results))
            for part in range(PROCESSES)
        ]
        for reader in readers:
            reader.start()
        for _ in readers:
            ready.acquire()
        before = processor_seconds(at.process.pid)
        began = time.monotonic()
        produce(producer, options.rate, total)
        took = time.monotonic() - began
        latencies, missed, frames, lacking = [], 0, 0, 0
        for _ in readers:
            found = results.get()
            latencies += found[0]
            missed, frames, lacking = missed + found[1], frames + found[2], lacking + found[4]
        used = processor_seconds(at.process.pid) - before
        memory = at.memory()
    producer.close()
    delivered = sum(number for _, number in latencies)
    print(f"{total / took:.0f} events/s to {options.clients} clients for {took:.0f} s: {delivered} delivered of {total * options.clients}")
    print(f"clients that lack some: {lacking}; notices of missed events: {missed}")
    print("milliseconds: " + ", ".join(f"p{share * 100:g} {quantile(latencies, share):.0f}" for share in (0.5, 0.9, 0.99, 0.999, 1)))
    print(f"{delivered / frames:.0f} events a frame; the service took {used / took:.2f} processors and {memory:.0f} MB at most")


main()
