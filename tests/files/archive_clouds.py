#!/usr/bin/env -S python3 -B
"""Archives to, and restores from, the stores that stand in for Azure's and Google's.

    scripts/cluster.py run -- scripts/azure.py run -- tests/files/archive_clouds.py
"""

import os
import sys
import tempfile
from pathlib import Path

from archiving import DAYS, TALLY, archive, check, contents, finish, make, other, psql, states
from google_store import GoogleStore


def there_and_back(scheme):
    """What is archived, proved and dropped comes back, byte for byte."""
    name = f"cloud_{scheme}"
    place = f"{scheme}://tally/{name}"
    make(name)
    before = contents(name)
    code, said = archive(name, "--drop", place=place)
    yield check(f"{scheme}: every hour is proved and dropped", code == 0 and states(name) == f"dropped {DAYS * 24}" and psql(f"SELECT count(*) FROM {name}") == "0", said)
    code, said = other("verify", name)
    yield check(f"{scheme}: all is verified", code == 0 and said.startswith(f"verified {DAYS * 24} of {DAYS * 24}"), said)
    for day in range(1, DAYS + 1):
        psql(f"CREATE TABLE {name}_{day} PARTITION OF {name} FOR VALUES FROM ('2024-03-0{day} 00:00Z') TO ('2024-03-0{day + 1} 00:00Z')")
    code, said = other("restore", name, "--from", "2024-03-01T00:00Z", "--to", "2024-03-05T00:00Z")
    yield check(f"{scheme}: what is restored is what was archived, byte for byte", code == 0 and contents(name) == before, said)
    # Later rows of an hour replace its object, as the ledger knows it.
    psql(f"INSERT INTO {name} (at, id) VALUES ('2024-03-01 05:30Z', -1)")
    code, said = archive(name, place=place)
    yield check(f"{scheme}: an object is replaced", code == 0 and states(name) == f"restored {DAYS * 24 - 1}, verified 1", f"{states(name)} {said}")


def rivals(scheme):
    """An object that another archive has written is not overwritten."""
    name = f"cloud_rival_{scheme}"
    place = f"{scheme}://tally/{name}"
    make(name)
    code, said = archive(name, place=place)
    yield check(f"{scheme}: one archive is written", code == 0, said)
    psql(f"UPDATE loader.archive SET id = gen_random_uuid(), state = 'planned', etag = NULL WHERE table_name LIKE '%{name}%'")
    code, said = archive(name, place=place)
    yield check(f"{scheme}: another does not overwrite it", code == 1 and "there is another object in place of the archive's" in said, said)


def files(scheme):
    """Other commands write there and read from there."""
    with tempfile.TemporaryDirectory() as directory:
        for part in range(3):
            rows = "".join(f"{n},text {n}\n" for n in range(part * 1000, (part + 1) * 1000))
            Path(directory, f"{part}.csv").write_text("n,note\n" + rows)
        code, said = finish([TALLY, "convert", "csv", directory, "--to", f"{scheme}://tally/converted"])
        yield check(f"{scheme}: CSV becomes Parquet", code == 0 and "converted 3000 rows of 3 files" in said, said)
    table = f"converted_{scheme}"
    code, said = finish([TALLY, "load", "parquet", f"{scheme}://tally/converted/", "--table", table, "--quiet"])
    found = psql(f"SELECT count(*) || ' ' || sum(n) || ' ' || max(note) FROM {table}") if code == 0 else ""
    yield check(f"{scheme}: Parquet is loaded", found == "3000 4498500 text 999", f"{found} {said}")


def main():
    with tempfile.TemporaryDirectory() as directory:
        account = Path(directory, "account.json")
        GoogleStore(account)
        os.environ["GOOGLE_SERVICE_ACCOUNT"] = str(account)
        passed = [one for scheme in ("gs", "az") for story in (there_and_back, rivals, files) for one in story(scheme)]
    sys.exit(0 if all(passed) else 1)


main()
