"""PostgreSQL is killed under the service, or is a standby."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from argparse import Namespace
from pathlib import Path

from refusals import problem
from server import PASSWORDS, ROOT, Service, database, psql, running, wait_until

sys.path.insert(0, str(ROOT / "scripts"))
from cluster import Cluster

SLEEP = "SELECT pg_sleep(20)"


class Sleepers:
    """Fifty queries of two users that run until somebody ends them."""

    def __init__(self, service):
        self.answers = []
        self.threads = [threading.Thread(target=self.ask, args=(service, ("ann", "owner")[number % 2])) for number in range(50)]
        for thread in self.threads:
            thread.start()
        wait_until(lambda: running("pg_sleep(20)") == 50, "the queries do not run")

    def ask(self, service, user):
        self.answers.append(service.ask("POST", "/api/v1/query", {"sql": SLEEP}, user=user))

    def must_fail(self):
        for thread in self.threads:
            thread.join()
        for status, headers, body in self.answers:
            problem((status, body), 503)
            assert headers["Retry-After"] == "1", (status, body)


def must_recover(service):
    wait_until(lambda: service.ask("GET", "/api/v1/trees")[0] == 200, "the service does not recover")
    wait_until(lambda: service.ask("GET", "/ready", user=None)[0] == 200, "the service is not ready again")
    wait_until(lambda: service.query(SLEEP.replace("20", "0"), user="owner")[0] == 200, "another user is not served again")


def backend_killed():
    """A server process is killed while queries run, and PostgreSQL ends them all: they fail, and the next succeed."""
    with Service("connections_per_user = 25\n") as service:
        sleepers = Sleepers(service)
        victim = psql("SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%' AND pid <> pg_backend_pid() LIMIT 1")
        os.kill(int(victim), signal.SIGKILL)
        sleepers.must_fail()
        must_recover(service)


def server_killed():
    """The whole server is killed while queries run, and comes back: who was logged in still is."""
    def cluster(action):
        subprocess.run([ROOT / "scripts/cluster.py", action, Path(os.environ["PGHOST"]).parent], check=True, stdout=subprocess.DEVNULL)

    with Service("connections_per_user = 25\n") as service:
        _, headers, _ = service.ask("POST", "/api/v1/session", {"user": "ann", "password": PASSWORDS["ann"]}, user=None)
        cookie = {"Cookie": headers["Set-Cookie"].split(";")[0]}
        sleepers = Sleepers(service)
        cluster("kill")
        try:
            sleepers.must_fail()
            status, headers, _ = service.ask("GET", "/api/v1/trees")
            assert status == 503 and headers["Retry-After"], status
            problem(service.ask("GET", "/api/v1/trees", user="web"), 503)
            wait_until(lambda: service.ask("GET", "/ready", user=None)[0] == 503, "the service is still ready")
            assert service.get("/health", user=None) == {"live": True}
        finally:
            cluster("start")
        must_recover(service)
        assert service.get("/api/v1/session", user=None, headers=cookie) == {"user": "ann"}
        assert service.get("/api/v1/trees", user=None, headers=cookie)


def standby():
    """On a standby all that reads is answered, as of what has been replayed; what writes is refused, until it is promoted."""
    with tempfile.TemporaryDirectory(prefix="pg_tally.") as directory:
        replica = Cluster(directory, Namespace(pg_config="pg_config", set=[]))
        if os.geteuid() == 0:
            shutil.chown(directory, "postgres", "postgres")
        copied = replica.as_owner("pg_basebackup", "-R", "-c", "fast", "-h", os.environ["PGHOST"], "-p", os.environ["PGPORT"], "-U", "postgres")
        assert not copied.returncode, copied.stderr
        replica.start()
        try:
            with Service(url=database(port=replica.port())) as service:
                reads_and_writes(service, lambda: replica.as_owner("pg_ctl", "-s", "-w", "promote"))
        finally:
            replica.stop()


def reads_and_writes(service, promote):
    base = "/api/v1/trees/quotes"
    series = "value=price&exchange=x2&symbol=S2"
    before = service.get(f"{base}/tally?{series}")
    assert service.get(base)["last"].startswith("2026-03-02T23:59:54")
    for path in (f"{base}/series", f"{base}/tallies?value=size", f"{base}/zoom?{series}&points=100", f"{base}/last/10?{series}", f"/api/v1/changes?tree=quotes&{series}"):
        assert service.get(path), path
    assert service.query("SELECT pg_is_in_recovery()")[1]["rows"] == [[True]]
    psql("INSERT INTO quotes VALUES ('x2', 'S2', '2026-03-01 05:00:01Z', 1000, 1)")
    wait_until(lambda: service.get(f"{base}/tally?{series}")["max"] == 1000, "the standby does not follow")
    psql("DELETE FROM quotes WHERE price = 1000")
    wait_until(lambda: service.get(f"{base}/tally?{series}") == before, "the standby does not follow")
    batch = {"symbol": "standby", "values": [1]}
    problem(service.ask("POST", "/add_batch/", batch, user="owner"), 403, "25006")
    assert service.ask("GET", "/ready", user=None)[0] == 200
    assert not promote().returncode
    assert service.ask("POST", "/add_batch/", batch, user="owner")[0] == 200
    assert service.get("/stats/?symbol=standby&k=1", user="owner")["num_vals"] == 1


TESTS = [backend_killed, server_killed, standby]
