# UPDATE and DELETE by groups that a power tree answers, whose target is changed by another transaction meanwhile: PostgreSQL checks the row again,
# and initialises the plan once more for that. What is in the table afterwards is what it is without the tree.
PYTHONPATH=security python3 -B - <<'PYTHON'
import sys
import threading
import time
from session import Session

A, B, W = Session(), Session(), Session()
A("""SET client_min_messages = warning;
    CREATE EXTENSION pg_tally;
    CREATE TABLE kept (s text NOT NULL, at bigint NOT NULL, n int);
    CREATE INDEX ON kept (s, at);
    INSERT INTO kept SELECT substr('abc', 1 + i % 3, 1), i, i % 100 FROM generate_series(0, 29999) i;
    SELECT powertree_create('kept', at => 'at', "values" => '{n}', series => '{s}', leaf => '100');
    CREATE TABLE totals (id int PRIMARY KEY, s text, total bigint, seen int DEFAULT 0);
    CREATE TABLE names (s text, bound bigint);
    INSERT INTO names VALUES ('a', 20000), ('b', 10000), ('c', 5000)""")
A("CALL powertree_compact('kept')")
A("ANALYZE kept")
for session in A, B:
    session("LOAD 'pg_tally'; SET seq_page_cost = 1000; SET random_page_cost = 1000; SET enable_hashjoin = off; SET enable_mergejoin = off; SET plan_cache_mode = force_generic_plan")
NODE = "Custom Scan (pg_tally power tree)"
failed = False
STATEMENTS = {
    "a grouped subquery": "UPDATE totals t SET total = g.total, seen = seen + 1 FROM (SELECT s, sum(n) AS total FROM kept GROUP BY s) g WHERE t.s = g.s",
    "groups that are asked for again for each row": "UPDATE totals t SET total = g.total, seen = seen + 1 FROM names m, LATERAL (SELECT sum(n) AS total FROM kept k WHERE k.s = m.s AND at < m.bound) g WHERE t.s = m.s",
    "a total of each row": "UPDATE totals t SET total = (SELECT sum(n) FROM kept k WHERE k.s = t.s AND at < 25000 + t.seen), seen = seen + 1",
    "a condition": "DELETE FROM totals t WHERE t.seen + 494500 < (SELECT sum(n) FROM kept k WHERE k.s = t.s)",
    "last points": "UPDATE totals t SET total = l.n, seen = seen + 1 FROM (SELECT DISTINCT ON (s) s, n FROM kept ORDER BY s, at DESC) l WHERE t.s = l.s",
    "the first of an array": "UPDATE totals t SET total = f.n FROM (SELECT s, (array_agg(n ORDER BY at))[1] AS n FROM kept WHERE at > 77 GROUP BY s) f WHERE t.s = f.s AND f.n < 80 + t.seen",
}
MEANWHILE = {
    "the row is another's": "UPDATE totals SET s = 'b' WHERE id = 1",
    "the row is of no series": "UPDATE totals SET s = 'none' WHERE id = 1",
    "the row has other numbers": "UPDATE totals SET seen = seen + 1001",
    "the row is gone": "DELETE FROM totals WHERE id = 1",
}


def wait():
    """Until B waits for A."""
    for _ in range(1000):
        if W("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%totals t%'")[0][0] == "1":
            return
        time.sleep(0.01)
    raise RuntimeError("nobody waits")


def outcome(setting, statement, change):
    """The totals after a statement that had to wait for a change, and whether a tree was to answer it."""
    B(f"SET pg_tally.answer_from_trees = {setting}")
    A("TRUNCATE totals; INSERT INTO totals VALUES (1, 'a', 0), (2, 'c', 0), (3, 'x', 0)")
    plan = "\n".join(row[0] for row in B(f"EXPLAIN (COSTS off) {statement}"))
    A("BEGIN")
    A(change)
    error = []
    other = threading.Thread(target=lambda: error.append(B.attempt(statement)))
    other.start()
    wait()
    A("COMMIT")
    other.join()
    return error[0] and str(error[0]), A("SELECT * FROM totals ORDER BY id"), NODE in plan


for what, statement in STATEMENTS.items():
    for how, change in MEANWHILE.items():
        *table, _ = outcome("off", statement, change)
        *tree, is_planned = outcome("on", statement, change)
        if table != tree or not is_planned:
            failed = True
            print(f"{what}, {how}: the tree leads to {tree}, the table to {table}; planned with the tree: {is_planned}")
sys.exit(failed)
PYTHON
