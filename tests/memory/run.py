#!/usr/bin/env -S python3 -B
"""Sessions that run out of memory at random moments: each statement ends right or with SQLSTATE 53200, and the session goes on.

    scripts/cluster.py run --pg-config PG_CONFIG -- tests/memory/run.py ROUNDS [SEED]

The address space of a session's backend is limited to what it has plus a random little, by prlimit. A session that ends, a
server that restarts, another error and a wrong answer each fail a round; so does a suite in which memory was never scarce.
"""

import os
import random
import re
import resource
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
MARK = "-- done --"
ROWS, FEW = 100000, 100
# A backend gets between 64 kB and 24 MB more, as powers of two.
EXPONENTS = 16, 24.5
PSQL = ["psql", "-X", "-q", "-At", "-v", "VERBOSITY=verbose"]

WINDOW = "SELECT md5(string_agg(v::text, ',')) FROM (SELECT {} AS v FROM ticks WHERE n <= {{rows}}) s"
# With the rows that they read; what they change they leave as it was.
STATEMENTS = {
    "a frame of rows": WINDOW.format("var_samp(price) OVER (ORDER BY n ROWS 70000 PRECEDING)"),
    "a frame that looks ahead": WINDOW.format("sum(price) OVER (ORDER BY n ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"),
    "a frame by value": WINDOW.format("avg(price) OVER (ORDER BY at RANGE interval '1 day' PRECEDING)"),
    "a frame by numeric value": WINDOW.format("avg(price) OVER (ORDER BY n::numeric RANGE BETWEEN 70000 PRECEDING AND 70000 FOLLOWING)"),
    "a frame of peer groups": WINDOW.format("max(price) OVER (ORDER BY peer GROUPS BETWEEN 30000 PRECEDING AND 30000 FOLLOWING)"),
    "extremes of numerics": WINDOW.format("min(exact) OVER w + max(exact) OVER (ORDER BY n ROWS 70000 PRECEDING)").replace(
        ") s", " WINDOW w AS (ORDER BY n ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)) s"),
    "a rising minimum": WINDOW.format("min(n::numeric) OVER (ORDER BY n ROWS 70000 PRECEDING)"),
    "a filter": WINDOW.format("sum(price) FILTER (WHERE series = 1) OVER (ORDER BY n ROWS BETWEEN 70000 PRECEDING AND 70000 FOLLOWING)"),
    "wide tallies": WINDOW.format("avg(tally(exact) OVER (ORDER BY n ROWS 70000 PRECEDING))"),
    "partitions": WINDOW.format("stddev(price) OVER (PARTITION BY series ORDER BY at ROWS 3000 PRECEDING)"),
    "a window of core's": "SET LOCAL pg_tally.accelerate_windows = off; SET LOCAL work_mem = '64MB'; "
    + WINDOW.format("avg(tally(price) OVER (ORDER BY n ROWS 70000 PRECEDING))"),
    "stored tallies": "SELECT md5(string_agg(avg(v)::text, ',')) FROM"
    " (SELECT tally(t) OVER (ORDER BY hour ROWS 4000 PRECEDING) AS v FROM hourly WHERE hour <= {rows} / 20) s",
    "groups of tallies": "SELECT sum(sum(t)) FROM (SELECT tally(exact) AS t FROM ticks WHERE n <= {rows} GROUP BY n) s",
    "detectors": "SELECT count(*) FROM (SELECT detect(price, at ORDER BY at) AS d FROM ticks WHERE n <= {rows} GROUP BY series % 7, n % 400) s"
    " WHERE run_length(d) >= 0",
    "detectors side by side": "SET LOCAL enable_sort = off; SELECT count(*) FROM"
    " (SELECT detect(price) AS d FROM ticks WHERE n <= {rows} GROUP BY n / 4) s WHERE length(d::text) > 0",
    "a report": "SELECT count(*) FROM important_changes($$SELECT series + n % 20 * 100 AS series, at, price AS value FROM ticks WHERE n <= {rows}$$)",
    "discoveries": "SELECT count(*) FROM fleet_discoveries((SELECT array_agg(price - 700) FROM ticks WHERE n <= {rows}), 0.05)",
    "a range of nodes": "SELECT num_vals(powertree_tally('folded', 'price', '2026-01-01 00:00:30Z',"
    " '2026-01-01Z'::timestamptz + {rows} * interval '1 second', '7'))",
    "a range of the log": "SELECT num_vals(powertree_tally('logged', 'price', '2026-01-01 00:00:30Z',"
    " '2026-01-01Z'::timestamptz + {rows} * interval '1 second', '7'))",
    "buckets of nodes": "SELECT sum(num_vals(tally)), count(*) FROM powertree_buckets('folded', 'price', '2026-01-01Z',"
    " '2026-01-01Z'::timestamptz + {rows} * interval '1 second', '1 second', '7')",
    "buckets of the log": "SELECT sum(num_vals(tally)), count(*) FROM powertree_buckets('logged', 'price', '2026-01-01Z',"
    " '2026-01-01Z'::timestamptz + {rows} * interval '1 second', '3 seconds', '7')",
    "the last values": "SELECT avg(tally) FROM powertree_last('logged', 'price', {rows} / 60, '7')",
    "rows for a tree": "INSERT INTO logged SELECT n, n, peer, at, price, exact FROM ticks WHERE n <= {rows}",
    "changed rows of a tree": "UPDATE folded SET price = price + 1 WHERE n <= {rows}",
    "rows that go": "DELETE FROM folded WHERE n <= {rows}",
    "a compaction": "INSERT INTO logged SELECT n, n % 5000, peer, at, price, exact FROM ticks WHERE n <= {rows};"
    " CALL powertree_compact('logged')",
    "a rebuilt tree": "SELECT powertree_rebuild('folded'); CALL powertree_compact('folded')",
    "a new tree": """CREATE TABLE fresh AS SELECT * FROM ticks WHERE n <= {rows};
        SELECT powertree_create('fresh', at => 'at', "values" => '{{price,exact}}', leaf => '1 minute');
        CALL powertree_compact('fresh'); ALTER TABLE fresh DROP COLUMN exact CASCADE; SELECT powertree_drop('fresh')""",
}


class Ended(Exception):
    """The session is over."""


class Session:
    """A session of psql, which a statement that takes too long ends."""

    def __init__(self):
        self.psql = subprocess.Popen(PSQL, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.run("LOAD 'pg_tally'; SET client_min_messages = error; SET max_parallel_workers_per_gather = 0; SET work_mem = '1MB'")
        self.backend = int(self.run("SELECT pg_backend_pid()"))

    def run(self, sql):
        """What it prints."""
        timer = threading.Timer(120, self.psql.kill)
        timer.start()
        try:
            self.psql.stdin.write(f"{sql};\n\\echo '{MARK}'\n")
            self.psql.stdin.flush()
            lines = []
            for line in self.psql.stdout:
                if line.rstrip() == MARK:
                    return "".join(lines).strip()
                lines.append(line)
        except BrokenPipeError:
            lines = []
        finally:
            timer.cancel()
        raise Ended("".join(lines).strip())

    def attempt(self, statement, rows):
        """Its result, in a transaction that leaves no trace."""
        return self.run(f"BEGIN; {statement.format(rows=rows)}; ROLLBACK")

    def limit(self, more):
        """Lets the backend have so many bytes more than it has, or as many as it likes."""
        soft = "unlimited"
        if more is not None:
            pages = int(Path(f"/proc/{self.backend}/statm").read_text().split()[0])
            soft = pages * resource.getpagesize() + more
        # By the server's user: not every root may limit others' processes.
        owner = Path(f"/proc/{self.backend}").stat()
        as_owner = {} if owner.st_uid == os.geteuid() else {"user": owner.st_uid, "group": owner.st_gid}
        subprocess.run(["prlimit", f"--pid={self.backend}", f"--as={soft}:"], check=True, **as_owner)

    def close(self):
        self.psql.stdin.close()
        self.psql.wait()


def judge(session, statement, right, more):
    """Whose memory was scarce, PostgreSQL's or ours, if it was, and what was wrong, if anything was."""
    session.limit(more)
    answer = session.attempt(statement, ROWS)
    session.limit(None)
    states = re.findall(r"^(?:psql:\S+ )?(?:ERROR|FATAL|PANIC):  (\w{5}):", answer, re.MULTILINE)
    # What follows in the same transaction is refused.
    scarce = bool(states) and states[0] == "53200" and set(states[1:]) <= {"25P02"}
    whose = ("ours" if "HINT:  Narrow the query" in answer else "PostgreSQL's") if scarce else "enough"
    return whose, None if scarce or answer == right else answer


def main():
    rounds = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)
    print(f"seed {seed}", flush=True)
    chance = random.Random(seed)
    subprocess.run([*PSQL, "-v", "ON_ERROR_STOP=1", "-f", HERE / "setup.sql"], check=True, stdout=subprocess.DEVNULL)
    witness, model = Session(), Session()
    failures, totals = 0, Counter()
    for name, statement in STATEMENTS.items():
        right, small = model.attempt(statement, ROWS), model.attempt(statement, FEW)
        if re.search("^(ERROR|FATAL)", right, re.MULTILINE):
            sys.exit(f"not ok - {name} fails with all the memory it wants: {right}")
        outcomes, wrong = Counter(), 0
        for _ in range(rounds):
            session, more = Session(), int(2 ** chance.uniform(*EXPONENTS))
            try:
                # Loads the catalogs, and lets the stack grow.
                session.attempt(statement, FEW)
                outcome, complaint = judge(session, statement, right, more)
                outcomes[outcome] += 1
                if not complaint and session.attempt(statement, FEW) != small:
                    complaint = "the session does not go on as before"
                session.close()
            except Ended as end:
                complaint = f"the session ended: {end}"
            if complaint:
                wrong += 1
                print(f"# with {more} bytes more: {complaint}", flush=True)
        print(f"{'not ok' if wrong else 'ok'} - {name}: {dict(outcomes)}", flush=True)
        failures += bool(wrong)
        totals += outcomes
    try:
        alive = witness.run("SELECT 1") == "1"
    except Ended:
        alive = False
    print(f"{'ok' if alive else 'not ok'} - the server has not restarted")
    print(f"{'ok' if totals['ours'] else 'not ok'} - memory was scarce: {dict(totals)}")
    sys.exit(bool(failures or not alive or not totals["ours"]))


main()
