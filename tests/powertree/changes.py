"""What a DBA does to the soak's table and its partitions, and what a coordinator of transactions does, as scripts for psql."""

import random
from datetime import datetime, timedelta, timezone

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
# In the order in which everybody locks: the table, its partitions, and what their foreign keys refer to.
LOCK = "LOCK TABLE ONLY soak IN ROW EXCLUSIVE MODE; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE;\n"
DROP_SECOND = "SELECT powertree_drop(name) FROM powertrees WHERE name = 'soak_second';\n"
LOCK_ALL = "LOCK TABLE soak IN ACCESS EXCLUSIVE MODE;\n"
OTHER_LAYOUT = (
    "CREATE TABLE soak_3 (m numeric, y float8 GENERATED ALWAYS AS (x * 2) STORED, at timestamptz, owner int, note text, n bigint, x float8, series int, writer int);"
)


def bounds(part):
    begins, ends = START + part * timedelta(minutes=4), START + (part + 1) * timedelta(minutes=4)
    return f"FOR VALUES FROM ('{begins}') TO ('{ends}')"


def copy(table, part, options=""):
    """COPY with some rows of a partition, by a writer of its own."""
    rows = []
    for _ in range(random.randint(1, 100)):
        at = START + timedelta(minutes=4 * part, seconds=random.uniform(0, 240))
        m = random.choice(["\\N", "1e308", "-1e308", "NaN", "1e-320", "Infinity", "0.1"])
        rows.append(f"7\t{random.randrange(5)}\t{at}\t{random.uniform(0, 100)}\t{random.randrange(10**18)}\t{m}\n")
    return f"COPY {table} (writer, series, at, x, n, m) FROM stdin {options};\n{''.join(rows)}\\.\n"


def of_partitions():
    """A change that rows do not survive, also for snapshots of before: its name, what it locks, and its script."""
    return random.choice([
        ("truncate", LOCK.format("soak_2"), "TRUNCATE soak_2;\n" + copy("soak", 2)),
        ("truncate twice", LOCK.format("soak_3"), "TRUNCATE soak_3;\n" + copy("soak_3", 3) + "SELECT check_cursors(); TRUNCATE soak_3;\n"),
        ("detach, change, attach", LOCK_ALL, f"ALTER TABLE soak DETACH PARTITION soak_2; DELETE FROM soak_2 WHERE writer = 7;\n{copy('soak_2', 2)}SELECT check_cursors();\n"
         f"ALTER TABLE soak ATTACH PARTITION soak_2 {bounds(2)};\n"),
        ("drop, create", LOCK_ALL, f"DROP TABLE soak_3; CREATE TABLE soak_3 PARTITION OF soak {bounds(3)};\n" + copy("soak_3", 3)),
        ("detach, attach another", LOCK_ALL, f"ALTER TABLE soak DETACH PARTITION soak_3; DROP TABLE soak_3; {OTHER_LAYOUT}\n{copy('soak_3', 3)}SELECT check_cursors();\n"
         f"ALTER TABLE soak ATTACH PARTITION soak_3 {bounds(3)};\n"),
    ])


def frozen():
    """Rows that all snapshots see, in a partition of their own."""
    return ("copy freeze", LOCK_ALL, f"CREATE TABLE soak_frozen PARTITION OF soak {bounds(-1)};\n" + copy("soak_frozen", -1, "FREEZE"))


def of_definition(is_partitioned):
    """A change of the table's indexes, trees or columns: its name, what it locks, and its script."""
    second = "SELECT powertree_create('soak', at => 'at', \"values\" => '{x,n}', leaf => '10 seconds', name => 'soak_second');\n"
    changes = [
        ("index", LOCK_ALL, "DROP INDEX IF EXISTS soak_extra; CREATE INDEX soak_extra ON soak (at) INCLUDE (n);\n"),
        ("no index", LOCK_ALL, "DROP INDEX IF EXISTS soak_extra; ANALYZE soak;\n"),
        # A tree of all series at once, which may answer for the first.
        ("second tree", LOCK_ALL, f"{DROP_SECOND}{second}"),
        ("second tree, compacted", LOCK_ALL, f"{DROP_SECOND}{second}CALL powertree_compact('soak_second');\n"),
        ("no second tree", LOCK_ALL, DROP_SECOND),
    ]
    if not is_partitioned:
        # Partitions that come and go have no such column.
        changes += [
            ("column", LOCK_ALL, "ALTER TABLE soak DROP COLUMN IF EXISTS more; ALTER TABLE soak ADD COLUMN more int DEFAULT 7;\n"),
            ("column renamed", LOCK_ALL, "ALTER TABLE soak RENAME COLUMN m TO other; ALTER TABLE soak RENAME COLUMN other TO m;\n"),
            ("rewritten", LOCK_ALL, "ALTER TABLE soak DROP COLUMN IF EXISTS more; ALTER TABLE soak ADD COLUMN more float8 DEFAULT random();\n"),
        ]
    return random.choice(changes)


def transaction(change, isolation, mutant):
    """One transaction that looks at what it has done and ends in one way or another; that of a mutant forgets the barriers."""
    name, lock, script = change
    two_phases = f"PREPARE TRANSACTION 'changes'; SELECT pg_sleep(0.05); {random.choice(['COMMIT', 'ROLLBACK'])} PREPARED 'changes';"
    ends = random.choices(["COMMIT;", "ROLLBACK;", two_phases], [1, 0, 0] if mutant else [6, 1, 1])[0]
    after = "UPDATE powertree_span SET barrier = NULL;" if mutant else ""
    # COPY FREEZE must be the first to take a snapshot.
    waits = "" if name == "copy freeze" else f"SET TRANSACTION ISOLATION LEVEL {isolation}; SELECT pg_sleep(random() * 0.05);"
    look = "".join(f"INSERT INTO mismatches (what) SELECT 'changes: ' || w FROM {check}() w WHERE w IS NOT NULL;" for check in ("check_part", "check_range"))
    return f"BEGIN; {waits}\n{lock}{script}{after}\nINSERT INTO changes VALUES ('{name}, {isolation}');\n{look}\n{ends}\n"


def changing(seconds, kinds, mutant):
    """A script of changes, more than there is time for."""
    script = ""
    for _ in range(int(seconds * 20)):
        isolation = random.choice(["READ COMMITTED", "REPEATABLE READ"])
        kind = random.choice(kinds)
        if kind == "freeze":
            script += f"BEGIN; {LOCK_ALL}DROP TABLE IF EXISTS soak_frozen; COMMIT;\n" + transaction(frozen(), "READ COMMITTED", mutant)
        elif kind == "definition":
            script += transaction(of_definition("partitions" in kinds), isolation, mutant)
        else:
            script += transaction(of_partitions(), isolation, mutant)
        script += f"SELECT pg_sleep(random() * {0.02 if mutant else 0.2});\n"
    return script


def preparing(seconds):
    """A script of transactions in two phases, by a writer of its own."""
    script = ""
    for _ in range(int(seconds * 10)):
        ends = random.choice(["COMMIT", "COMMIT", "ROLLBACK"])
        script += f"BEGIN; SELECT write(6); SELECT write(6); PREPARE TRANSACTION 'writer'; SELECT pg_sleep(random() * 0.2); {ends} PREPARED 'writer';\n"
    return script
