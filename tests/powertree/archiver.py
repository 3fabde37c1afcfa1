#!/usr/bin/env -S python3 -B
"""An archiver among writers: for so many seconds partitions are archived, restored and compacted, while six sessions write, late rows too, and four readers ask, half of them at REPEATABLE READ.

    tests/powertree/archiver.py SECONDS [--mutant]

Writers write each row to the table and to a shadow in one transaction. In every snapshot the tree answers what the shadow has, or fails to
serialize. With --mutant rows come back whose leaves stay in the archive, and a reader must notice.
"""

import random
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "security"))
from session import ServerError, Session  # noqa: E402

SETUP = """
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_tally;
CREATE TABLE m (at bigint NOT NULL, s int, x bigint) PARTITION BY RANGE (at);
CREATE TABLE m_rest PARTITION OF m DEFAULT;
CREATE TABLE shadow (at bigint NOT NULL, s int, x bigint);
SELECT powertree_create('m', at => 'at', "values" => '{x}', series => '{s}', leaf => '10');
CALL powertree_compact();
"""
# Each partition goes once: one that is made again would hide rows of the default one from snapshots of before.
PARTS, WIDTH = 400, 20
# What a session may be told when others change the table under it.
EXPECTED = ("40001", "40P01", "55P03")


class Soak:
    def __init__(self, seconds, mutant):
        self.end, self.mutant = time.monotonic() + seconds, mutant
        self.wrong, self.counts, self.lock = [], {}, threading.Lock()

    def goes_on(self):
        return time.monotonic() < self.end and not self.wrong

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def tell(self, what):
        with self.lock:
            self.wrong.append(what)

    def session(self, name, act):
        """Act again and again, in a transaction each; what others may cause is tried again."""
        rng = random.Random(name)
        with Session() as session:
            session("SET lock_timeout = '2s'; SET deadlock_timeout = '50ms'; SET client_min_messages = error; SET synchronous_commit = off")
            while self.goes_on():
                try:
                    act(session, rng)
                    self.count(name.split()[0])
                except ServerError as error:
                    session("ROLLBACK")
                    if error.sqlstate not in EXPECTED:
                        self.tell(f"{name}: {error}")
                    self.count(f"{error.sqlstate} of {name.split()[0]}")

    def write(self, session, rng):
        rows = ", ".join(f"({rng.randrange(PARTS * WIDTH)}, {rng.randrange(3)}, {rng.randrange(1000)})" for _ in range(rng.randrange(1, 8)))
        session(f"BEGIN; WITH new AS (INSERT INTO shadow VALUES {rows} RETURNING at, s, x) INSERT INTO m TABLE new; "
                f"{'ROLLBACK' if rng.random() < 0.1 else 'COMMIT'}")

    def read(self, session, rng):
        level = rng.choice(("REPEATABLE READ", "READ COMMITTED"))
        session(f"BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM shadow")
        for _ in range(rng.randrange(1, 6)):
            first, last = sorted(rng.randrange(PARTS * WIDTH // 10 + 1) * 10 for _ in range(2))
            s = rng.randrange(3)
            rows = session(f"SELECT powertree_tally('m', 'x', {first}::bigint, {last}, '{s}') t, (SELECT tally(x) FROM shadow WHERE s = {s} AND at >= {first} AND at < {last}) "
                           f"UNION ALL SELECT coalesce((SELECT tally FROM powertree_tallies('m', 'x', {first}::bigint, {last}, '{s}')), tally(NULL::float8)), "
                           f"(SELECT tally(x) FROM shadow WHERE s = {s} AND at >= {first} AND at < {last})")
            for tree, right in rows:
                if tree != right:
                    self.tell(f"{level}, {s} from {first} to {last}: {tree}, but {right} is right")
            time.sleep(rng.random() * 0.02)
        session("COMMIT")

    def compact(self, session, rng):
        session("CALL powertree_compact()")
        time.sleep(rng.random() * 0.1)

    def archive(self, session, rng):
        """A partition goes, and half of those that went come back, as rows of the default partition, where late ones are."""
        parts = session("SELECT relname, relispartition FROM pg_class WHERE relname ~ '^part_' AND relkind = 'r' ORDER BY random()")
        gone = [name for name, is_part in parts if is_part == "f"]
        attached = [name for name, is_part in parts if is_part == "t"]
        if gone and (rng.random() < 0.5 or not attached):
            part = gone[0]
            first = int(part.split("_")[1]) * WIDTH
            unarchive = "" if self.mutant else f"SELECT powertree_unarchive('m', {first}::bigint, {first + WIDTH}); "
            session(f"BEGIN; {unarchive} INSERT INTO m SELECT * FROM {part}; DROP TABLE {part}; COMMIT")
            self.count("restored")
        elif attached:
            session(f"BEGIN; SELECT powertree_archive('m', '{attached[0]}'); {'ROLLBACK' if rng.random() < 0.1 else 'COMMIT'}")
            self.count("archived")
        time.sleep(0.02)


def main():
    seconds, mutant = float(sys.argv[1]), "--mutant" in sys.argv
    with Session() as session:
        session(SETUP)
        for number in range(PARTS):
            session(f"CREATE TABLE part_{number} PARTITION OF m FOR VALUES FROM ({number * WIDTH}) TO ({(number + 1) * WIDTH})")
    soak = Soak(seconds, mutant)
    acts = [(f"writer {i}", soak.write) for i in range(6)] + [(f"reader {i}", soak.read) for i in range(4)] + [("compactor", soak.compact), ("archiver", soak.archive)]
    threads = [threading.Thread(target=soak.session, args=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Session() as session:
        final = [] if mutant else [row for row in session("SELECT s, tally FROM (SELECT s, tally(x) FROM shadow GROUP BY s) e WHERE tally <> powertree_tally('m', 'x', NULL::bigint, NULL, s::text)")]
    print(f"# {', '.join(f'{what} {count}' for what, count in sorted(soak.counts.items()))}")
    for wrong in soak.wrong[:5]:
        print(f"# {wrong}")
    idle = [what for what in ("writer", "reader", "compactor", "archived", "restored") if not soak.counts.get(what)]
    good = bool(soak.wrong) if mutant else not soak.wrong and not idle and not final
    print(f"{'ok' if good else 'not ok'} - {'what is wrong is noticed' if mutant else 'every snapshot sees archived rows once'}")
    sys.exit(not good)


main()
