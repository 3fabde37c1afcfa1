#!/usr/bin/env -S python3 -B
"""Tests the events of `tally serve` with a real Kafka, schema registry and PostgreSQL, all of which it also breaks; names
of tests run only those.

    scripts/cluster.py run -- scripts/kafka/broker.py run -- scripts/kafka/registry.py run -- tests/serve/events.py [NAME…]
"""

import json
import os
import struct
import sys
import time
from pathlib import Path

from run import attempt
from server import PASSWORDS, Service, database, prepare, psql, wait_until
from streams import Frames, Lines, Refused
from topics import Producer, forget, register, server

TABLES = """
SET ROLE owner;
CREATE TABLE ticks (symbol text, n bigint, price float8, note text);
CREATE TABLE trades (id bigint, symbol text);
GRANT SELECT ON ticks, trades TO ann;
GRANT SELECT (symbol, n) ON ticks TO web;
RESET ROLE;
"""

BOTH = (Lines, Frames)
PATH = "/api/v1/events/ticks"


def service():
    top = f"job = 'events'\nbrokers = '{os.environ['KAFKA_BROKERS']}'\n"
    config = f"""streams_per_user = 6
        [serve.anonymous]
        database = '{database("web")}'
        [[serve.events]]
        topic = 'ticks'
        key = 'symbol'
        memory_mb = 1
        rights_seconds = 1
        [[serve.events]]
        topic = 'trades'
        key = 'symbol'
        [registry]
        url = '{os.environ["REGISTRY_URL"]}'
        [[topic]]
        name = 'ticks'
        [[topic]]
        name = 'trades'
        format = 'avro'
        unknown_fields = 'ignore'"""
    return Service(config, top=top)


def tick(symbol, n, **more):
    return {"symbol": symbol, "n": n, "price": n / 4, **more}


def numbers(stream, symbol):
    return [row["n"] for row in stream.rows() if row["symbol"] == symbol]


def refused(make, status):
    try:
        make()
    except Refused as refusal:
        assert refusal.status == status, refusal
        return refusal.body
    raise AssertionError(f"it was not refused with {status}")


def has(symbol, count):
    return lambda stream: len(numbers(stream, symbol)) >= count


def rights(at, ticks):
    assert [topic["topic"] for topic in at.get("/api/v1/events")] == ["ticks", "trades"]
    assert at.get("/api/v1/events", user=None) == [{"topic": "ticks", "key": "symbol", "tables": {"ticks": ["symbol", "n"]}}]
    assert at.get("/api/v1/events", user="nobody") == []
    for form in BOTH:
        refused(lambda: form(at, PATH, user="nobody"), 403)
        refused(lambda: form(at, "/api/v1/events/none"), 404)
        refused(lambda: form(at, f"{PATH}?after=0:999999999"), 422)
        refused(lambda: form(at, f"{PATH}?after=x"), 422)
        refused(lambda: form(at, f"{PATH}?kee=x"), 400)
    assert at.ask("GET", PATH, headers={"Accept": "application/json"})[0] == 406
    streams = [form(at, PATH, user=user) for form in BOTH for user in ("ann", None)]
    ticks.send(tick("rights", 1, note="<é\n>"))
    for stream in streams:
        stream.read_until(has("rights", 1))
    seen = [next(row for row in stream.rows() if row["symbol"] == "rights") for stream in streams]
    assert [row for row in seen if "price" in row] == [{"symbol": "rights", "n": 1, "price": 0.25, "note": "<é\n>"}] * 2
    assert [row for row in seen if "price" not in row] == [{"symbol": "rights", "n": 1}] * 2
    # What is revoked, or chosen by policies from now on, ends the streams.
    for spoil, mend, losers in (
        ("REVOKE SELECT ON ticks FROM ann", "GRANT SELECT ON ticks TO ann", (0, 2)),
        ("ALTER TABLE ticks ENABLE ROW LEVEL SECURITY", "ALTER TABLE ticks DISABLE ROW LEVEL SECURITY", (1, 3)),
    ):
        psql(spoil)
        for place in losers:
            assert streams[place].read_until(lambda stream: stream.ended), "it goes on"
            assert streams[place].ended["status"] == 403, streams[place].ended
            if isinstance(streams[place], Frames):
                streams[place].read_until(lambda stream: stream.code)
                assert streams[place].code == 1008
        body = refused(lambda: Lines(at, PATH), 403)
        assert "permission" in body["title"] or "row security" in body["title"], body
        psql(mend)


def choice(at, ticks):
    for form in BOTH:
        stream = form(at, f"{PATH}?key=a%26&key=c")
        ticks.send(*(tick(symbol, n) for n in range(5) for symbol in ("a&", "b", "c")), "end of b: not JSON", tick("c", 99))
        stream.read_until(lambda stream: 99 in numbers(stream, "c"))
        stream.read_until(lambda stream: len(stream.rows()) == 11 and any("error" in event for event in stream.events))
        assert {row["symbol"] for row in stream.rows()} == {"a&", "c"}
        stream.close()


def refusals(at, ticks):
    whole, part = Frames(at, PATH), Lines(at, PATH, user=None)
    ticks.send("{ this is secret", {"symbol": "r", "n": "secret"}, tick("r", 3))
    for stream in (whole, part):
        stream.read_until(lambda stream: has("r", 1)(stream) and sum("error" in event for event in stream.events) == 2)
        errors = [event["error"] for event in stream.events if "error" in event]
        assert sorted(error["sqlstate"] for error in errors) == ["22032", "22P02"], errors
        assert all(":" in event["id"] for event in stream.events)
        assert ("secret" in json.dumps(errors)) == (stream is whole), errors
        stream.close()


def talkers(at, ticks):
    """Clients have nothing to say: what is long, or no frame, ends the stream, before it has been taken into memory."""
    said = {"a frame of 16 MB that has only begun": b"\x82\xff" + struct.pack(">Q", 16 << 20) + bytes(4) + bytes(100), "no mask": b"\x81\x01x", "no frame": b"\xff" * 100,
            "fragments": (b"\x01\xfe" + struct.pack(">H", 3000) + bytes(3004)) + (b"\x00\xfe" + struct.pack(">H", 3000) + bytes(3004))}
    for what, words in said.items():
        stream = Frames(at, PATH)
        stream.socket.sendall(words)
        stream.socket.settimeout(10)
        try:
            while True:
                stream.read()
        except TimeoutError:
            raise AssertionError(f"{what}: the stream goes on") from None
        except (EOFError, ConnectionError):
            stream.close()
    stream = Frames(at, PATH)
    stream.socket.sendall((b"\x81\x80" + bytes(4)) * 1000)
    ticks.send(tick("talkers", 1))
    stream.read_until(has("talkers", 1))
    stream.close()


def resume(at, ticks):
    for form in BOTH:
        name = f"resume {form.__name__}"
        only = f"key={name.replace(' ', '%20')}"
        stream, together = form(at, PATH), []
        first = stream.began
        for part in range(4):
            ticks.send(*(tick(name, 100 * part + n) for n in range(100)))
            # Some are left for the next stream, which comes after all have.
            wanted = 60 if part < 3 else 400 - len(together)
            stream.read_until(has(name, wanted))
            together += numbers(stream, name)
            stream.close()
            # By either way to say it.
            where = {"headers": {"Last-Event-ID": stream.after}} if part % 2 else {}
            stream = form(at, PATH if part % 2 else f"{PATH}?after={stream.after}", **where)
        stream.close()
        assert sorted(together) == list(range(400)), "each once"
        for begin in (f"after={first}", "last=1000000"):
            again = form(at, f"{PATH}?{begin}&{only}")
            again.read_until(has(name, 400))
            assert sorted(numbers(again, name)) == list(range(400))
            again.close()


def older(at, ticks):
    """Ten times of what is kept: a reader of its own brings a client from the beginning to what comes."""
    first = Frames(at, PATH)
    wide = "x" * 5000
    # No faster than a client that keeps up.
    for begin in range(0, 2000, 100):
        ticks.send(*(tick("older", n, note=wide) for n in range(begin, begin + 100)))
        first.read_until(has("older", begin + 100))
    late = Lines(at, f"{PATH}?after={first.began}")
    late.read_until(has("older", 2000))
    ticks.send(tick("older", 2000))
    late.read_until(has("older", 2001))
    assert sorted(numbers(late, "older")) == list(range(2001)) and not late.missed
    first.close()
    late.close()


def gone(at, ticks):
    """Who was away for longer than Kafka keeps messages is told which are gone, and goes on."""
    for form in BOTH:
        stream = form(at, PATH)
        began = stream.began
        ticks.send(*(tick("gone", n) for n in range(50)))
        stream.read_until(has("gone", 50))
        stream.close()
        forget("ticks", began)
        ticks.send(tick("gone", 50))
        late = form(at, f"{PATH}?after={began}")
        late.read_until(has("gone", 1))
        assert numbers(late, "gone") == [50], numbers(late, "gone")
        told = {f"{part['partition']}:{offset}" for missed in late.missed for part in missed["offsets"] for offset in range(part["from"], part["to"] + 1)}
        assert told == {event["id"] for event in stream.events} and sum(missed["count"] for missed in late.missed) == 50, late.missed
        late.close()


def slow(at, ticks):
    count, wide = 6000, "x" * 5000
    before = at.metrics()
    idle, busy = Frames(at, PATH, receive_buffer=4096), Frames(at, PATH)
    for begin in range(0, count, 100):
        ticks.send(*(tick("slow", n, note=wide) for n in range(begin, begin + 100)))
        busy.read_until(has("slow", begin + 100))
    assert sorted(numbers(busy, "slow")) == list(range(count)) and not busy.missed, ("the others miss nothing", busy.missed)
    assert at.memory() < 200, at.memory()
    ticks.send(tick("slow", count))
    idle.read_until(lambda stream: count in numbers(stream, "slow"))
    seen = numbers(idle, "slow")
    assert idle.missed and len(seen) == len(set(seen))
    told = sum(missed["count"] for missed in idle.missed)
    assert told == count + 1 - len(seen), (told, len(seen))
    # The offsets that it was told of are those that it lacks.
    offsets = {tuple(map(int, event["id"].split(":"))) for event in idle.events}
    gone = {(part["partition"], offset) for missed in idle.missed for part in missed["offsets"] for offset in range(part["from"], part["to"] + 1)}
    assert not offsets & gone and len(gone) == told, (len(gone), told)
    counts = {name: number - before.get(name, 0) for name, number in at.metrics().items() if name.startswith("tally_serve_stream_")}
    kind = '{kind="events"}'
    assert counts[f"tally_serve_stream_missed_total{kind}"] == told and counts[f"tally_serve_stream_late_total{kind}"] == len(idle.missed), counts
    # The last event may still be on its way to the other.
    assert counts[f"tally_serve_stream_events_total{kind}"] - len(idle.events) in (count, count + 1), (counts, len(idle.events))
    idle.close()
    busy.close()


def session(at, ticks):
    for form in BOTH:
        _, headers, _ = at.ask("POST", "/api/v1/session", {"user": "ann", "password": PASSWORDS["ann"]}, user=None)
        cookie = {"Cookie": headers["Set-Cookie"].split(";")[0]}
        stream = form(at, PATH, user=None, headers=cookie)
        ticks.send(tick("session", 1))
        stream.read_until(has("session", 1))
        assert "price" in stream.rows()[-1]
        assert at.ask("DELETE", "/api/v1/session", user=None, headers={**cookie, "Sec-Fetch-Site": "same-origin"})[0] == 204
        assert stream.read_until(lambda stream: stream.ended)
        assert stream.ended["status"] == 401, stream.ended


def sites(at, _ticks):
    host = f"{at.address}:{at.port}"
    for origin in ("http://evil.example.org", "null"):
        refused(lambda: Frames(at, PATH, headers={"Origin": origin}), 403)
    Frames(at, PATH, headers={"Origin": f"http://{host}"}).close()
    refused(lambda: Frames(at, PATH, headers={"Sec-WebSocket-Version": "7"}), 400)
    wait_until(lambda: can(at, 6), "streams that have ended still count")


def can(at, count):
    """Whether a user may have just so many streams."""
    streams = []
    try:
        for _ in range(count):
            streams.append(Lines(at, PATH))
        refused(lambda: Lines(at, PATH), 429)
        return True
    except Refused:
        return False
    finally:
        for stream in streams:
            stream.close()


def avro(at, _ticks):
    producer = Producer("trades")

    def message(number, n, symbol, more=""):
        # Numbers below 64 and short texts are the same bytes in Avro and in UTF-8.
        return "\0\0\0\0" + chr(number) + chr(2 * n) + chr(2 * len(symbol)) + symbol + more

    fields = [{"name": "id", "type": "long"}, {"name": "symbol", "type": "string"}]
    first = register("trades", {"type": "record", "name": "trade", "fields": fields})
    second = register("trades", {"type": "record", "name": "trade", "fields": [*fields, {"name": "note", "type": ["string", "null"], "default": ""}]})
    producer.send(message(first, 1, "old"))
    wait_until(lambda: opens(at, "/api/v1/events/trades"), "the topic does not come", 120)
    streams = [form(at, "/api/v1/events/trades?key=BTC") for form in BOTH]
    producer.send(message(first, 2, "BTC"), message(first, 3, "ETH"), message(second, 6, "BTC", "\0\4no"), "no Avro")
    for stream in streams:
        stream.read_until(lambda stream: len(stream.events) == 3)
        rows = sorted(stream.rows(), key=lambda row: row["id"])
        assert rows == [{"id": 2, "symbol": "BTC"}, {"id": 6, "symbol": "BTC"}], stream.events
        assert [event["error"]["sqlstate"] for event in stream.events if "error" in event] == ["22P03"]
        stream.close()
    producer.close()


def opens(at, path):
    try:
        Lines(at, path).close()
        return True
    except Refused as refusal:
        assert refusal.status == 503, refusal
        return False


def kafka_away(at, ticks):
    streams = [form(at, PATH) for form in BOTH]
    ticks.send(tick("kafka", 0))
    for stream in streams:
        stream.read_until(has("kafka", 1))
    server("kafka/broker.py", "kill", os.environ["KAFKA_DIRECTORY"])
    time.sleep(2)
    server("kafka/broker.py", "start", os.environ["KAFKA_DIRECTORY"])
    ticks.send(*(tick("kafka", n) for n in range(1, 100)))
    for stream in streams:
        stream.read_until(lambda stream: set(numbers(stream, "kafka")) == set(range(100)), 110)
        assert not stream.missed and not stream.ended
        stream.close()


def postgres_away(at, ticks):
    directory = Path(os.environ["PGHOST"]).parent
    stream = Frames(at, PATH)
    server("cluster.py", "kill", directory)
    refused(lambda: Lines(at, PATH), 503)
    time.sleep(3)
    ticks.send(tick("postgres", 1))
    stream.read_until(has("postgres", 1))
    server("cluster.py", "start", directory)
    psql("REVOKE SELECT ON ticks FROM ann")
    assert stream.read_until(lambda stream: stream.ended), "rights are asked again"
    assert stream.ended["status"] == 403, stream.ended
    psql("GRANT SELECT ON ticks TO ann")


def columns(at, ticks):
    """A column that is added is seen once the tables were looked at again."""
    psql("ALTER TABLE ticks ADD COLUMN side text", "owner")
    stream = Lines(at, PATH)
    until = time.monotonic() + 90
    n = 0
    while not any("side" in row for row in stream.rows()):
        assert time.monotonic() < until, stream.events[-1]
        n += 1
        ticks.send(tick("columns", n, side="buy"))
        stream.read_until(has("columns", n))
    assert stream.rows()[-1]["side"] == "buy"
    stream.close()


TESTS = [rights, choice, refusals, talkers, resume, older, gone, slow, session, sites, avro, columns, kafka_away, postgres_away]


def main():
    chosen = sys.argv[1:]
    prepare()
    psql(TABLES)
    ticks = Producer("ticks")
    ticks.send(tick("first", 0))
    failed = False
    with service() as at:
        wait_until(lambda: opens(at, PATH), "the topic does not come", 120)
        for test in TESTS:
            if not chosen or test.__name__ in chosen:
                failed |= attempt(test.__name__, test, at, ticks)
        # The service stops although somebody listens.
        stream = Frames(at, PATH)
    failed |= attempt("stops", lambda: stream.read_until(lambda stream: stream.ended and stream.code == 1013))
    ticks.close()
    sys.exit(failed)


main()
