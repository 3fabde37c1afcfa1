# While a transaction with an old snapshot keeps vacuum from removing what compactions have folded, a question passes over it.
PYTHONPATH=security python3 -B - <<'PYTHON'
import sys
from session import Session

A, B = Session(), Session()
LEAVES, STATEMENTS = 3, 400
READ = "SELECT pg_stat_get_xact_tuples_returned('powertree_log_leaf'::regclass)"
failed = False


def check(wrong, what):
    global failed
    if wrong:
        failed = True
        print(f"{what}: {wrong}")


def entries(sql):
    """How many entries of the index of the log a query of session A reads, with its answer."""
    A("BEGIN")
    before = int(A.value(READ))
    answer = A(sql)
    read = int(A.value(READ)) - before
    A("COMMIT")
    return read, answer


A("""CREATE EXTENSION pg_tally;
    SET client_min_messages = warning;
    CREATE TABLE t (at bigint, s text, x float8);
    SELECT powertree_create('t', 'at', '{x}', '100', '{s}')""")
A("CALL powertree_compact('t')")
B("BEGIN ISOLATION LEVEL REPEATABLE READ")
B("SELECT count(*) FROM t")
for series in "a", "b":
    A(f"CREATE PROCEDURE write_{series}() LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1 .. {STATEMENTS} LOOP "
      f"INSERT INTO t VALUES (i % {LEAVES} * 100, '{series}', i); COMMIT; END LOOP; END $$")
    A(f"CALL write_{series}()")
A("CALL powertree_compact('t')")
A("VACUUM powertree_log")

PAIRS = (
    ("a series", "SELECT powertree_tally('t', 'x', NULL::bigint, NULL, 'a')", "SELECT tally(x) FROM t WHERE s = 'a'"),
    ("a range", "SELECT powertree_tally('t', 'x', 100, 200, 'b')", "SELECT tally(x) FROM t WHERE s = 'b' AND at >= 100 AND at < 200"),
    ("a grouped query", "SELECT s, count(*), sum(x) FROM t WHERE s IN ('a', 'b') GROUP BY s ORDER BY s",
     "SELECT s, count(*), sum(x) FROM (SELECT * FROM t OFFSET 0) t WHERE s IN ('a', 'b') GROUP BY s ORDER BY s"),
)
for what, sql, table in PAIRS:
    read, answer = entries(sql)
    check(read > 120 and f"{read} entries read", what)
    check(answer != A(table) and answer, f"{what}, compacted")

# What is written since is found behind what is gone: in the same leaf, before and after it, in each of the series.
A("INSERT INTO t VALUES (150, 'a', 5), (250, 'a', 6), (-50, 'b', 7), (950, 'b', 8), (150, 'c', 9)")
A("DELETE FROM t WHERE s = 'b' AND x = 4")
for what, sql, table in PAIRS:
    check(A(sql) != A(table) and A(sql), f"{what}, logged")
# So it is from the middle of a transaction that has compacted itself, and when that is undone.
A("BEGIN")
A("INSERT INTO t VALUES (150, 'a', 10)")
A("SAVEPOINT s")
A("CALL powertree_compact('t')")
A("INSERT INTO t VALUES (150, 'a', 11)")
for what, sql, table in PAIRS:
    check(A(sql) != A(table) and A(sql), f"{what}, in the transaction")
A("ROLLBACK TO s")
for what, sql, table in PAIRS:
    check(A(sql) != A(table) and A(sql), f"{what}, undone")
A("COMMIT")
A("CALL powertree_compact('t')")
for what, sql, table in PAIRS:
    check(A(sql) != A(table) and A(sql), f"{what}, compacted again")
# A transaction that began to write before a compaction and commits after it.
C = Session()
C("BEGIN")
C("INSERT INTO t VALUES (150, 'a', 12), (350, 'b', 13)")
for _ in range(2):
    A("INSERT INTO t VALUES (150, 'a', 14)")
    A("CALL powertree_compact('t')")
C("COMMIT")
for what, sql, table in PAIRS:
    check(A(sql) != A(table) and A(sql), f"{what}, with an earlier writer")
# The old snapshot still sees an empty table.
for what, sql, table in PAIRS:
    check(B(sql) != B(table) and B(sql), f"{what}, in the old snapshot")
B("COMMIT")
sys.exit(failed)
PYTHON
