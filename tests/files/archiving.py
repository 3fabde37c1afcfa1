"""What the tests of the archive share: tables to archive, the program, and what is in the store."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, subprocess.run([ROOT / "scripts/where.sh", "readers"], capture_output=True, text=True, check=True).stdout.strip())

# TALLY names another build of the program.
TALLY = Path(os.environ.get("TALLY") or Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/tally")
# The bucket of S3, if that store runs.
BUCKET = Path(os.environ.get("OBJECTS_DIRECTORY", "")) / "data/tally"
DAYS = 4
ROWS = 4000

TABLE = """
CREATE EXTENSION IF NOT EXISTS pg_tally;
DO $$ BEGIN CREATE TYPE mood AS ENUM ('calm', 'wild'); EXCEPTION WHEN duplicate_object THEN END $$;
CREATE TABLE {name} (
    at timestamptz NOT NULL, symbol text, price numeric(18,4), wide numeric(38,10), any_number numeric, small smallint, size integer,
    id bigint, ratio double precision, weight real, is_odd boolean, day date, clock time, local timestamp, late timestamptz,
    doc jsonb, raw json, code bytea, key uuid, feel mood, tags text[], word varchar(20), stats tally, twice integer GENERATED ALWAYS AS (size * 2) STORED
) PARTITION BY RANGE (at);
{partitions}
INSERT INTO {name}
SELECT timestamptz '2024-03-01 00:00Z' + n * interval '{days} days' / {rows}, 'S' || n % 3, (n * 7919 % 100000) / 100.0 - 300, n * 1234567890.0123456789 - 9e12,
    CASE n % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN n / 7.0 WHEN 2 THEN -n * 1e20 WHEN 3 THEN 1.500 END, n % 100 - 50, n, n::bigint << 30,
    CASE n % 7 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN -0.0 ELSE n / 3.0 END, n / 9.0, n % 2 = 1, date '2024-01-01' + n,
    time '00:00' + n * interval '1 second', timestamp '1970-01-01' + n * interval '1 hour', CASE n % 3 WHEN 0 THEN 'infinity' WHEN 1 THEN timestamptz '1901-01-01Z' END,
    jsonb_build_object('n', n, 'text', 'ä"' || n), '{{ "n" : 1 }}', sha256(n::text::bytea), md5(n::text)::uuid, (ARRAY['calm', 'wild'])[1 + n % 2]::mood,
    ARRAY['a', NULL, n::text], nullif('w' || n % 4, 'w0'), tally_of(2, n, 2, n - 1, n + 1)
FROM generate_series(0, {rows} - 1) AS n;
"""


def psql(sql, binary=False, database=None):
    variables = {"PGTZ": "UTC", **({"PGDATABASE": database} if database else {})}
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql], capture_output=True, env={**os.environ, **variables})
    if done.returncode:
        raise SystemExit(f"{sql}\n{done.stderr.decode()}")
    return done.stdout if binary else done.stdout.decode().strip()


def archive(name, *options, place=None):
    """Run the program; its exit code and all that it said."""
    whole = [TALLY, "archive", "--table", name, "--at", "at", "--older-than", "1d", "--to", place or f"s3://tally/{name}", "--series", "symbol", *options]
    return finish(whole)


def other(verb, name, *options):
    return finish([TALLY, "archive", verb, "--table", name, "--at", "at", *options])


def finish(whole, **variables):
    done = subprocess.run([*map(str, whole)], capture_output=True, text=True, env={**environment(), **variables})
    return done.returncode, done.stdout + done.stderr


def environment():
    return {"DATABASE_URL": "dbname=" + os.environ.get("PGDATABASE", "postgres"), **os.environ}


def make(name):
    partition = "CREATE TABLE {0}_{1} PARTITION OF {0} FOR VALUES FROM ('2024-03-0{1} 00:00Z') TO ('2024-03-0{2} 00:00Z');"
    partitions = "\n".join(partition.format(name, day, day + 1) for day in range(1, DAYS + 1))
    sql = TABLE.format(name=name, partitions=partitions, rows=ROWS, days=DAYS)
    psql(sql)
    return partitions


def contents(name):
    """A digest of all rows, byte for byte, in an order that they have anywhere."""
    columns = psql(f"SELECT string_agg(quote_ident(attname), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '{name}'::regclass AND attnum > 0")
    return hashlib.sha256(psql(f"COPY (SELECT {columns} FROM {name} ORDER BY at, id) TO STDOUT (FORMAT binary)", binary=True)).hexdigest()


def states(name):
    return psql(f"SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT state, count(*) AS n FROM loader.archive"
                f" WHERE table_name = '\"public\".\"{name}\"' GROUP BY 1) AS s")


def objects(name):
    return sorted(path for path in (BUCKET / name).rglob("*.parquet"))


def check(name, condition, seen=""):
    print(f"{'ok' if condition else 'not ok'} - {name}", "" if condition else seen, flush=True)
    return condition
