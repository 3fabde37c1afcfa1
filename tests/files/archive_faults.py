#!/usr/bin/env -S python3 -B
"""Breaks the archive between every two of its steps, its store in every way, and lets two archives meet: no row is lost or doubled."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import unquote

from archiving import BUCKET, TALLY, check, environment, finish, objects, psql
from store_proxy import StoreProxy

# Found where archiving.py says.
import pyarrow.parquet

PROXY = StoreProxy(os.environ["AWS_ENDPOINT_URL"])
ROWS = 200
LARGE = 24


def make(name, database=None, hours=2):
    psql(f"""
        DROP TABLE IF EXISTS {name};
        CREATE TABLE {name} (at timestamptz NOT NULL, id bigint, x double precision) PARTITION BY RANGE (at);
        CREATE TABLE {name}_1 PARTITION OF {name} FOR VALUES FROM ('2024-03-01 00:00Z') TO ('2024-03-02 00:00Z');
        INSERT INTO {name} SELECT timestamptz '2024-03-01 05:00Z' + n * interval '{hours} hours' / {ROWS}, n, n / 7.0 FROM generate_series(0, {ROWS} - 1) AS n;
        SET client_min_messages = warning;
        SELECT powertree_create('{name}', at => 'at', "values" => '{{x}}', leaf => '1 hour')""", database=database)


def command(name, *options):
    return [str(TALLY), "archive", "--table", name, "--older-than", "1d", "--to", f"s3://tally/{name}", "--jobs", "1", *options]


def run(name, *options, **variables):
    """Run the program by way of the proxy; its exit code and all that it said."""
    return finish(command(name, *options), AWS_ENDPOINT_URL=PROXY.url, **variables)


def look(name, verb, *options):
    return finish([TALLY, "archive", verb, "--table", name, *options])


def ledger(name, what):
    return psql(f"SELECT {what} FROM loader.archive WHERE table_name = '\"public\".\"{name}\"'")


def answers(name):
    """Whether the table's power tree has all rows, wherever they are, once each."""
    of = "SELECT num_vals(t), sum(t), stddev(t), min(t), max(t) FROM"
    return psql(f"({of} powertree_tally('{name}', 'x', NULL::timestamptz, NULL) AS t) EXCEPT ({of} (SELECT tally((n / 7.0)::float8) FROM generate_series(0, {ROWS} - 1) AS n) AS e(t))") == ""


def is_whole(name):
    """Whether each row is in the table or in an object that the ledger calls dropped, no object is anything else than a slot's, and the tree has all rows."""
    there = int(psql(f"SELECT count(*) FROM {name}"))
    files = {str(path.relative_to(BUCKET / name)): pyarrow.parquet.ParquetFile(path).metadata for path in objects(name)}
    gone = ledger(name, "string_agg(concat_ws(' ', extract(hour FROM from_time AT TIME ZONE 'UTC'), rows), ',') FILTER (WHERE state = 'dropped')")
    dropped = 0
    for slot in filter(None, gone.split(",")):
        hour, rows = map(int, slot.split())
        dropped += rows
        about = files.get(f"{name}/year=2024/month=03/day=01/hour={hour:02}/{name}.parquet")
        if about is None or about.num_rows != rows:
            return False
    return there + dropped == ROWS and len(files) <= 2 and answers(name)


def is_ended(name):
    """Whether a run without faults drops all rows, and all come back."""
    code, said = run(name, "--drop")
    if code or not is_whole(name) or psql(f"SELECT count(*) FROM {name}") != "0" or len(objects(name)) > 2:
        return f"{code} {said}"
    psql(f"CREATE TABLE {name}_1 PARTITION OF {name} FOR VALUES FROM ('2024-03-01 00:00Z') TO ('2024-03-02 00:00Z')")
    code, said = look(name, "restore", "--from", "2024-03-01T00:00Z", "--to", "2024-03-02T00:00Z")
    is_same = psql(f"SELECT count(*) = {ROWS} AND count(DISTINCT id) = {ROWS} AND sum(x) = (SELECT sum((n / 7.0)::float8) FROM generate_series(0, {ROWS} - 1) n) FROM {name}")
    return "" if code == 0 and is_same == "t" and answers(name) else f"{code} {said} {is_same}"


def backends():
    pids = psql("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE application_name = 'tally archive'")
    return [int(pid) for pid in pids.split()]


def awake():
    """Wait until PostgreSQL has recovered and nothing of the run is left in it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        done = subprocess.run(["psql", "-XqAtc", "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tally archive'"], capture_output=True, text=True)
        if done.stdout.strip() == "0":
            return
        time.sleep(0.1)
    raise SystemExit("PostgreSQL did not come back")


def kill(process, victim):
    """Kill the program, or a server process of it, which makes PostgreSQL recover."""
    if victim == "program":
        process.kill()
    else:
        for pid in backends()[:1]:
            # It may have ended just now.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def requests():
    """A kill before and after each request to the store, of the program and of PostgreSQL."""
    make("count", hours=1)
    PROXY.begin()
    code, said = run("count", "--drop")
    number = len(PROXY.requests)
    yield check("a run without faults drops all", code == 0 and psql("SELECT count(*) FROM count") == "0", said)
    # Only a PUT changes anything that is there after it.
    whens = [("before", "after") if method == "PUT" else ("before",) for method, _ in PROXY.requests]
    cases = [(k, when, victim) for k in range(1, number + 1) for when in whens[k - 1] for victim in ("program", "server")]
    wrong = []
    for case, (k, when, victim) in enumerate(cases):
        name = f"request_{case}"
        make(name, hours=1)
        process, go = None, threading.Event()

        def strike():
            go.wait()
            kill(process, victim)

        def fault(at, method, path):
            if at != k:
                return None
            if when == "after":
                return strike
            strike()
            return "cut" if victim == "program" else None

        PROXY.begin(fault)
        process = subprocess.Popen(command(name, "--drop"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**environment(), "AWS_ENDPOINT_URL": PROXY.url})
        go.set()
        process.wait()
        awake()
        PROXY.begin()
        if not is_whole(name) or (what := is_ended(name)):
            wrong.append((k, when, victim, what if is_whole(name) else "not whole"))
    yield check(f"kills at {number} requests of the store lose and double nothing", not wrong, str(wrong))


def statements():
    """A kill in the transaction of each change of state, of the program and of PostgreSQL; rows go and come back with those that trees keep."""
    psql("""CREATE TABLE held AS SELECT ''::text AS state;
            CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.state = (SELECT state FROM public.held) THEN PERFORM pg_advisory_xact_lock(4711); END IF; RETURN NEW; END $$;
            CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON loader.archive FOR EACH ROW EXECUTE FUNCTION hold()""")
    wrong = []
    for state in ("planned", "written", "verified", "dropped", "restored"):
        for victim in ("program", "server"):
            name = f"state_{state}_{victim}"
            make(name)
            words = command(name, "--drop")
            if state == "restored":
                run(name, "--drop")
                psql(f"CREATE TABLE {name}_1 PARTITION OF {name} FOR VALUES FROM ('2024-03-01 00:00Z') TO ('2024-03-02 00:00Z')")
                words = [str(TALLY), "archive", "restore", "--table", name, "--from", "2024-03-01T00:00Z", "--to", "2024-03-02T00:00Z"]
            holder = subprocess.Popen(["psql", "-XqAt", "-c", "SELECT pg_advisory_lock(4711)", "-c", "SELECT pg_sleep(600)"], stdout=subprocess.PIPE, text=True)
            holder.stdout.readline()
            psql(f"UPDATE held SET state = '{state}'")
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted"
            while psql(waiting) == "0" and process.poll() is None:
                time.sleep(0.02)
            is_held = process.poll() is None
            kill(process, victim)
            holder.kill()
            psql_quietly("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND granted")
            process.wait()
            awake()
            psql("UPDATE held SET state = ''")
            if not is_held or not is_whole(name) or (what := is_ended(name)):
                wrong.append((state, victim, is_held, what if is_held and is_whole(name) else "not whole"))
    psql("DROP TRIGGER hold ON loader.archive")
    yield check("kills within each change of the ledger lose and double nothing", not wrong, str(wrong))


def psql_quietly(sql):
    subprocess.run(["psql", "-XqAtc", sql], capture_output=True)


def unrecorded():
    """A run is killed between its new object and the ledger, and then the rows are deleted: the object has them all."""
    make("gap")
    run("gap")
    psql("INSERT INTO gap VALUES ('2024-03-01 05:30Z', -1, 1.5)")
    process = None

    def strike():
        process.kill()

    PROXY.begin(lambda number, method, path: strike if method == "PUT" else None)
    process = subprocess.Popen(command("gap"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**environment(), "AWS_ENDPOINT_URL": PROXY.url})
    process.wait()
    awake()
    PROXY.begin()
    state = ledger("gap", "string_agg(concat_ws(' ', state, rows), ',' ORDER BY from_time)")
    yield check("the ledger does not know the new object", state == f"planned {ROWS // 2},verified {ROWS // 2}", state)
    psql("DELETE FROM gap WHERE at < '2024-03-01 06:00Z'")
    code, said = run("gap")
    state = ledger("gap", "string_agg(concat_ws(' ', state, rows), ',' ORDER BY from_time)")
    yield check("the next run takes it over and proves it", code == 0 and state == f"verified {ROWS // 2 + 1},verified {ROWS // 2}", f"{said} {state}")
    code, said = look("gap", "verify")
    yield check("and it is what the table was", code == 0 and "verified 2 of 2" in said, said)


def store():
    """What may happen to a store is waited out, or named."""
    make("store")
    for what, fault in {
        "500": lambda number, method, path: 500 if number % 2 else None,
        "503": lambda number, method, path: 503 if number % 3 == 0 else None,
        "a request that is cut": lambda number, method, path: "cut" if number in (1, 4, 6) else None,
        "an answer that is lost": lambda number, method, path: (lambda: None) if number in (1, 5) else None,
    }.items():
        name = "store_" + what.replace(" ", "_").replace("that_", "")
        make(name)
        PROXY.begin(fault)
        code, said = run(name, "--drop")
        PROXY.begin()
        yield check(f"{what} is waited out", code == 0 and is_whole(name) and psql(f"SELECT count(*) FROM {name}") == "0", f"{code} {said}")
    make("refused_key")
    code, said = run("refused_key", "--drop", AWS_SECRET_ACCESS_KEY="wrong")
    yield check("a wrong key is named", code == 2 and "access denied" in said and is_whole("refused_key"), f"{code} {said}")
    code, said = finish(command("refused_key", "--drop"), LD_PRELOAD=str(next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), FAKETIME="+1h")
    yield check("a wrong clock is named", code == 2 and "clock" in said and is_whole("refused_key"), f"{code} {said}")
    yield check("what was refused is archived later", not is_ended("refused_key"))


def altered():
    """What a store gives back is not always what it was given."""
    make("altered")

    def alter(path):
        file = BUCKET.parent / unquote(path).lstrip("/")
        there = file.read_bytes()
        file.write_bytes(there[:60] + bytes(40) + there[100:])
        return True

    PROXY.begin(lambda number, method, path: (lambda: alter(path)) if method == "PUT" and path.endswith(".parquet") else None)
    code, said = run("altered", "--drop")
    PROXY.begin()
    yield check("an object that the store has altered is found, and its rows stay", code == 1 and "run the command again" in said and psql("SELECT count(*) FROM altered") == str(ROWS), f"{code} {said}")
    said = is_ended("altered")
    yield check("until it has been written again", not said, said)


def large():
    """Objects of many pieces, which stores cannot make on a condition."""
    psql(f"""CREATE TABLE large (at timestamptz NOT NULL, id int, code bytea); CREATE EXTENSION IF NOT EXISTS pgcrypto;
             ALTER TABLE large ALTER code SET STORAGE EXTERNAL;
             INSERT INTO large SELECT '2024-03-01 05:00Z', n, (SELECT string_agg(gen_random_bytes(1024), '') FROM generate_series(1, 1024) AS m WHERE n = n) FROM generate_series(1, {LARGE}) AS n""")
    faults = {
        "500": lambda number, method, path: 500 if method == "PUT" and "partNumber" in path and number % 2 else None,
        "a part that is cut": lambda number, method, path: "cut" if "partNumber=2" in path and number < 8 else None,
        "a lost answer of the last request": lambda number, method, path: (lambda: None) if method == "POST" and "uploadId" in path and number < 12 else None,
    }
    for what, fault in faults.items():
        psql("DELETE FROM loader.archive WHERE table_name LIKE '%large%'")
        subprocess.run(["rm", "-rf", BUCKET / "large", BUCKET.parents[1] / "metadata/tally/large"], check=True)
        PROXY.begin(fault)
        code, said = run("large")
        is_in_pieces = any("partNumber" in path for _, path in PROXY.requests)
        PROXY.begin()
        is_good = code == 0 and is_in_pieces and ledger("large", "concat_ws(' ', state, rows)") == f"verified {LARGE}" and len(objects("large")) == 1
        yield check(f"{what} is waited out with an object of many pieces", is_good, f"{code} {said}")
    psql("INSERT INTO large VALUES ('2024-03-01 05:30Z', 0, 'late')")
    code, said = run("large")
    yield check("such an object is replaced", code == 0 and ledger("large", "concat_ws(' ', state, rows)") == f"verified {LARGE + 1}", said)
    psql("UPDATE loader.archive SET id = gen_random_uuid(), state = 'planned', etag = NULL WHERE table_name LIKE '%large%'")
    code, said = run("large")
    yield check("but not by another archive", code == 1 and "another archive has this slot" in said, said)


def rivals():
    """Two databases archive tables of the same name to the same place at once."""
    psql("CREATE DATABASE rival")
    psql("CREATE EXTENSION pg_tally", database="rival")
    for turn in range(4):
        name = f"rivals_{turn}"
        make(name)
        make(name, database="rival")
        psql(f"UPDATE {name} SET id = -id", database="rival")
        both = [subprocess.Popen(command(name, "--drop"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**environment(), "DATABASE_URL": f"dbname={database}"})
                for database in (os.environ.get("PGDATABASE", "postgres"), "rival")]
        said = [process.communicate()[0] for process in both]
        owners = {json.loads(pyarrow.parquet.ParquetFile(path).metadata.metadata[b"pg_tally.archive"])["id"] for path in objects(name)}
        sql = f"SELECT id || ' ' || state FROM loader.archive WHERE table_name LIKE '%{name}%'"
        ledgers = [dict(line.split() for line in psql(sql, database=database).splitlines()) for database in (None, "rival")]
        dropped = {key for one in ledgers for key, state in one.items() if state in ("verified", "dropped")}
        rows = [int(psql(f"SELECT count(*) FROM {name}", database=database)) for database in (None, "rival")]
        is_kept = all(there == ROWS or set(one.values()) == {"dropped"} for there, one in zip(rows, ledgers))
        yield check(f"one of two archives has each object, in turn {turn + 1}", dropped <= owners and is_kept and any("another" in one for one in said), f"{said} {rows} {ledgers}")


def main():
    stories = [requests, statements, unrecorded, store, altered, large, rivals]
    passed = [one for story in stories if story.__name__ in sys.argv[1:] or not sys.argv[1:] for one in story()]
    sys.exit(0 if all(passed) else 1)


psql("CREATE EXTENSION IF NOT EXISTS pg_tally")
# Makes the ledger.
make("first")
run("first")
main()
