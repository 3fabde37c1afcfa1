# Grouped queries that a power tree answers, beside other transactions: an old snapshot sees what it saw, and who writes because of an answer that another
# has made wrong cannot commit at SERIALIZABLE.
PYTHONPATH=security python3 -B - <<'PYTHON'
import sys
from session import Session

A, B, W = Session(), Session(), Session()
A("""SET client_min_messages = warning;
    CREATE EXTENSION pg_tally;
    CREATE TABLE kept (s text NOT NULL, at bigint NOT NULL, n int) PARTITION BY RANGE (at);
    CREATE TABLE kept_1 PARTITION OF kept FOR VALUES FROM (0) TO (10000);
    CREATE TABLE kept_2 PARTITION OF kept FOR VALUES FROM (10000) TO (20000);
    CREATE INDEX ON kept (s, at);
    INSERT INTO kept SELECT substr('ab', 1 + i % 2, 1), i, i % 100 FROM generate_series(0, 19999) i;
    ANALYZE kept;
    SELECT powertree_create('kept', at => 'at', "values" => '{n}', series => '{s}', leaf => '100')""")
A("CALL powertree_compact('kept')")
for session in A, B, W:
    session("LOAD 'pg_tally'")
failed = False
GROUPED = ["SELECT s, count(*), sum(n) FROM kept GROUP BY s ORDER BY s", "SELECT at / 1000, count(*), max(n) FROM kept WHERE at BETWEEN 150 AND 17777 GROUP BY 1 ORDER BY 1"]


def fail(what):
    global failed
    failed = True
    print(what)


def answer(session, query, who):
    session(f"SET pg_tally.answer_from_trees = {who}")
    return session(query)


def check(session, what):
    for query in GROUPED:
        tree, table = answer(session, query, "on"), answer(session, query, "off")
        if tree != table:
            fail(f"{what}: {query}: the tree says {tree}, the table {table}")


def expect_tree(session, wanted, what):
    session("SET pg_tally.answer_from_trees = on")
    plan = [row[0] for row in session(f"EXPLAIN (ANALYZE, COSTS off, TIMING off) {GROUPED[0]}")]
    if any("Answered From: tree" in line for line in plan) != wanted:
        fail(f"{what}: {plan}")


def old(session, level="REPEATABLE READ"):
    session(f"BEGIN ISOLATION LEVEL {level}")
    session("SELECT count(*) FROM pg_class")


# What an old snapshot sees, while others write, compact, and change partitions; and whether the tree has to have the answer, or must not have it.
for change, from_tree in [
    ("INSERT INTO kept SELECT 'a', i, i FROM generate_series(500, 599) i", True),
    ("UPDATE kept SET n = n + 1 WHERE at BETWEEN 250 AND 350", True),
    ("DELETE FROM kept WHERE at BETWEEN 11000 AND 11050", True),
    ("CALL powertree_compact('kept')", True),
    ("TRUNCATE kept_2", False),
    ("CALL powertree_compact('kept')", None),
    ("INSERT INTO kept SELECT 'b', i, i FROM generate_series(10000, 19999) i", True),
    ("ALTER TABLE kept DETACH PARTITION kept_2", None),
    ("ALTER TABLE kept ATTACH PARTITION kept_2 FOR VALUES FROM (10000) TO (20000)", False),
    ("SELECT powertree_rebuild('kept', '50')", None),
    ("CALL powertree_compact('kept')", None),
]:
    old(A)
    W(change)
    check(A, f"old snapshot beside {change}")
    if from_tree is not None:
        expect_tree(A, from_tree, f"old snapshot beside {change}")
    A("COMMIT")
    check(A, f"after {change}")

# Two that read what the other writes.
for what in "nodes", "log":
    for session in A, B:
        session("SET pg_tally.answer_from_trees = on")
        session("BEGIN ISOLATION LEVEL SERIALIZABLE")
        expect_tree(session, True, f"serializable, {what}")
        session(GROUPED[0])
    errors = [A.attempt("INSERT INTO kept VALUES ('a', 5, 1)"), B.attempt("INSERT INTO kept VALUES ('b', 17005, 1)"), A.attempt("COMMIT"), B.attempt("COMMIT")]
    states = {error.sqlstate for error in errors if error} - {"25P02"}
    if states != {"40001"}:
        fail(f"write skew, {what}: {[str(error) for error in errors]}")
    for session in A, B:
        session("ROLLBACK")
    check(A, f"serializable, {what}")
sys.exit(failed)
PYTHON
