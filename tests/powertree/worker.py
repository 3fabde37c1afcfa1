#!/usr/bin/env -S python3 -B
"""The background workers: they serve the databases that are named, go on past trees that are locked or fail, say why, stop when
they are told to, and let databases go that are to be dropped, renamed or copied.

Needs shared_preload_libraries = pg_tally, pg_tally.powertree_databases = served,absent and pg_tally.powertree_compact_seconds = 1.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "security"))
from session import Session  # noqa: E402

failed = False


def check(what, good, told=""):
    global failed
    failed |= not good
    print(f"{'ok' if good else 'not ok'} - {what}" + (f"\n    {told}" if told and not good else ""))


def until(question, seconds=120):
    """Wait until it is true, within a time that only a failure needs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if question():
            return True
        time.sleep(0.1)
    return False


admin = Session()
log = Path(admin.value("SHOW data_directory")).parent / "log"


def said(text):
    return log.read_text(errors="replace").count(text)


def workers():
    return [row[0] for row in admin("SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_tally power trees' AND datname = 'served'")]


def make_tree(session, name):
    session(f"SET client_min_messages = warning; CREATE TABLE {name} (at bigint, x float8); SELECT powertree_create('{name}', 'at', '{{x}}', '10')")


def kept(session, name):
    session(f"INSERT INTO {name} VALUES (1, 1)")
    return until(lambda: session(f"SELECT log_rows, state FROM powertrees WHERE name = '{name}'")[0] == ("0", "live"))


check("a name that is no database is said", until(lambda: said('database "absent" of pg_tally.powertree_databases') > 0))
admin("CREATE DATABASE served")
served = Session(database="served")
served("CREATE EXTENSION pg_tally")
make_tree(served, "first")
make_tree(served, "second")
check("a database that came later is served", kept(served, "second"))
check("and said to be", served.value("SELECT bool_and(served) FROM powertrees") == "t")
admin("SET client_min_messages = warning; CREATE EXTENSION pg_tally")
make_tree(admin, "elsewhere")
check("another is not", admin.value("SELECT served FROM powertrees") == "f")
admin("DROP TABLE elsewhere; DROP EXTENSION pg_tally")

other = Session(database="served")
other("BEGIN; LOCK TABLE first")
check("a table that is locked does not keep others from their turn", kept(served, "second"))
other("COMMIT")
check("it has its turn afterwards", kept(served, "first"))

served("CREATE ROLE keeper; ALTER TABLE first OWNER TO keeper")
served("ALTER TABLE first ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; INSERT INTO first VALUES (2, 2)")
failure = "SELECT error, failures FROM powertree_failure f JOIN powertree_definition d ON d.id = f.tree WHERE d.name = 'first'"
check("the last error is kept", until(lambda: (rows := served(failure)) and "row security" in rows[0][0]))
check("it is shown to the owner", served.value("SET ROLE keeper; SELECT last_error LIKE '%row security%' AND failed_at IS NOT NULL FROM powertrees WHERE name = 'first'; RESET ROLE") == "t")
check("and logged", until(lambda: said('power tree "first" was not compacted: row security is forced') > 0))
check("a tree that fails does not keep others from their turn", kept(served, "second"))
check("it is tried again", until(lambda: int(served(failure)[0][1]) > 1))
# Each attempt is in the log and in the table, one a moment after the other: pauses are much longer.
check("after a pause", until(lambda: said('power tree "first" was not compacted') == int(served(failure)[0][1])))
served("ALTER TABLE first NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY")
check("what failed goes on when it can", kept(served, "first") and not served(failure))

served("CREATE TABLE slow (); GRANT SELECT ON slow TO keeper")
served("""CREATE FUNCTION wait(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
    IF current_setting('test.client', true) = 'yes' THEN RETURN 1; END IF;
    IF EXISTS (SELECT FROM public.slow) THEN PERFORM pg_sleep(600); END IF;
    PERFORM pg_advisory_lock(4711); RETURN 1; END $$""")
served("SET test.client = 'yes'")
served("CREATE INDEX ON first (at) WHERE wait(1) = 1")
served("INSERT INTO first VALUES (3, 3); UPDATE first SET x = 4 WHERE at = 3")
check(
    "locks that an owner's function takes are given back",
    until(lambda: served("SELECT log_rows FROM powertrees WHERE name = 'first'")[0][0] == "0")
    and until(lambda: served("SELECT FROM pg_locks WHERE locktype = 'advisory'") == []),
)
served("INSERT INTO slow DEFAULT VALUES; UPDATE first SET x = 5 WHERE at = 3")
busy = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_tally power trees' AND query = 'compacting power tree first' AND wait_event = 'PgSleep'"
if until(lambda: admin(busy)):
    pid = admin.value(busy)
    admin(f"SELECT pg_terminate_backend({pid})")
    check("SIGTERM ends a compaction", until(lambda: not admin(f"SELECT FROM pg_stat_activity WHERE pid = {pid}")))
else:
    check("a compaction takes long", False)
served("TRUNCATE slow")
check("another worker goes on", kept(served, "first"))

served.close()
other.close()
check("a database can be copied", until(lambda: admin.attempt("CREATE DATABASE copy TEMPLATE served") is None))
check("and renamed", until(lambda: admin.attempt("ALTER DATABASE served RENAME TO moved") is None))
check("and dropped", until(lambda: admin.attempt("DROP DATABASE moved") is None))
admin("CREATE DATABASE served")
served = Session(database="served")
served("CREATE EXTENSION pg_tally")
make_tree(served, "third")
check("one of the same name is served again", kept(served, "third"))
served.close()
admin("DROP DATABASE served WITH (FORCE)")
admin("DROP DATABASE copy")
check("nobody tries to connect to what is not there", said('database "absent" does not exist') == 0)
check("and it is said once", said('database "absent" of pg_tally.powertree_databases') == 1)
sys.exit(failed)
