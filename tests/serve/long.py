"""What takes long: a fuzzer of the description, long answers, batch after batch, and the demonstration to its end."""

import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import others
import statistics_service
from server import ROOT, TALLY, basic, wait_until

# Of one tree that has no columns of a series, so that requests get to the answers.
KNOWN = """
[parameters]
tree = "counts"
value = "x"
n = 10
"""


def where(thing):
    return subprocess.run([ROOT / "scripts/where.sh", thing], capture_output=True, text=True, check=True).stdout.strip()


def described_requests(service):
    """Schemathesis makes requests of the description: no error is ours, and each answer is as described."""
    settings = Path(service.directory.name) / "schemathesis.toml"
    for known in ("", KNOWN):
        settings.write_text(known)
        # That valid numbers of rows or names are those of something that is there, no description can say. Logins that fail would close the door.
        done = subprocess.run(
            [sys.executable, f"{where('fuzzer')}/bin/schemathesis", "--config-file", settings, "run", f"http://127.0.0.1:{service.port}/openapi.json",
             "-H", f"Authorization: {basic('owner')['Authorization']}", "--exclude-path", "/api/v1/session", "--exclude-checks", "positive_data_acceptance",
             "--continue-on-failure", "--no-color", "--max-time", "180"],
            env={**os.environ, "PYTHONPATH": where("fuzzer")}, cwd=service.directory.name, capture_output=True, text=True, check=False)
        print("# " + "\n# ".join(line.strip() for line in done.stdout.splitlines() if re.search("passed$|^Seed", line)))
        assert done.returncode == 0, done.stdout


def long_answer():
    others.large(10_000_000)


def many_batches():
    statistics_service.random_batches(400, int(time.time()))


def demonstration():
    """With KEEP=1 the demonstration ends with the address of a page that needs no login, shows its tree, and ends with the cluster."""
    clusters = [ROOT / "scripts/cluster.py", "run", "--pg-config", "pg_config", "--"]
    done = subprocess.run([*clusters, ROOT / "scripts/demo.sh"], env={**os.environ, "KEEP": "1", "CARGO_TARGET_DIR": str(TALLY.parents[1])}, capture_output=True, text=True, check=False)
    directory = re.search(r"cluster\.py stop (\S+)", done.stdout)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", done.stdout)[1])
        page = f"http://127.0.0.1:{port}/"
        assert "<title>tally</title>" in fetched(page) and '"name":"trades"' in fetched(f"{page}api/v1/trees")
    finally:
        if directory:
            subprocess.run([ROOT / "scripts/cluster.py", "stop", directory[1]], check=True)
    wait_until(lambda: fetched(page) is None, "the service outlives its cluster")


def fetched(url):
    """The body of an answer; None if nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read().decode()
    except OSError:
        return None


SHARED = [described_requests]
TESTS = [long_answer, many_batches, demonstration]
