#!/usr/bin/env -S python3 -B
"""Converts files to Parquet, in a directory and in an object store, and lets DuckDB and pyarrow read the result."""

import filecmp
import os
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, subprocess.run([ROOT / "scripts/where.sh", "readers"], capture_output=True, text=True, check=True).stdout.strip())

import duckdb
import pyarrow.parquet

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
ROWS = 40_000
FILES = 5


def tally(*arguments, memory=None):
    """Run the program; its exit code and the last line it wrote."""
    def limit():
        if memory:
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))

    command = [TARGET / "release/tally", *arguments, "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)
    said = done.stdout if done.returncode == 0 else done.stderr
    return done.returncode, said.strip().rsplit("\n", 1)[-1]


def write_csv(directory):
    """Files of rows in no order."""
    numbers = random.Random(1)
    for file in range(FILES):
        with open(directory / f"{file}.csv", "w") as out:
            out.write("at,symbol,price,size,day,note\n")
            for n in range(ROWS):
                day = numbers.randrange(1, 29)
                at = f"2024-{1 + n % 3:02}-{day:02}T{n % 24:02}:00:00.{n % 1000:03}Z" if n % 1000 else ""
                note = f'"a ""note"", {n}"' if n % 7 else ""
                out.write(f"{at},{'ABC'[n % 3]},{numbers.randrange(-10**9, 10**9) / 100:.2f},{file * ROWS + n},2024-02-{day:02},{note}\n")


def check(name, condition, seen=""):
    print(f"{'ok' if condition else 'not ok'} - {name}", "" if condition else seen, flush=True)
    return condition


def main():
    passed = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        source = scratch / "csv"
        source.mkdir()
        write_csv(source)
        options = ["--partition", "year,month", "--partition-column", "at", "--sort", "symbol,price", "--file-size", "1MB"]

        code, said = tally("convert", "csv", source, "--to", scratch / "one", *options, memory=450 << 20)
        passed.append(check("many small files become few", code == 0 and said.startswith(f"converted {ROWS * FILES} rows of {FILES} files into 4 "), said))
        tally("convert", "csv", source, "--to", scratch / "two", *options)
        names = sorted(path.relative_to(scratch / "one") for path in (scratch / "one").rglob("*.parquet"))
        same = filecmp.cmpfiles(scratch / "one", scratch / "two", [str(name) for name in names], shallow=False)
        passed.append(check("the same input gives the same files", len(same[0]) == len(names) == 4, str(same)))

        read = f"read_parquet('{scratch}/one/**/*.parquet', hive_partitioning = true, hive_types_autocast = false)"
        csv = f"read_csv('{source}/*.csv', header = true, types = {{'price': 'DECIMAL(12,2)'}})"
        sums = "count(*), count(\"at\"), sum(price), sum(size), min(\"at\")::varchar, max(\"at\")::varchar, count(note), max(note), min(day)"
        db = duckdb.connect()
        db.execute("SET TimeZone = 'UTC'")
        found, expected = (db.sql(f"SELECT {sums} FROM {of}").fetchall()[0] for of in (read, csv))
        passed.append(check("DuckDB reads what it reads from the CSV", found == expected, f"{found} {expected}"))
        wrong = f"SELECT count(*) FROM {read} WHERE \"at\" IS NOT NULL AND (year <> strftime(\"at\", '%Y') OR month <> strftime(\"at\", '%m'))"
        passed.append(check("rows are in the directory of their time", db.sql(wrong).fetchall()[0] == (0,)))
        empty = db.sql(f"SELECT count(*) FROM read_parquet('{scratch}/one/year=__HIVE_DEFAULT_PARTITION__/**/*.parquet')").fetchall()[0]
        passed.append(check("rows without a time have a directory", empty == (ROWS // 1000 * FILES,), str(empty)))

        table = pyarrow.parquet.read_table(scratch / "one/year=2024/month=01/part-00000.parquet", partitioning=None)
        types = {field.name: str(field.type) for field in table.schema}
        wanted = {"at": "timestamp[us, tz=UTC]", "symbol": "string", "price": "decimal128(9, 2)", "size": "int64", "day": "date32[day]", "note": "string"}
        passed.append(check("pyarrow finds the types", types == wanted, str(types)))
        pairs = list(zip(table["symbol"].to_pylist(), table["price"].to_pylist()))
        passed.append(check("rows are sorted", len(pairs) > 1000 and pairs == sorted(pairs)))

        code, said = tally("convert", "csv", source, "--to", scratch / "one")
        passed.append(check("nothing is written beside other files", code == 2 and "has Parquet files already" in said, said))
        (source / "bad.csv").write_text("at,symbol,price,size,day,note\n,A,1,2,,\n,A,1,2,,\n,A,1,2\n")
        code, said = tally("convert", "csv", source, "--to", scratch / "three")
        passed.append(check("a bad record ends the conversion", code == 1 and "bad.csv: line 4: expected 6 fields, found 4" in said, said))
        (source / "bad.csv").unlink()

        bucket = Path(os.environ["OBJECTS_DIRECTORY"]) / "data/tally/converted"
        code, said = tally("convert", "csv", source, "--to", "s3://tally/converted", *options)
        passed.append(check("an object store has the same files", code == 0 and filecmp.cmpfiles(scratch / "one", bucket, [str(name) for name in names], shallow=False)[0] == [str(name) for name in names], said))

        lines = scratch / "lines"
        lines.mkdir()
        (lines / "a.ndjson").write_text('{"id":1,"tags":["x"],"p":"1.50"}\n{"late":true,"id":2,"p":"-20.125"}\n')
        code, said = tally("convert", "ndjson", lines, "--to", scratch / "json")
        rows = db.sql(f"SELECT id, tags::varchar, p, late FROM read_parquet('{scratch}/json/*.parquet') ORDER BY id").fetchall()
        passed.append(check("JSON records have the fields of all", [str(row) for row in rows] == ["(1, '[\"x\"]', Decimal('1.500'), None)", "(2, None, Decimal('-20.125'), True)"], f"{said} {rows}"))
    sys.exit(0 if all(passed) else 1)


main()
