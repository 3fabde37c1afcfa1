"""What requests take: the time that passes, and that of processors, which other work on the machine hardly changes."""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/serve"))
from server import psql


def spent(processes):
    """Milliseconds that these processes have run."""
    files = [file for process in processes for file in Path(f"/proc/{process}/task").glob("*/schedstat")]
    return sum(int(file.read_text().split()[0]) for file in files) / 1e6


def measured(service, user, times, ask):
    """Ask so many times; return the last answer and the medians of the milliseconds that passed, and of those that the service and its user's backends ran."""
    connection = service.connection()
    # The first has the connection to the database made.
    ask(connection)
    backends = psql(f"SELECT pid FROM pg_stat_activity WHERE usename = '{user}'").split()
    processes = [service.process.pid, *backends]
    passed, ran = [], []
    for _ in range(times):
        began, before = time.perf_counter(), spent(processes)
        status, headers, body = ask(connection)
        passed.append((time.perf_counter() - began) * 1000)
        ran.append(spent(processes) - before)
        assert status == 200, body
    return (headers, body), statistics.median(passed), statistics.median(ran)
