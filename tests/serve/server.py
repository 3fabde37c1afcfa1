"""What the tests of `tally serve` share: a database with users who log in, the service beside it, and requests."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from service import free_port

TALLY = Path(os.environ.get("TALLY") or Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/tally")
PROBLEM = "application/problem+json"
# An owner, an analyst, somebody without rights, and the role of those who do not log in.
PASSWORDS = {"owner": "o w:n,er", "ann": "änn'ß", "nobody": "n", "web": "w"}

TABLES = """
CREATE EXTENSION IF NOT EXISTS pg_tally;
CREATE ROLE boss;
GRANT ann TO boss;
GRANT CREATE ON SCHEMA public TO owner;
SET ROLE owner;
CREATE TABLE quotes (exchange text, symbol text, at timestamptz, price float8, size bigint);
INSERT INTO quotes SELECT 'x' || e, 'S' || s, timestamptz '2026-03-01 00:00Z' + n * interval '6 seconds', 100 + s + sin(n / 50.0) + CASE WHEN n > 20000 THEN 5 ELSE 0 END, n
FROM generate_series(1, 2) e, generate_series(1, 3) s, generate_series(0, 28799) n;
INSERT INTO quotes VALUES ('x1', 'S1', '2026-03-02 12:00:03Z', 'NaN', 1), ('odd&=', 'a"b<script>', '2026-03-02 12:00:03Z', 7, 1);
CREATE INDEX ON quotes (exchange, symbol, at);
CREATE TABLE counts (at bigint, x float8);
INSERT INTO counts SELECT n, n % 10 FROM generate_series(1, 5000) n;
CREATE TABLE secret (word text);
INSERT INTO secret VALUES ('sesame');
SELECT powertree_create('quotes', at => 'at', "values" => '{price,size}', series => '{exchange,symbol}', leaf => '10 minutes');
SELECT powertree_create('counts', at => 'at', "values" => '{x}', leaf => '100');
CALL powertree_compact();
GRANT SELECT ON quotes, counts TO ann;
GRANT SELECT ON counts TO web;
CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS $$ INSERT INTO secret VALUES ('written') RETURNING 1 $$;
RESET ROLE;
"""


def psql(sql, user=None):
    """What a query returns, as that user."""
    whole = f"SET ROLE {user}; {sql}" if user else sql
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1"], input=whole, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{sql}\n{done.stderr}")
    return done.stdout.strip()


def rows(sql, user=None, before=""):
    """The rows of a query, as JSON has them; `before` are settings."""
    return json.loads(psql(f"{before} SELECT coalesce(json_agg(r), '[]') FROM ({sql}) r", user))


def make_users():
    """Make the users, for whom the server asks a password."""
    for user, password in PASSWORDS.items():
        psql(f"CREATE ROLE {user} LOGIN PASSWORD '{password.replace(chr(39), chr(39) * 2)}'")
    access = Path(os.environ["PGHOST"]) / "pg_hba.conf"
    access.write_text(f"host all {','.join(PASSWORDS)} 127.0.0.1/32 scram-sha-256\n{access.read_text()}")
    psql("SELECT pg_reload_conf()")


def prepare():
    """Make the users and the tables."""
    make_users()
    psql(TABLES)


def database(user=None, port=None):
    """The URL of the database, as a user if one is named, at another port if one is given."""
    who = f"{user}:{PASSWORDS[user]}@" if user else ""
    return f"postgres://{who}127.0.0.1:{port or os.environ['PGPORT']}/postgres"


class Service:
    """The service as a process."""

    def __init__(self, config="", address="127.0.0.1", tls=None, url=None, top=""):
        self.port = free_port()
        self.address, self.tls = address, tls
        self.directory = tempfile.TemporaryDirectory()
        self.file = Path(self.directory.name) / "tally.toml"
        self.file.write_text(f"database = '{url or database()}'\n{top}[serve]\nlisten = '{address}:{self.port}'\n{config}")
        self.log = Path(self.directory.name) / "log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([TALLY, "serve", "--config", self.file], stderr=log, env={**os.environ, "RUST_LOG": "info"})
        until = time.monotonic() + 30
        while "serving" not in self.log.read_text():
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the service does not start: {self.log.read_text()}")
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise SystemExit("the service does not stop") from None
        log = self.log.read_text()
        self.directory.cleanup()
        assert code == 0, (code, log)
        assert "panicked" not in log, log
        for password in PASSWORDS.values():
            assert len(password) < 3 or password not in log, "a password is in the log"

    def connection(self, timeout=60):
        if self.tls:
            return http.client.HTTPSConnection(self.address, self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection(self.address, self.port, timeout=timeout)

    def ask(self, method, path, body=None, user="ann", headers=None, connection=None):
        """Status, headers and body, which is parsed if it is JSON."""
        connection = connection or self.connection()
        sent = {**(basic(user) if user else {}), **(headers or {})}
        if body is not None and not isinstance(body, (bytes, str)):
            body, sent = json.dumps(body), {"Content-Type": "application/json", **sent}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        text = answer.read()
        kind = answer.headers.get("Content-Type", "")
        parsed = json.loads(text) if text and kind in ("application/json", PROBLEM) else text.decode()
        return answer.status, answer.headers, parsed

    def get(self, path, **options):
        """The body of an answer that must be good."""
        status, _, body = self.ask("GET", path, **options)
        assert status == 200, (path, status, body)
        return body

    def query(self, sql, **options):
        """Status and body of a query in JSON."""
        form = {"sql": sql, **{key: options.pop(key) for key in ("params", "limit") if key in options}}
        status, _, body = self.ask("POST", "/api/v1/query", form, **options)
        return status, body

    def memory(self):
        """The most memory that the process has taken, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def metrics(self):
        """The numbers of the service, by name and labels."""
        lines = [line.rsplit(" ", 1) for line in self.get("/metrics", user=None).splitlines() if line and line[0] != "#"]
        return {name: float(number) for name, number in lines}

    def raw(self):
        """A plain connection."""
        return socket.create_connection((self.address, self.port), timeout=60)


def basic(user, password=None):
    pair = f"{user}:{PASSWORDS[user] if password is None else password}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def wait_until(holds, what, seconds=30):
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise AssertionError(what)
        time.sleep(0.05)


def running(sql):
    """How many statements that contain this text are running."""
    quoted = sql.replace("'", "''")
    return int(psql(f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%{quoted}%'"))
