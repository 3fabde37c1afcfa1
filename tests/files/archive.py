#!/usr/bin/env -S python3 -B
"""Archives a table to object storage and restores it: with late rows, kills at any moment, and other programs that read the objects."""

import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from webhook import Webhook  # noqa: E402
from archiving import BUCKET, DAYS, ROWS, TALLY, archive, check, contents, environment, finish, make, objects, other, psql, states

# Found where archiving.py says.
import duckdb
import pyarrow.parquet

KILLS = 12


def copies():
    """Objects are what the table was, for every type and for other programs."""
    make("kinds")
    before = contents("kinds")
    code, said = archive("kinds")
    yield check("every hour has a proved object", code == 0 and states("kinds") == f"verified {DAYS * 24}" and len(objects("kinds")) == DAYS * 24, said)
    code, said = archive("kinds")
    yield check("a second run has nothing to do", code == 0 and said.startswith("archived 0 rows of 0 slots"), said)

    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    read = f"read_parquet('{BUCKET}/kinds/kinds/**/*.parquet', hive_partitioning = true, hive_types_autocast = false)"
    sums = "count(*), sum(price), sum(wide), sum(id), count(late), min(\"at\")::text, max(symbol), count(tags), sum(size), count(word)"
    found = db.sql(f"SELECT {sums.replace('::text', '::varchar')} FROM {read}").fetchall()[0]
    expected = psql(f"SELECT {sums} FROM kinds").split("|")
    yield check("DuckDB finds the same sums", [str(value) for value in found] == expected, f"{found} {expected}")
    wrong = f"SELECT count(*) FROM {read} WHERE strftime(\"at\", '%Y-%m-%d %H') <> year || '-' || month || '-' || day || ' ' || hour"
    yield check("rows are in the directory of their hour", db.sql(wrong).fetchall()[0] == (0,))
    file = pyarrow.parquet.ParquetFile(objects("kinds")[0])
    types = {field.name: str(field.type) for field in file.schema_arrow}
    wanted = {"at": "timestamp[us, tz=UTC]", "price": "decimal128(18, 4)", "wide": "decimal128(38, 10)", "any_number": "string", "day": "date32[day]", "size": "int32",
              "small": "int16", "feel": "string", "code": "binary"}
    yield check("pyarrow finds the types", {name: types.get(name) for name in wanted} == wanted, str(types))
    fields = {field.name: field.metadata.get(b"PARQUET:field_id") for field in file.schema_arrow}
    yield check("columns have numbers", fields["at"] == b"1" and fields["symbol"] == b"2", str(fields))
    rows = file.read(["symbol", "at"]).to_pylist()
    group = file.metadata.row_group(0)
    yield check("rows are sorted by series and time, and say so",
                rows == sorted(rows, key=lambda row: (row["symbol"], row["at"])) and [c.column_index for c in group.sorting_columns] == [1, 0])
    yield check("pages have an index", group.column(0).has_offset_index and group.column(0).has_column_index)
    yield check("each has a manifest", len(list((BUCKET / "kinds/kinds/_tally").glob("*.json"))) == DAYS * 24)

    code, said = other("verify", "kinds")
    yield check("all is verified", code == 0 and said.startswith(f"verified {DAYS * 24} of {DAYS * 24}"), said)
    hour = "table_name = '\"public\".\"kinds\"' AND from_time = '2024-03-01 05:00Z'"
    for what, other_value, complaint in (("hash", "reverse(hash)", "rows are not those of the table"),
                                         ("tallies", "tallies || jsonb_build_object('price', tallies -> 'ratio')", 'tally of column "price"')):
        psql(f"CREATE TABLE kept AS SELECT {what} AS it FROM loader.archive WHERE {hour}; UPDATE loader.archive SET {what} = {other_value} WHERE {hour}")
        code, said = other("verify", "kinds")
        is_planned = psql(f"SELECT state FROM loader.archive WHERE {hour}") == "planned"
        psql(f"UPDATE loader.archive SET {what} = (SELECT it FROM kept), state = 'verified' WHERE {hour}; DROP TABLE kept")
        yield check(f"an object whose {what} is wrong is written again, as the rows are there", is_planned, said)
        yield check(f"an object whose {what} PostgreSQL does not have is no copy", code == 1 and complaint in said, said)
    code, said = archive("kinds", "--drop")
    yield check("partitions are dropped", code == 0 and psql("SELECT count(*) FROM kinds") == "0" and states("kinds") == f"dropped {DAYS * 24}", said)
    code, said = other("verify", "kinds")
    yield check("what was dropped is verified", code == 0, said)
    for day in range(1, DAYS + 1):
        psql(f"CREATE TABLE kinds_{day} PARTITION OF kinds FOR VALUES FROM ('2024-03-0{day} 00:00Z') TO ('2024-03-0{day + 1} 00:00Z')")
    code, said = other("restore", "kinds", "--from", "2024-03-01T00:00Z", "--to", "2024-03-02T00:00Z")
    yield check("a day is restored", code == 0 and psql("SELECT count(*) FROM kinds") == str(ROWS // DAYS), said)
    code, said = other("restore", "kinds", "--from", "2024-03-01T00:00Z", "--to", "2024-03-02T00:00Z")
    yield check("it is not restored twice", code == 2 and "has rows of 2024-03-01T00 already" in said, said)
    code, said = other("restore", "kinds", "--from", "2024-03-02T00:00Z", "--to", "2024-03-05T00:00Z")
    yield check("what is restored is what was archived, byte for byte", code == 0 and contents("kinds") == before, said)
    code, said = archive("kinds", "--drop")
    yield check("what was restored can be dropped again", code == 0 and psql("SELECT count(*) FROM kinds") == "0", said)


def late():
    """Rows that come or change at any time are never lost."""
    make("late")
    archive("late")
    hour = "at >= '2024-03-02 05:00Z' AND at < '2024-03-02 06:00Z'"
    psql("INSERT INTO late (at, id, word) VALUES ('2024-03-01 05:30Z', -1, 'late')")
    psql(f"UPDATE late SET word = 'other' WHERE id = (SELECT min(id) FROM late WHERE {hour})")
    before = contents("late")
    code, said = archive("late", "--drop")
    left = psql("SELECT string_agg(DISTINCT at::date::text, ',') FROM late")
    yield check("a late row is archived, and a changed one keeps its partition",
                code == 1 and "archived 42 rows of 1 slots" in said and left == "2024-03-02" and "2024-03-02T05 are not those" in said, f"{said} {left}")
    code, said = archive("late", "--drop")
    yield check("the next run archives what changed, and drops it", code == 0 and psql("SELECT count(*) FROM late") == "0", said)
    psql("CREATE TABLE late_1 PARTITION OF late FOR VALUES FROM ('2024-03-01 00:00Z') TO ('2024-03-05 00:00Z')")
    psql("INSERT INTO late (at, id) VALUES ('2024-03-01 05:31Z', -2)")
    code, said = archive("late", "--drop")
    yield check("rows after the drop neither replace the object nor are dropped",
                code == 1 and "after the others were dropped" in said and psql("SELECT count(*) FROM late") == "1", said)
    psql("DELETE FROM late")
    code, said = other("restore", "late", "--from", "2024-03-01T00:00Z", "--to", "2024-03-05T00:00Z")
    yield check("all rows come back", code == 0 and contents("late") == before, said)

    psql("DELETE FROM late WHERE at < '2024-03-01 00:30Z'")
    code, said = archive("late", "--drop")
    yield check("an object keeps rows that are deleted in the table", code == 1 and "the object keeps them" in said, said)
    psql(f"UPDATE late SET word = 'third' WHERE {hour}")
    code, said = other("verify", "late")
    yield check("verify finds changed rows", code == 1 and "2024-03-02T05: rows have changed" in said, said)
    broken = next(path for path in objects("late") if "day=03/hour=07" in str(path))
    broken.write_bytes(broken.read_bytes()[:-100] + bytes(100))
    code, said = other("verify", "late")
    yield check("verify finds a broken object", code == 1 and "hour=07" in said, said)


def scattered():
    """Rows of an hour may be anywhere in a table, and more than fit into memory; an hour may have as many."""
    hours, rows = 48, 400_000
    psql("CREATE TABLE scattered (at timestamptz, id bigint, note text)")
    psql(f"INSERT INTO scattered SELECT timestamptz '2024-03-01 00:00Z' + n * 7919::bigint % {hours} * interval '1 hour' + n % 3600 * interval '1 second', n, repeat('x', 100)"
         f" FROM generate_series(1, {rows}) AS n")
    psql(f"INSERT INTO scattered SELECT '2024-03-05 00:30Z', -n, repeat('y', 100) FROM generate_series(1, {rows // 2}) AS n")
    with tempfile.TemporaryDirectory() as directory:
        code, said = finish([TALLY, "archive", "--table", "scattered", "--older-than", "1d", "--to", directory, "--series", "note"])
        yield check("every hour of a table without any order has an object", code == 0 and f"archived {rows * 3 // 2} rows of {hours + 1} slots" in said, said)
        code, said = other("verify", "scattered")
        yield check("with its rows", code == 0 and f"verified {hours + 1} of {hours + 1}" in said, said)
        found = duckdb.sql(f"SELECT count(*), count(DISTINCT id), sum(id), count(DISTINCT filename) FROM read_parquet('{directory}/**/*.parquet', filename = true)")
        total = rows * (rows + 1) // 2 - (rows // 2) * (rows // 2 + 1) // 2
        yield check("each of them once", found.fetchall() == [(rows * 3 // 2, rows * 3 // 2, total, hours + 1)], str(found))


def limited(time):
    """Let sessions be idle in a transaction for this time only."""
    psql(f'ALTER DATABASE "{psql("SELECT current_database()")}" SET idle_in_transaction_session_timeout = {time}')


def scans(table):
    """How often a table has been read from its beginning to its end."""
    # Sessions tell when they end.
    wait_for(lambda: psql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tally archive'") == "0")
    return int(psql(f"SELECT seq_scan FROM pg_stat_user_tables WHERE relname = '{table}'"))


def expected():
    """A table of which more rows are expected than are read in one snapshot is counted first, and tallied stretch by stretch."""
    psql("CREATE EXTENSION IF NOT EXISTS pg_tally; CREATE TABLE expected (at timestamptz, symbol text, price double precision) WITH (parallel_workers = 0, autovacuum_enabled = off)")
    psql("INSERT INTO expected SELECT timestamptz '2024-03-01 00:00Z' + n * interval '5 seconds', 'S', sin(n) FROM generate_series(0, 2999) AS n; ANALYZE expected")
    found = []
    for factor in (1, 1_000_000):
        psql(f"UPDATE pg_class SET reltuples = reltuples * {factor} WHERE relname = 'expected'")
        with tempfile.TemporaryDirectory() as directory:
            before = scans("expected")
            code, said = archive("expected", "--jobs", "1", place=directory)
            yield check("all rows are archived", code == 0 and "archived 3000 rows of 5 slots" in said, said)
            found.append((scans("expected") - before, psql("SELECT string_agg(tallies::text, ' ' ORDER BY from_time) FROM loader.archive WHERE table_name LIKE '%expected%'")))
            psql("DELETE FROM loader.archive WHERE table_name LIKE '%expected%'")
    yield check("it is read once more", found[1][0] == found[0][0] + 1 == 3, str(found))
    yield check("the tallies are the same", found[0][1] == found[1][1] and "price" in found[0][1], found[0][1])


def altered():
    """Who alters a table while its stretches are read waits for one of them, and none waits for him."""
    psql("CREATE TABLE altered AS SELECT timestamptz '2024-01-01 00:00Z' + n * interval '1 hour' AS at, 'S' AS symbol, n AS id FROM generate_series(1, 2300) AS n")
    with tempfile.TemporaryDirectory() as directory:
        whole = [TALLY, "archive", "--table", "altered", "--older-than", "1d", "--to", directory, "--jobs", "1"]
        with subprocess.Popen(whole, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            wait_for(lambda: int(psql("SELECT count(*) FROM loader.archive WHERE table_name LIKE '%altered%' AND state = 'verified'")) > 10)
            psql("SET statement_timeout = '60s'; ALTER TABLE altered ADD COLUMN more integer")
            yield check("it is altered while it is archived", process.poll() is None)
            try:
                said = process.communicate(timeout=60)[0]
            except subprocess.TimeoutExpired:
                process.kill()
                said = "it waits"
        yield check("all rows are archived", "archived 2300 rows of 2300 slots" in said, said)


def large():
    """Hours of more rows than are held in memory are read together, and sorted as a whole."""
    hours, rows, jobs, most = 6, 1_800_000, 2, 130
    psql("CREATE TABLE large (at timestamptz, symbol text, note text)")
    psql(f"INSERT INTO large SELECT timestamptz '2024-03-01 00:00Z' + n * interval '{hours} hours' / {rows}, 'S' || n % 50, repeat('x', 60) || n FROM generate_series(0, {rows} - 1) AS n")
    # The snapshot of the whole table is kept while others are at work.
    limited("'1s'")
    with tempfile.TemporaryDirectory() as directory:
        before = scans("large")
        whole = [TALLY, "archive", "--table", "large", "--older-than", "1d", "--to", directory, "--series", "symbol", "--jobs", str(jobs)]
        memory = 0
        with subprocess.Popen(whole, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            # Not by wait4, whose peak is also that of the process that became the program.
            while process.poll() is None:
                peak = [line.split()[1] for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
                memory = max([memory, *map(int, peak)])
                time.sleep(0.01)
            said = process.stdout.read()
        yield check("large hours are archived", process.returncode == 0 and f"archived {rows} rows of {hours} slots" in said, said)
        yield check(f"in {most} MB of memory", 0 < memory <= most * 1024, f"{memory // 1024} MB")
        limited("DEFAULT")
        seen = scans("large") - before
        # To tally the rows may take two workers more.
        yield check("the table is read once for its tallies and by each job once for its rows", seen <= 3 + jobs, str(seen))
        read = f"read_parquet('{directory}/**/*.parquet', filename = true, file_row_number = true)"
        wrong = f"SELECT (symbol, \"at\") < lag((symbol, \"at\")) OVER (PARTITION BY filename ORDER BY file_row_number) AS is_wrong FROM {read}"
        groups = [pyarrow.parquet.ParquetFile(path).num_row_groups for path in Path(directory).rglob("*.parquet")]
        yield check("each object is sorted from its beginning to its end", min(groups) > 1 and duckdb.sql(f"SELECT count(*) FROM ({wrong}) WHERE is_wrong").fetchall() == [(0,)])
        found = duckdb.sql(f"SELECT count(*), count(DISTINCT note) FROM {read}").fetchall()
        yield check("and has its rows once", found == [(rows, rows)], str(found))


def refusals():
    """What cannot be archived or dropped is refused with the reason."""
    make("refused")
    psql("CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.refused AS SELECT timestamptz '2024-03-01 00:10Z' AS at")
    finish([TALLY, "archive", "--table", "elsewhere.refused", "--older-than", "1d", "--to", "s3://tally/refused"])
    foreign = objects("refused")[0]
    other_bytes = foreign.read_bytes()
    code, said = archive("refused")
    yield check("an object of another table is not replaced", code == 1 and "another object" in said and foreign.read_bytes() == other_bytes, said)
    code, said = finish([TALLY, "archive", "--table", "refused", "--at", "at", "--older-than", "800000d", "--to", "s3://tally/refused"])
    yield check("a time before the year 1 is refused", code != 0 and "time is out of range" in said, said)
    # With what the server keeps beside it.
    for kept in (BUCKET, BUCKET.parents[1] / "metadata/tally"):
        shutil.rmtree(kept / "refused", ignore_errors=True)
    key = "hashtext('pg_tally archive'), hashtext('\"public\".\"refused\"')"
    with subprocess.Popen(["psql", "-XqAt", "-c", f"SELECT pg_advisory_lock({key})", "-c", "SELECT pg_sleep(600)"], stdout=subprocess.PIPE, text=True) as holder:
        holder.stdout.readline()
        code, said = archive("refused")
        holder.kill()
    yield check("one archive of a table is at work at a time", code == 1 and "another archive of this table" in said, said)
    deadline = time.monotonic() + 60
    while psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'") and time.monotonic() < deadline:
        time.sleep(0.1)
    code, said = archive("refused")
    yield check("then it can be copied", code == 0 and states("refused") == f"verified {DAYS * 24}", said)
    code, said = archive("refused", "--granularity", "day")
    yield check("another granularity is refused", code == 2 and "another granularity" in said, said)
    psql("CREATE TABLE plain (at timestamptz, x numeric(4,1)); INSERT INTO plain VALUES ('2024-01-01 00:00Z', 'NaN'), ('2024-01-02 00:00Z', 1.5)")
    with tempfile.TemporaryDirectory() as directory:
        code, said = finish([TALLY, "archive", "--table", "plain", "--older-than", "1d", "--to", directory, "--drop"])
        yield check("a plain table has nothing to drop", code == 2 and "not partitioned" in said, said)
        code, said = finish([TALLY, "archive", "--table", "plain", "--older-than", "1d", "--to", directory, "--granularity", "day"])
        yield check("a number that Parquet lacks is refused", code == 1 and 'column "x": Parquet has no such decimal' in said, said)
        psql("UPDATE plain SET x = NULL WHERE x = 'NaN'")
        code, said = finish([TALLY, "archive", "--table", "plain", "--older-than", "1d", "--to", directory, "--granularity", "day"])
        yield check("a directory is as good as a bucket", code == 0 and len(list(Path(directory).rglob("*.parquet"))) == 2, said)


def accidents():
    """Objects are moved, lost and brought back; a name has a slash, and partitions have no finite ends."""
    psql("""CREATE TABLE "odd/name" (at timestamptz NOT NULL, id bigint) PARTITION BY RANGE (at);
        CREATE TABLE odd_before PARTITION OF "odd/name" FOR VALUES FROM ('-infinity') TO ('2024-03-01Z');
        CREATE TABLE odd_1 PARTITION OF "odd/name" FOR VALUES FROM ('2024-03-01Z') TO ('2024-03-03Z');
        CREATE TABLE odd_after PARTITION OF "odd/name" FOR VALUES FROM ('2024-03-03Z') TO ('infinity');
        INSERT INTO "odd/name" SELECT timestamptz '2024-03-01Z' + n * interval '1 hour', n FROM generate_series(0, 71) AS n""")
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory) / "place"
        whole = [TALLY, "archive", "--table", '"odd/name"', "--older-than", "1d", "--to", f"file://{place}", "--granularity", "day"]
        code, said = finish([*whole, "--drop"])
        left = psql("SELECT string_agg(relname, ' ') FROM pg_class WHERE relispartition AND relname ~ '^odd_'")
        yield check("partitions with finite ends are dropped", code == 0 and left == "odd_after", f"{said} {left}")
        yield check("objects of a table are below one directory", [len(path.relative_to(place).parts) for path in place.rglob("*.parquet")] == [5] * 3)
        code, said = finish([*whole[:-3], "file://place"])
        yield check("an address of a file has no relative path", code == 2 and "no relative path" in said, said)

        shutil.copytree(place, Path(directory) / "copy")
        shutil.rmtree(place)
        shutil.copytree(Path(directory) / "copy", place)
        verify = [TALLY, "archive", "verify", "--table", '"odd/name"']
        code, said = finish(verify)
        # The next run writes again what is in the table; the two days that were dropped are nowhere else.
        yield check("objects that were replaced are not taken for the same", code == 1 and "verified 0 of 3" in said and "--moved" in said, said)
        lost = next(place.rglob("day=02/*.parquet"))
        bytes_of_lost = lost.read_bytes()
        lost.write_bytes(bytes_of_lost[:4] + bytes(byte ^ 255 for byte in bytes_of_lost[4:200]) + bytes_of_lost[200:])
        code, said = finish([*verify, "--moved"])
        yield check("nor are those whose rows are others", code == 1 and "verified 1 of 2" in said, said)
        lost.write_bytes(bytes_of_lost)
        code, said = finish([*verify, "--moved"])
        yield check("objects that were moved are known by their rows", code == 0 and "verified 2 of 2" in said and finish(verify)[0] == 0, said)
        psql("""CREATE TABLE odd_2 PARTITION OF "odd/name" FOR VALUES FROM ('2024-03-01Z') TO ('2024-03-03Z')""")
        code, said = finish([TALLY, "archive", "restore", "--table", '"odd/name"', "--from", "2024-03-01T00:00Z", "--to", "2024-03-03T00:00Z"])
        yield check("and restored", code == 0 and psql('SELECT count(*) || \' \' || sum(id) FROM "odd/name"') == "72 2556", said)
        lost.unlink()
        code, said = finish([*whole, "--drop"])
        yield check("a partition whose object is lost stays", code == 1 and "tally archive verify" in said, said)
        code, said = finish(verify)
        yield check("verify misses the object", code == 1 and "no such object" in said, said)
        code, said = finish(whole)
        yield check("it is written again, as the rows are there", code == 0 and lost.exists() and finish(verify)[0] == 0, said)


def ahead():
    """A table gets the next partitions, loses the old ones, and refuses where it cannot be known what is next."""
    psql("CREATE TABLE cared (at timestamptz NOT NULL PRIMARY KEY, id bigint GENERATED ALWAYS AS IDENTITY, x numeric DEFAULT 1) PARTITION BY RANGE (at)")
    for back in (6, 5):
        psql(f"DO $$ BEGIN EXECUTE format('CREATE TABLE cared_{back} PARTITION OF cared FOR VALUES FROM (%L) TO (%L)', date_trunc('day', now() - interval '{back} days'),"
             f" date_trunc('day', now() - interval '{back - 1} days')); END $$")
    psql("INSERT INTO cared (at) SELECT date_trunc('day', now() - interval '6 days') + n * interval '1 hour' FROM generate_series(0, 47) AS n")
    whole = [TALLY, "archive", "--table", "cared", "--older-than", "2d", "--to", "s3://tally/cared", "--drop", "--ahead", "3d"]
    code, said = finish(whole)
    found = psql("SELECT count(*) || ' ' || bool_and(pg_get_expr(relpartbound, oid) ~ '00:00:00') FROM pg_class WHERE relispartition AND relname ~ '^cared_[0-9_]+$' AND relkind = 'r'")
    yield check("partitions are made ahead, and old ones are archived and dropped",
                code == 0 and said.count("made partition") == 8 and psql("SELECT count(*) FROM cared") == "0" and states("cared") == "dropped 48",
                f"{said} {found} {states('cared')}")
    psql("INSERT INTO cared (at) SELECT now() + n * interval '1 day' FROM generate_series(0, 3) AS n")
    yield check("rows of the next days have partitions with the table's columns", psql("SELECT count(*) || ' ' || count(DISTINCT id) || ' ' || sum(x) FROM cared") == "4 4 4")
    code, said = finish(whole)
    yield check("a second run has none to make", code == 0 and "made partition" not in said, said)
    psql("CREATE TABLE cared_odd PARTITION OF cared FOR VALUES FROM (now() + interval '20 days') TO (now() + interval '25 days')")
    code, said = finish([*whole[:-1], "40d"])
    yield check("partitions of different lengths are not gone on with", code == 2 and "hold different stretches of time" in said, said)
    psql("DROP TABLE cared_odd; CREATE TABLE cared_rest PARTITION OF cared DEFAULT")
    code, said = finish([*whole[:-1], "40d"])
    yield check("nor are those beside a default partition", code == 2 and "default partition" in said, said)
    psql("CREATE TABLE IF NOT EXISTS plain (at timestamptz)")
    code, said = finish([TALLY, "archive", "--table", "plain", "--older-than", "1d", "--to", "s3://tally/plain", "--ahead", "3d"])
    yield check("a plain table has no partitions", code == 2 and "not partitioned" in said, said)


def kills():
    """Whatever is killed, each row is in the table, or in an object that the ledger calls dropped; never in neither or in both."""
    partitions = make("killed")
    before = contents("killed")
    numbers = random.Random(1)
    whole = [str(word) for word in (TALLY, "archive", "--table", "killed", "--at", "at", "--older-than", "1d", "--to", "s3://tally/killed", "--drop")]
    seen, is_kept = set(), True
    dropped = "SELECT coalesce(sum(rows), 0) FROM loader.archive WHERE table_name = '\"public\".\"killed\"' AND state = 'dropped'"
    # What the ledger counts when a run is killed: slots that are proved, and once more when they are dropped.
    done = "SELECT count(*) FILTER (WHERE state IN ('verified', 'dropped')) + count(*) FILTER (WHERE state = 'dropped') FROM loader.archive WHERE table_name = '\"public\".\"killed\"'"
    for goal in sorted(numbers.sample(range(1, 2 * DAYS * 24), KILLS)):
        with subprocess.Popen(whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()) as process:
            while process.poll() is None and int(psql(done)) < goal:
                pass
            # In the middle of a slot, or of a drop.
            time.sleep(numbers.random() * 0.02)
            process.send_signal(signal.SIGKILL)
        while psql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tally archive'") != "0":
            time.sleep(0.05)
        seen.add(states("killed"))
        is_kept &= int(psql(f"SELECT (SELECT count(*) FROM killed) + ({dropped})")) == ROWS
    yield check("every row is in one place after each kill", is_kept, str(seen))
    yield check("runs were killed at several stages", len(seen) > KILLS // 3, str(seen))
    code, said = finish(whole)
    yield check("the last run ends the work", code == 0 and states("killed") == f"dropped {DAYS * 24}" and len(objects("killed")) == DAYS * 24, said)
    psql(partitions)
    code, said = other("restore", "killed", "--from", "2024-03-01T00:00Z", "--to", "2024-03-05T00:00Z")
    yield check("all rows come back", code == 0 and contents("killed") == before, said)


def alarms():
    """A webhook is told of runs that fail, once, and of the end of that."""
    partitions = make("alarmed")
    archive("alarmed", "--drop")
    psql(partitions)
    # A late row in an hour that was dropped, which somebody has to look at.
    psql("INSERT INTO alarmed (at, symbol) VALUES ('2024-03-02 07:30Z', 'late')")
    webhook = Webhook()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "tally.toml"
        file.write_text(webhook.section())
        whole = [TALLY, "archive", "--table", "alarmed", "--at", "at", "--older-than", "1d", "--to", "s3://tally/alarmed", "--series", "symbol", "--notify", file]
        with subprocess.Popen([*map(str, whole), "--every", "1s"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()) as process:
            wait_for(lambda: webhook.messages)
            time.sleep(3)
            psql("DELETE FROM alarmed WHERE symbol = 'late'")
            wait_for(lambda: len(webhook.messages) > 1)
            process.send_signal(signal.SIGTERM)
        told = [(message["problem"], message["phase"], message["program"], message["job"]) for message in webhook.messages]
        yield check("a run that fails is told once, and its end", told == [("archive failed", phase, "tally archive", "alarmed") for phase in ("begins", "over")]
                    and "left as they are" in webhook.messages[0]["summary"], str(webhook.messages))
        code, said = finish(["none" if word == "at" else word for word in whole])
        yield check("so is the failure of a single run", code and len(webhook.messages) == 3 and "none" in webhook.messages[2]["summary"], f"{said} {webhook.messages}")
        file.write_text("[notify]\nformat = 'pigeon'\n")
        code, said = finish(whole)
        yield check("a section that is wrong is refused", code == 2 and "pigeon" in said, said)


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)


def main():
    stories = [copies, late, scattered, expected, altered, large, refusals, accidents, ahead, kills, alarms]
    passed = [one for story in stories if story.__name__ in sys.argv[1:] or not sys.argv[1:] for one in story()]
    sys.exit(0 if all(passed) else 1)


main()
