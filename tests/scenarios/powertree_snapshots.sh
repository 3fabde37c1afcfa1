# Partitions that come, go or are emptied beside transactions with older snapshots: old snapshots and new ones are answered as
# their tables are, and compactions in between mend or refuse.
PYTHONPATH=security python3 -B - <<'PYTHON'
import sys
from session import Session

A, B, W = Session(), Session(), Session()
A("CREATE EXTENSION pg_tally")
failed = False


def check(session, tree, what):
    global failed
    kept, table = session(f"SELECT powertree_tally('{tree}', 'x', NULL::timestamptz, NULL)::text, (SELECT tally(x)::text FROM {tree})")[0]
    if kept != table:
        failed = True
        print(f"{what}: the tree of {tree} says {kept}, the table {table}")


def refused(session, sql, state, what):
    global failed
    error = session.attempt(sql)
    if (error and error.sqlstate) != state:
        failed = True
        print(f"{what}: {error or 'no error'} instead of {state}")


def make(name):
    A(f"""SET client_min_messages = warning;
        CREATE TABLE {name} (at timestamptz, x float8) PARTITION BY RANGE (at);
        CREATE TABLE {name}_1 PARTITION OF {name} FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
        CREATE TABLE {name}_2 (LIKE {name});
        INSERT INTO {name} SELECT '2026-01-02Z'::timestamptz + i * interval '1 min', i FROM generate_series(0, 99) i;
        SELECT powertree_create('{name}', 'at', '{{x}}', '1 hour')""")
    A(f"CALL powertree_compact('{name}')")
    return name


def old(session):
    session("BEGIN ISOLATION LEVEL REPEATABLE READ")
    session("SELECT count(*) FROM pg_class")


def end(name, what):
    B("COMMIT")
    check(A, name, what)
    A(f"CALL powertree_compact('{name}')")
    check(A, name, f"{what}, compacted")


march = "FOR VALUES FROM ('2026-03-01Z') TO ('2026-04-01Z')"
february = "FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z')"

# The command's own snapshot is older than the rows of the partition.
for number, bounds in enumerate([february, "DEFAULT"]):
    t = make(f"attach{number}")
    old(B)
    W(f"INSERT INTO {t}_2 VALUES ('2026-02-02Z', 5)")
    B(f"ALTER TABLE {t} ATTACH PARTITION {t}_2 {bounds}")
    end(t, f"ATTACH {bounds} in an old snapshot")
    for command in f"DROP TABLE {t}_2", f"ALTER TABLE {t} DETACH PARTITION {t}_2", f"TRUNCATE {t}_2":
        t = make(f"{command.split()[0]}{number}".lower())
        command = f"{command[: command.rindex(' ')]} {t}_2".replace(f"TABLE attach{number}", f"TABLE {t}")
        A(f"ALTER TABLE {t} ATTACH PARTITION {t}_2 {bounds}")
        old(B)
        W(f"INSERT INTO {t} VALUES ('2026-02-02Z', 5)")
        W(f"CALL powertree_compact('{t}')")
        B(command)
        end(t, f"{command} ({bounds}) in an old snapshot")

# Rows that older snapshots see, too, though they came later.
t = make("frozen")
old(B)
W("BEGIN")
W(f"CREATE TABLE {t}_3 PARTITION OF {t} {march}")
W(f"COPY {t}_3 FROM PROGRAM 'printf \"2026-03-02 00:00Z\\\\t42\\n\"' (FREEZE)")
W("COMMIT")
check(B, t, "COPY FREEZE into a new partition")
end(t, "COPY FREEZE into a new partition")

t = make("emptied")
A(f"CREATE TABLE {t}_3 PARTITION OF {t} {march}")
A(f"CALL powertree_compact('{t}')")
old(B)
W("BEGIN")
W(f"TRUNCATE {t}_3")
W(f"COPY {t}_3 FROM PROGRAM 'printf \"2026-03-02 00:00Z\\\\t42\\n\"' (FREEZE)")
W("COMMIT")
check(B, t, "COPY FREEZE after TRUNCATE")
end(t, "COPY FREEZE after TRUNCATE")

t = make("deleted")
old(B)
W(f"DELETE FROM {t}_1")
W(f"DROP TABLE {t}_1")
check(B, t, "DELETE and DROP")
end(t, "DELETE and DROP")

t = make("late")
A(f"INSERT INTO {t}_2 VALUES ('2026-02-02Z', 5)")
old(B)
W(f"DELETE FROM {t}_2")
W(f"ALTER TABLE {t} ATTACH PARTITION {t}_2 {february}")
check(B, t, "ATTACH of an emptied table")
end(t, "ATTACH of an emptied table")

# A compaction in an old snapshot would read such rows, and count them again when their log comes.
t = make("twice")
A(f"CREATE TABLE {t}_d PARTITION OF {t} DEFAULT")
A(f"CALL powertree_compact('{t}')")
W(f"INSERT INTO {t} VALUES ('2026-01-31 23:30Z', 1)")
W(f"UPDATE {t} SET x = 2 WHERE at = '2026-01-31 23:30Z'")
old(B)
W(f"ALTER TABLE {t} DETACH PARTITION {t}_1")
W("BEGIN")
W(f"CREATE TABLE {t}_3 PARTITION OF {t} FOR VALUES FROM ('2026-01-31 23:45Z') TO ('2026-02-01Z')")
W(f"COPY {t}_3 FROM PROGRAM 'printf \"2026-01-31 23:50Z\\\\t42\\n\"' (FREEZE)")
W("COMMIT")
refused(B, f"CALL powertree_compact('{t}')", "40001", "a compaction in an old snapshot")
B("ROLLBACK")
B("BEGIN")
end(t, "rows that were frozen beside a dirty leaf")

# Trees of different tables are made and dropped beside one another.
A("CREATE TABLE one (at bigint, x float8); CREATE TABLE two (at bigint, x float8); SELECT powertree_create('one', 'at', '{x}', '9')")
B("BEGIN")
B("SELECT powertree_create('two', 'at', '{x}', '9')")
W("SET lock_timeout = '60s'")
W("SELECT powertree_drop('one')")
W("SELECT powertree_create('one', 'at', '{x}', '9')")
B("COMMIT")
# A partition that is given to another waits until the compaction that found one owner is over.
A("CREATE ROLE stranger")
t = make("given")
B("BEGIN")
B(f"CALL powertree_compact('{t}')")
W("SET lock_timeout = '100ms'")
refused(W, f"ALTER TABLE {t}_1 OWNER TO stranger", "55P03", "another owner beside a compaction")
B("COMMIT")
W(f"ALTER TABLE {t}_1 OWNER TO stranger")
refused(A, f"CALL powertree_compact('{t}')", "42501", "a partition of somebody else's")
A(f"ALTER TABLE {t} OWNER TO stranger; ALTER TABLE {t}_1 OWNER TO CURRENT_USER")
refused(A, f"CALL powertree_compact('{t}')", None, "a partition of a superuser's")
# Nodes of the first format, which a snapshot of before sees when the tree has those of the second.
t = make("format")
A(f"""UPDATE powertree_node SET block = '\\x0000' WHERE tree = (SELECT id FROM powertree_definition WHERE name = '{t}');
    UPDATE powertree_state SET format = 1 WHERE tree = (SELECT id FROM powertree_definition WHERE name = '{t}')""")
old(B)
check(B, t, "the first format")
A(f"INSERT INTO {t} VALUES ('2026-01-03Z', 7)")
A(f"CALL powertree_compact('{t}')")
check(B, t, "the first format, compacted since")
end(t, "the first format")
# Leaves of another width, whose nodes a snapshot of before does not see.
t = make("leaves")
old(B)
check(B, t, "leaves")
A(f"SELECT powertree_rebuild('{t}', '7 minutes')")
check(B, t, "leaves of another width")
A(f"INSERT INTO {t} VALUES ('2026-01-03Z', 7)")
A(f"CALL powertree_compact('{t}')")
check(B, t, "leaves of another width, compacted")
refused(B, f"CALL powertree_compact('{t}')", "40001", "a compaction with leaves of before")
B("ROLLBACK")
end(t, "leaves of another width")
sys.exit(failed)
PYTHON
