"""Stored reports: each change is told once, whatever is killed, to those who may read it."""

import json
import os
import re
import signal
import socketserver
import struct
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as tree
from pathlib import Path

from document import check
from refusals import problem
from server import PASSWORDS, ROOT, TALLY, Service, database, free_port, psql, wait_until

sys.path.insert(0, str(ROOT / "tests"))
from webhook import Webhook  # noqa: E402

ATOM = "{http://www.w3.org/2005/Atom}"
# An owner of reports, and somebody who may read one; ann may read the table, and none of them.
PASSWORDS |= {"reporter": "no7es", "guest": "pl5ase"}

TABLES = """
CREATE TABLE sales (shop text, at timestamptz, total float8);
INSERT INTO sales SELECT 'shop ' || s, timestamptz '2026-06-01Z' + i * interval '1 hour', 100 + 5 * sin(i * 12.9898 + s * 78.233) * cos(i * i * 0.37 + s)
FROM generate_series(1, 30) s, generate_series(0, 399) i;
GRANT SELECT ON sales TO reporter, ann;
"""


def step(shop, hour, difference, until=400):
    """Have a series change."""
    psql(f"UPDATE sales SET total = total + {difference} WHERE shop = 'shop {shop}' AND at >= timestamptz '2026-06-01Z' + {hour} * interval '1 hour' AND at < timestamptz '2026-06-01Z' + {until} * interval '1 hour'")


def section(name="sales", every="1s", source="table = 'sales'\nseries = ['shop']\ntime = 'at'\nvalue = 'total'", rest="", user="reporter"):
    when = f"at = '{every}'\ntime_zone = 'Asia/Tokyo'" if ":" in every else f"every = '{every}'"
    return f"[[report]]\nname = '{name}'\n{when}\n{source}\n{rest}\n[report.database]\nurl = '{database()}'\n".replace("127.0.0.1", f"{user}:{PASSWORDS[user]}@127.0.0.1")


def prepare():
    """Begin anew: the tables, the roles, no report."""
    psql("SET client_min_messages = error; DROP TABLE IF EXISTS sales; DROP SCHEMA IF EXISTS serve CASCADE")
    for user in ("reporter", "guest"):
        if psql(f"SELECT count(*) FROM pg_roles WHERE rolname = '{user}'") == "0":
            psql(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORDS[user]}'")
            access = Path(os.environ["PGHOST"]) / "pg_hba.conf"
            access.write_text(f"host all {user} 127.0.0.1/32 scram-sha-256\n{access.read_text()}")
    psql("SELECT pg_reload_conf()")
    psql(TABLES)


def setup_file(*sections):
    """A configuration whose `database` is the superuser's."""
    file = Path(os.environ["PGHOST"]) / "setup.toml"
    file.write_text(f"database = 'host={os.environ['PGHOST']} port={os.environ['PGPORT']} dbname=postgres user={psql('SELECT current_user')}'\n[serve]\n{''.join(sections)}")
    return file


def set_up(*sections):
    """Make the tables as the superuser, by the command."""
    done = subprocess.run([TALLY, "serve", "--config", setup_file(*sections), "--setup"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done


def runs(name="sales", where="state = 'done'"):
    return int(psql(f"SELECT count(*) FROM serve.report_runs WHERE report = '{name}' AND {where}"))


def next_runs(many=2, name="sales", where="state = 'done'"):
    """Wait until runs have begun after now and ended."""
    now = psql("SELECT clock_timestamp()")
    wait_until(lambda: runs(name, f"{where} AND began > '{now}'") >= many, f"{name} does not run", 60)


def news(name="sales"):
    """The new changes of all runs: run, series, hour."""
    return [line.split("|") for line in psql(f"""SELECT r.run, f.series, round(extract(epoch FROM f.at - '2026-06-01Z') / 3600)
        FROM serve.report_findings f JOIN serve.report_runs r USING (run) WHERE r.report = '{name}' AND f.state = 'new' ORDER BY 1, 2, 3""").splitlines()]


def told_once():
    prepare()
    step(3, 200, 40)
    late = "shop = 'shop 7' AND at >= timestamptz '2026-06-01Z' + interval '120 hours'"
    psql(f"CREATE TABLE IF NOT EXISTS late (LIKE sales); TRUNCATE late; WITH gone AS (DELETE FROM sales WHERE {late} RETURNING *) INSERT INTO late SELECT * FROM gone")
    set_up(section())
    with Service(section()) as service:
        next_runs(3)
        assert [row[1:] for row in news()] == [["shop 3", "200"]], news()
        heard = listen()
        # New rows, an end, and late rows that change what was before: only what was not told is told.
        psql("INSERT INTO sales SELECT shop, at + interval '100 hours', total FROM sales WHERE at >= timestamptz '2026-06-01Z' + interval '300 hours'")
        next_runs()
        assert len(news()) == 1, news()
        step(3, 300, -40, 500)
        next_runs()
        assert len(news()) == 1 and psql("SELECT ended_at = timestamptz '2026-06-01Z' + interval '300 hours' FROM serve.report_findings WHERE state = 'known' ORDER BY run DESC LIMIT 1") == "t", news()
        psql("INSERT INTO sales SELECT shop, at, total - 50 FROM late")
        next_runs()
        assert [row[1:] for row in news()] == [["shop 3", "200"], ["shop 7", "120"]], news()
        numbers = psql("SELECT string_agg(run::text, ',') FROM serve.report_runs WHERE num_new > 0 AND due > (SELECT min(due) FROM serve.report_runs WHERE num_new > 0)")
        assert heard() == numbers.split(",") and len(numbers.split(",")) == 1, (heard(), numbers)
        assert psql("SELECT count(DISTINCT due) = count(*) AND bool_and(attempts = 1 AND state = 'done') FROM serve.report_runs") == "t"
        described(service)


def listen():
    """Listen to what is announced; what is returned says what has come."""
    process = subprocess.Popen(["psql", "-XqAt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write("LISTEN serve_reports;\nSELECT 'listening';\n")
    process.stdin.flush()
    assert process.stdout.readline() == "listening\n"

    def heard():
        if process.poll() is None:
            out, _ = process.communicate("SELECT 1;\n")
            heard.found = re.findall(r'"serve_reports" with payload "(\d+)"', out)
        return heard.found

    return heard


def described(service):
    """Answers have the shape that the document says, and are for those who may read them."""
    document = service.get("/openapi.json", user=None)
    base = "/api/v1/reports"
    newest = service.get(f"{base}/sales", user="reporter")["newest"]["run"]
    told = news()[-1][0]
    for path, asked in [(base, base), (f"{base}/{{report}}", f"{base}/sales"), (f"{base}/{{report}}/runs/{{run}}", f"{base}/sales/runs/{told}"),
                        (f"{base}/{{report}}/runs/{{run}}", f"{base}/sales/runs/newest")]:
        check(document, document["paths"][path]["get"], 200, service.get(asked, user="reporter"))
    found = service.get(f"{base}/sales/runs/{told}", user="reporter")
    wanted = json.loads(psql(f"SELECT json_agg(json_build_object('change', change, 'state', state, 'series', series, 'at', at, 'difference', difference, 'explanation', explanation) ORDER BY place) FROM serve.report_findings WHERE run = {told}"))
    assert [{key: change[key] for key in wanted[0]} for change in found["changes"]] == wanted and found["num_new"] == 1, found
    status, headers, _ = service.ask("GET", f"{base}/sales/runs/{told}", user="reporter")
    assert service.ask("GET", f"{base}/sales/runs/{told}", user="reporter", headers={"If-None-Match": headers["ETag"]})[0] == 304
    lines = service.get(f"{base}/sales/csv", user="reporter").splitlines()
    assert lines[0].startswith("run,due,told_at,change,series,at,kind,") and [line.split(",")[4] for line in lines[1:]] == ["shop 7", "shop 3"], lines
    status, headers, text = service.ask("GET", f"{base}/sales/atom", user="reporter")
    assert status == 200 and headers["Content-Type"] == "application/atom+xml" and headers["ETag"]
    feed = tree.fromstring(text)
    entries = feed.findall(f"{ATOM}entry")
    assert [re.match(r"shop \d", entry.find(f"{ATOM}title").text).group() for entry in entries] == ["shop 7", "shop 3"], text
    assert len({entry.find(f"{ATOM}id").text for entry in entries}) == 2 and all(entry.find(f"{ATOM}updated").text for entry in entries)
    assert newest >= int(told)
    for user in ("ann", "guest"):
        assert service.get(base, user=user) == []
        for place in ("", f"/runs/{told}", "/runs/newest", "/csv", "/atom"):
            problem(service.ask("GET", f"{base}/sales{place}", user=user), 404)
    for place in ("/none", "/none/csv", "/sales/runs/0", "/sales/runs/x", f"/sales/runs/{2**70}"):
        problem(service.ask("GET", f"{base}{place}", user="reporter"), 404)


def rights():
    """What other roles may do with the tables of reports, by SQL: nothing beyond the rows that they are let read."""
    prepare()
    step(3, 200, 40)
    set_up(section(), section("other", user="owner"))
    psql("GRANT SELECT ON sales TO owner")
    with Service(section(rest="readers = ['guest']") + section("other", user="owner")) as service:
        next_runs(1)
        next_runs(1, "other")
        assert [report["name"] for report in service.get("/api/v1/reports", user="guest")] == ["sales"]
        assert service.get("/api/v1/reports/sales/runs/newest", user="guest")["changes"][0]["series"] == "shop 3"
        assert service.get("/api/v1/reports", user="ann") == service.get("/api/v1/reports", user="nobody") == []
        count = "SELECT (SELECT count(*) FROM serve.reports), (SELECT count(DISTINCT report) FROM serve.report_runs), (SELECT count(DISTINCT report) FROM serve.report_changes), (SELECT count(*) > 0 FROM serve.report_findings)"
        for user, wanted in (("ann", "0|0|0|f"), ("guest", "1|1|1|t"), ("reporter", "1|1|1|t"), ("owner", "1|1|1|t")):
            assert psql(count, user) == wanted, (user, psql(count, user))
        # A member of the owner may what the owner may.
        psql("GRANT reporter TO ann")
        assert [report["name"] for report in service.get("/api/v1/reports")] == ["sales"]
        psql("REVOKE reporter FROM ann")
        for user in ("ann", "guest"):
            for sql in ("DELETE FROM serve.report_runs", "UPDATE serve.reports SET readers = '{}'", "INSERT INTO serve.reports VALUES ('x', 'guest', '{}', '', 0)"):
                refused(sql, user)
        # Who runs one report may not touch another's, nor pretend to be another.
        for sql in ("INSERT INTO serve.reports VALUES ('x', 'reporter', '{}', '', 0)", "UPDATE serve.reports SET owner = 'reporter'",
                    "INSERT INTO serve.report_changes (report, first_run, last_run, sighting) VALUES ('sales', 1, 1, '{}')"):
            refused(sql, "owner")
        assert psql("WITH gone AS (DELETE FROM serve.reports WHERE name = 'sales' RETURNING 1) SELECT count(*) FROM gone", "owner") == "0"
    # A report whose name another role has is not run, and says why.
    with Service(section("other")) as service:
        wait_until(lambda: "another role has a report of this name" in service.log.read_text(), "nothing is said")


def refused(sql, user):
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"], input=f"SET ROLE {user}; {sql}", capture_output=True, text=True, check=False)
    assert done.returncode and ("permission denied" in done.stderr or "row-level security" in done.stderr), (sql, user, done)


def first_start():
    """The owner of the database makes the tables itself; who may not says what is missing."""
    prepare()
    with Service(section()) as service:
        wait_until(lambda: "permission denied for database" in service.log.read_text(), "nothing is said")
    psql("GRANT CREATE ON DATABASE postgres TO reporter")
    with Service(section()) as service:
        wait_until(lambda: "schema serve is not used" in service.log.read_text(), "who is no owner makes tables")
    assert psql("SELECT to_regclass('serve.report_findings')") == ""
    psql("REVOKE CREATE ON DATABASE postgres FROM reporter; ALTER DATABASE postgres OWNER TO reporter")
    try:
        with Service(section()):
            wait_until(lambda: psql("SELECT to_regclass('serve.report_findings') IS NOT NULL") == "t", "no tables are made")
            next_runs(1)
    finally:
        psql("ALTER DATABASE postgres OWNER TO current_user")


def strangers():
    """Somebody else's schema is not used, neither by those who ask nor by reports and what tells of them: its policies and triggers
    would run as they."""
    prepare()
    webhook = Webhook()
    psql("GRANT CREATE ON DATABASE postgres TO guest")
    psql("""CREATE SCHEMA serve; GRANT USAGE ON SCHEMA serve TO PUBLIC;
        CREATE FUNCTION serve.catch() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'caught %', current_user; END $$;
        CREATE TABLE serve.reports (name text, owner regrole, readers regrole[], schedule text, false_alarms float8);
        CREATE TABLE serve.report_runs (report text, run bigint, due timestamptz, num_new int, error text, untold text[]);
        CREATE TABLE serve.report_findings (run bigint, place int, state text, explanation text);
        CREATE TABLE serve.seen (who name);
        CREATE FUNCTION serve.spy() RETURNS boolean LANGUAGE sql AS 'INSERT INTO serve.seen VALUES (current_user); SELECT true';
        ALTER TABLE serve.reports ENABLE ROW LEVEL SECURITY;
        ALTER TABLE serve.report_runs ENABLE ROW LEVEL SECURITY;
        CREATE POLICY trap ON serve.reports USING (serve.catch());
        CREATE POLICY spy ON serve.report_runs USING (serve.spy());
        INSERT INTO serve.report_runs VALUES ('sales', 1, now(), 1, '', '{new}');
        INSERT INTO serve.reports VALUES ('bait', 'guest', '{}', '', 0);
        GRANT ALL ON ALL TABLES IN SCHEMA serve TO PUBLIC""", "guest")
    try:
        with Service(section() + webhook.section()) as service:
            for place in ("", "/bait", "/bait/atom", "/bait/runs/newest"):
                assert "schema serve is not used" in problem(service.ask("GET", f"/api/v1/reports{place}"), 403)["title"]
            wait_until(lambda: "schema serve is not used" in service.log.read_text(), "the report says nothing")
            assert "caught" not in service.log.read_text()
            # What tells looks at once; it has, when the report has.
            assert psql("SELECT count(*) FROM serve.seen") == "0" and not webhook.told("new changes")
        done = subprocess.run([TALLY, "serve", "--config", setup_file(section()), "--setup"], capture_output=True, text=True, check=False)
        assert done.returncode and "schema serve is not used" in done.stderr, done
    finally:
        psql("DROP SCHEMA serve CASCADE; REVOKE CREATE ON DATABASE postgres FROM guest")


def stored_detectors():
    prepare()
    step(3, 200, 40)
    psql("DROP TABLE IF EXISTS watching; CREATE TABLE watching AS SELECT shop, detect(total, at ORDER BY at) AS d FROM sales GROUP BY shop; GRANT SELECT ON watching TO reporter")
    stored = section("stored", source="table = 'watching'\nseries = ['shop']\ndetector = 'd'")
    asked = section("asked", source="query = '''SELECT shop AS series, at, total AS value FROM sales WHERE shop <> 'shop 1' '''", every="00:00")
    set_up(stored, asked)
    with Service(stored + asked):
        next_runs(1, "stored")
        wait_until(lambda: runs("asked") == 1, "asked does not run")
        assert psql("SELECT due = date_trunc('day', now() AT TIME ZONE 'Asia/Tokyo') AT TIME ZONE 'Asia/Tokyo' FROM serve.report_runs WHERE report = 'asked'") == "t"
    for name in ("stored", "asked"):
        assert [row[1:] for row in news(name)] == [["shop 3", "200"]], (name, news(name))


def failures():
    """A run that fails is stored, told once, and tried again; what it missed is told by the next that succeeds."""
    prepare()
    step(3, 200, 40)
    webhook = Webhook()
    set_up(section())
    psql("REVOKE SELECT ON sales FROM reporter")
    with Service(section(every="1h") + webhook.section()):
        wait_until(lambda: runs(where="state = 'failed' AND sqlstate = '42501' AND error LIKE 'permission denied for table sales%' AND attempts = 2") == 1, "it is not tried again", 60)
        assert [message["phase"] for message in webhook.told("report failed")] == ["begins"], webhook.messages
        psql("GRANT SELECT ON sales TO reporter")
        wait_until(lambda: runs(where="state = 'done' AND attempts = 3 AND sqlstate IS NULL") == 1, "it does not succeed", 60)
        wait_until(lambda: webhook.told("new changes"), "nothing is told")
    phases = [(message["problem"], message["phase"], message["subject"]) for message in webhook.messages]
    assert phases == [("report failed", "begins", "sales"), ("report failed", "over", "sales"), ("new changes", "news", "sales")], phases
    assert "1 new change: shop 3 rose from" in webhook.messages[-1]["summary"], webhook.messages[-1]
    assert len(news()) == 1


def two_services():
    """Two services run each report once, and tell once."""
    prepare()
    step(3, 200, 40)
    webhook = Webhook()
    set_up(section())
    with Service(section() + webhook.section()), Service(section() + webhook.section()):
        next_runs(4)
        step(7, 120, -50)
        next_runs(4)
    assert [row[1:] for row in news()] == [["shop 3", "200"], ["shop 7", "120"]], news()
    assert psql("SELECT bool_and(attempts = 1 AND state = 'done') FROM serve.report_runs") == "t"
    assert len(webhook.told("new changes")) == 2 and not webhook.told("report failed"), webhook.messages


def killed_at_each_step():
    """The service is killed while it asks, while it stores, when it has stored and does not know, and while it tells."""
    prepare()
    step(3, 200, 40)
    psql("CREATE TABLE IF NOT EXISTS pause (seconds int); TRUNCATE pause; INSERT INTO pause VALUES (60); GRANT SELECT ON pause TO reporter")
    slow = section(every="1h", source="query = 'SELECT shop AS series, at, total AS value FROM sales, (SELECT pg_sleep(seconds) FROM pause) p'")
    set_up(slow)
    webhook = Webhook()

    def killed(reached, what):
        service = Service(slow + webhook.section())
        wait_until(reached, f"it does not {what}")
        service.process.kill()
        service.process.wait()
        service.directory.cleanup()

    def active(sql):
        return psql(f"SELECT count(*) FROM pg_stat_activity WHERE usename = 'reporter' AND state = 'active' AND {sql}") != "0"

    killed(lambda: active("query LIKE '%important_changes%'"), "ask")
    wait_until(lambda: not active("true"), "its query goes on")
    assert runs(where="true") == 0 and not news()
    psql("UPDATE pause SET seconds = 0")
    with holding("LOCK serve.report_findings"):
        killed(lambda: active("wait_event_type = 'Lock' AND query LIKE '%report_findings%'"), "store")
    wait_until(lambda: not active("true"), "its statement goes on")
    assert runs(where="true") == 0 and not news()
    psql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'; SELECT pg_reload_conf()".replace("; ", ";\n"))
    webhook.hangs.set()
    killed(lambda: active("wait_event = 'SyncRep'"), "commit")
    psql("SET synchronous_commit = local;\nALTER SYSTEM RESET synchronous_standby_names;\nSELECT pg_reload_conf()")
    wait_until(lambda: runs() == 1, "the run is not there")
    killed(lambda: webhook.told("new changes"), "tell")
    webhook.hangs.clear()
    assert psql("SELECT untold FROM serve.report_runs") == "{new}"
    with Service(slow + webhook.section()):
        wait_until(lambda: psql("SELECT untold FROM serve.report_runs") == "{}", "it is not told")
    assert [row[1:] for row in news()] == [["shop 3", "200"]] and runs(where="true") == 1, news()
    assert len(webhook.told("new changes")) == 2, webhook.messages


def backend_killed():
    """PostgreSQL goes down while a report runs: the run is tried again when it is back."""
    prepare()
    step(3, 200, 40)
    psql("CREATE TABLE IF NOT EXISTS pause (seconds int); TRUNCATE pause; INSERT INTO pause VALUES (60); GRANT SELECT ON pause TO reporter")
    slow = section(every="1h", source="query = 'SELECT shop AS series, at, total AS value FROM sales, (SELECT pg_sleep(seconds) FROM pause) p'")
    set_up(slow)
    with Service(slow) as service:
        found = "SELECT pid FROM pg_stat_activity WHERE usename = 'reporter' AND query LIKE '%important_changes%' AND state = 'active'"
        wait_until(lambda: psql(found), "it does not ask")
        psql("UPDATE pause SET seconds = 0")
        os.kill(int(psql(found)), signal.SIGKILL)
        wait_until(lambda: subprocess.run(["psql", "-XqAtc", "SELECT 1"], capture_output=True, check=False).returncode == 0, "the server does not come back", 60)
        wait_until(lambda: runs() == 1, "it is not tried again", 60)
    assert [row[1:] for row in news()] == [["shop 3", "200"]]


class holding:
    """A session that holds a lock."""

    def __init__(self, sql):
        self.session = subprocess.Popen(["psql", "-XqAt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.session.stdin.write(f"BEGIN; {sql};\nSELECT 'held';\n")
        self.session.stdin.flush()
        assert self.session.stdout.readline() == "held\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.communicate("ROLLBACK;\n")


def kept():
    """Old runs are forgotten, and what they told is not told again."""
    prepare()
    step(3, 200, 40)
    set_up(section())
    with Service(section(rest="keep_runs = 2")):
        wait_until(lambda: psql("SELECT max(run) >= 6 FROM serve.report_runs") == "t", "it does not run", 60)
        assert runs() == 2
    assert not news() and psql("SELECT count(*) FROM serve.report_changes") == "1"


class Refusing(socketserver.BaseRequestHandler):
    """A server that refuses everybody, which is an answer."""

    def handle(self):
        if len(self.request.recv(8192)) == 8:
            self.request.sendall(b"N")  # no encryption
            self.request.recv(8192)
        fields = b"SFATAL\0VFATAL\0C28000\0Mnobody may come in\0\0"
        self.request.sendall(b"E" + struct.pack("!i", 4 + len(fields)) + fields)


def unready():
    """A database that does not answer for a minute is told, and that it answers again."""
    webhook, port = Webhook(), free_port()
    with Service(webhook.section(), url=f"postgres://127.0.0.1:{port}/postgres"):
        time.sleep(40)
        assert not webhook.messages, webhook.messages
        wait_until(lambda: webhook.messages, "nothing is told", 60)
        with socketserver.ThreadingTCPServer(("127.0.0.1", port), Refusing) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            wait_until(lambda: len(webhook.messages) == 2, "its end is not told", 60)
            server.shutdown()
    told = [(message["program"], message["problem"], message["phase"], message["summary"]) for message in webhook.messages]
    assert told == [("tally serve", "not ready", phase, "the database does not answer") for phase in ("begins", "over")], told


TESTS = [unready, first_start, strangers, told_once, rights, stored_detectors, failures, two_services, killed_at_each_step, backend_killed, kept]
