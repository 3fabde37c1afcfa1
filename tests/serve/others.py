"""Services that are configured otherwise: tokens, the anonymous role, encryption, load."""

import hashlib
import json
import os
import signal
import ssl
import subprocess
import threading
import time

import refusals
from refusals import problem
from server import PASSWORDS, TALLY, Service, basic, database, psql, running, wait_until


def tokens():
    digest = hashlib.sha256(b"machine").hexdigest()
    config = f"[serve.anonymous]\ndatabase = '{database('web')}'\n[[serve.token]]\nsha256 = '{digest}'\ndatabase = '{database('owner')}'\n"
    with Service(config) as service:
        who = "SELECT current_user::text"
        assert service.query(who, user=None)[1]["rows"] == [["web"]]
        assert service.query(who, user=None, headers={"Authorization": "Bearer machine"})[1]["rows"] == [["owner"]]
        assert service.query(who)[1]["rows"] == [["ann"]]
        assert service.get("/api/v1/session", user=None) == {"user": None}
        problem(service.query("SELECT * FROM quotes", user=None), 403, "42501")
        problem(service.query(who, user=None, headers={"Authorization": "Bearer wrong"}), 401)
        checked = subprocess.run([TALLY, "check", "--config", service.file], capture_output=True, text=True, check=False)
        assert checked.returncode == 0 and "note:" not in checked.stdout, checked
        psql("GRANT INSERT ON counts TO web")
        checked = subprocess.run([TALLY, "check", "--config", service.file], capture_output=True, text=True, check=False)
        assert "who does not log in may write to counts" in checked.stdout, checked
        psql("REVOKE INSERT ON counts FROM web")


def refused_configurations():
    for config, reason in [("listen = '0.0.0.0:9'", "without encryption"), ("lisen = 'x'", "did you mean"), ("listen = 'x'", "no address"), ("[serve.tls]\ncertificate = '/no'\nkey = '/no'", "/no")]:
        file = f"/tmp/serve_{os.getpid()}.toml"
        with open(file, "w", encoding="utf-8") as out:
            out.write(f"database = 'host=h'\n[serve]\n{config}\n")
        done = subprocess.run([TALLY, "serve", "--config", file], capture_output=True, text=True, check=False, timeout=60)
        os.unlink(file)
        assert done.returncode == 2 and reason in done.stderr, (config, done)


def encrypted():
    def certificate(name):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost", "-days", "2",
                        "-keyout", f"{place}/key.pem", "-out", f"{place}/cert.pem"], check=True, capture_output=True)
        return ssl.get_server_certificate(("127.0.0.1", service.port)) if service else None

    service, place = None, subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip()
    certificate("one")
    trust = ssl.create_default_context(cafile=f"{place}/cert.pem")
    trust.check_hostname = False
    with Service(f"[serve.tls]\ncertificate = '{place}/cert.pem'\nkey = '{place}/key.pem'\n", tls=trust) as service:
        assert service.get("/api/v1/trees")
        _, headers, _ = service.ask("POST", "/api/v1/session", {"user": "ann", "password": PASSWORDS["ann"]}, user=None)
        assert headers["Set-Cookie"].startswith("__Host-tally=") and "; Secure" in headers["Set-Cookie"]
        before = certificate("two")
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: ssl.get_server_certificate(("127.0.0.1", service.port)) != before, "the certificate is not renewed")
    subprocess.run(["rm", "-r", place], check=True)


def limits():
    with Service("statement_seconds = 2\n") as service:
        refusals.slow(service)


def crowd():
    """Many connections, some of which say nothing or little; the others are answered."""
    with Service() as service:
        idle = [service.raw() for _ in range(100)]
        for half in idle[:50]:
            half.sendall(b"GET /api/v1/trees HTTP/1.1\r\nHost: localhost\r\nX-")
        statuses = []

        def one():
            statuses.append(service.ask("GET", "/api/v1/trees/quotes/tally?value=price&exchange=x1&symbol=S2")[0])

        service.get("/api/v1/trees")
        threads = [threading.Thread(target=one) for _ in range(500)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(statuses) == 500 and set(statuses) <= {200, 503} and statuses.count(200) >= 100, {status: statuses.count(status) for status in statuses}
        assert 1 <= int(psql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'ann'")) <= 4, psql("SELECT state, query FROM pg_stat_activity WHERE usename = 'ann'")
        # Those that say nothing to the end are cut off.
        for half in idle[:50]:
            half.settimeout(30)
            half.recv(1000)
        for half in idle:
            half.close()


def large(rows=1_000_000):
    """A long answer to a slow client: memory stays small, and nothing is lost."""
    with Service() as service:
        sql = f"SELECT n, 'row number ' || n AS text FROM generate_series(1, {rows}) n"
        connection = service.connection()
        connection.request("POST", "/api/v1/query", json.dumps({"sql": sql}), {**basic("ann"), "Content-Type": "application/json", "Accept": "application/x-ndjson"})
        answer = connection.getresponse()
        lines, last = 0, b""
        for turn in range(10**9):
            chunk = answer.read(1 << 20)
            if not chunk:
                break
            lines, last = lines + chunk.count(b"\n"), chunk
            if turn < 20:
                time.sleep(0.05)
        assert lines == rows and json.loads(last.splitlines()[-1])["n"] == rows, (lines, last[-100:])
        memory = service.memory()
        assert memory < 100, f"{memory} MB"
        print(f"# {rows} rows, at most {memory:.0f} MB")


TESTS = [tokens, refused_configurations, encrypted, limits, crowd, large]
