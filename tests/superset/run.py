#!/usr/bin/env -S python3 -B
"""A real Superset beside the database: SQL Lab and charts over tables with power trees have the numbers of the rows, and charts are answered from the trees.

    scripts/cluster.py run -- tests/superset/run.py
"""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
from service import free_port

# What the analyst's session needs is the role's, so that nothing has to be set in Superset.
TABLES = """
CREATE EXTENSION pg_tally;
CREATE ROLE analyst LOGIN;
ALTER ROLE analyst SET session_preload_libraries = 'pg_tally';
CREATE TABLE trades (symbol text NOT NULL, at timestamptz NOT NULL, price float8 NOT NULL);
INSERT INTO trades SELECT 'S' || n % 4, timestamptz '2026-03-01Z' + n * interval '1 second', 100 + n % 4 + sin(n / 5000.0) FROM generate_series(0, 399999) n;
CREATE INDEX ON trades (symbol, at);
SELECT powertree_create('trades', at => 'at', "values" => '{price}', series => '{symbol}', leaf => '1 minute');
CALL powertree_compact();
VACUUM (ANALYZE) trades;
GRANT SELECT ON trades TO analyst;
"""
CONFIG = """
SECRET_KEY = "of a Superset that is thrown away"
SQLALCHEMY_DATABASE_URI = "sqlite:///{place}/superset.db?check_same_thread=false"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
"""
HOME = Path(subprocess.run([ROOT / "scripts/where.sh", "superset"], capture_output=True, text=True, check=True).stdout.strip())
USER = {"username": "admin", "password": "admin"}
PLAIN = "SET pg_tally.answer_from_trees = off;"


def psql(sql):
    done = subprocess.run(["psql", "-XqAt", "-F", "|", "-v", "ON_ERROR_STOP=1"], input=sql, capture_output=True, text=True, check=False)
    assert not done.returncode, (sql, done.stderr)
    return done.stdout.strip()


def number(text):
    """A number as this test compares them: as many digits as any way of adding up agrees in."""
    return float(f"{float(text):.12g}")


class Superset:
    """The console as a process, with its own data in a directory."""

    def __init__(self, place):
        self.port, self.token = free_port(), None
        (Path(place) / "superset_config.py").write_text(CONFIG.format(place=place))
        self.environment = {**os.environ, "SUPERSET_CONFIG_PATH": f"{place}/superset_config.py", "SUPERSET_HOME": place, "FLASK_APP": "superset", "PYTHONPATH": str(HOME), "PYTHONWARNINGS": "ignore"}
        self.log = Path(place) / "log"
        self.run("db", "upgrade")
        self.run("fab", "create-admin", "--firstname", "A", "--lastname", "B", "--email", "a@example.org", *(word for key, value in USER.items() for word in (f"--{key}", value)))
        self.run("init")
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command("run", "--port", str(self.port)), env=self.environment, stdout=log, stderr=log)

    def command(self, *arguments):
        return [sys.executable, "-c", "from superset.cli.main import superset; superset()", *arguments]

    def run(self, *arguments):
        done = subprocess.run(self.command(*arguments), env=self.environment, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stderr

    def __enter__(self):
        until = time.monotonic() + 120
        while True:
            try:
                self.token = self.ask("/api/v1/security/login", {**USER, "provider": "db"})["access_token"]
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise AssertionError(self.log.read_text()) from None
                time.sleep(0.5)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)

    def ask(self, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        connection.request("POST", path, json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status in (200, 201), (path, answer.status, text[:2000])
        return json.loads(text)


def sql_lab(superset, database):
    """Statements that an analyst writes, with functions of ours."""
    for sql in ["SELECT symbol, avg(price) AS mean, count(*) AS n FROM trades GROUP BY symbol ORDER BY symbol",
                "SELECT symbol, avg(t) AS mean, num_vals(t) AS n FROM (SELECT symbol, tally(price) AS t FROM trades GROUP BY symbol) s ORDER BY symbol",
                "SELECT bucket, avg(tally) AS mean, num_vals(tally) AS n FROM powertree_buckets('trades', 'price', '2026-03-01Z'::timestamptz, '2026-03-02Z', '6 hours', 'S2') ORDER BY 1"]:
        answer = superset.ask("/api/v1/sqllab/execute/", {"database_id": database, "sql": sql, "schema": "public", "runAsync": False, "queryLimit": 1000})
        found = [(row["mean"], row["n"]) for row in answer["data"]]
        wanted = [line.split("|")[1:] for line in psql(f"{PLAIN} {sql}").splitlines()]
        assert found and [(number(mean), n) for mean, n in found] == [(number(mean), int(n)) for mean, n in wanted], (sql, found, wanted)


def charts(superset, dataset):
    """Charts as the page of Superset asks for them: the numbers are those of the rows, and a tree has answered."""
    mean = {"expressionType": "SIMPLE", "column": {"column_name": "price"}, "aggregate": "AVG", "label": "mean"}
    tallied = {"expressionType": "SQL", "sqlExpression": "avg(tally(price))", "label": "mean"}
    for grain, metric, columns in [("PT1H", mean, []), ("P1D", mean, ["symbol"]), ("PT5M", mean, []), ("P1D", tallied, ["symbol"])]:
        axis = {"columnType": "BASE_AXIS", "sqlExpression": "at", "label": "at", "expressionType": "SQL", "timeGrain": grain}
        query = {"columns": [axis, *columns], "metrics": [metric], "row_limit": 10000, "time_range": "2026-03-01 : 2026-03-04",
                 "filters": [{"col": "at", "op": "TEMPORAL_RANGE", "val": "2026-03-01 : 2026-03-04"}], "orderby": [["mean", False]]}
        asked = {"datasource": {"id": dataset, "type": "table"}, "force": True, "queries": [query], "result_format": "json", "result_type": "full"}
        answer = superset.ask("/api/v1/chart/data", asked)["result"][0]
        assert answer["status"] == "success", answer
        found = sorted(number(row["mean"]) for row in answer["data"])
        sql = answer["query"].rstrip(" ;\n")
        wanted = sorted(number(line) for line in psql(f'{PLAIN} SELECT mean FROM ({sql}) s').splitlines())
        assert len(found) > 3 and found == wanted, (sql, found[:3], wanted[:3])
        explained = psql(f"SET ROLE analyst; SELECT tree, answers, reason FROM powertree_explain($sql${sql}$sql$)")
        assert explained == "trades|t|", (sql, explained)


def main():
    if not HOME.exists():
        print("ok - superset # SKIP it could not be had; scripts/setup.sh all tries again")
        return
    psql(TABLES)
    with tempfile.TemporaryDirectory(prefix="pg_tally.") as place, Superset(place) as superset:
        uri = f"postgresql+psycopg2://analyst@127.0.0.1:{os.environ['PGPORT']}/postgres"
        database = superset.ask("/api/v1/database/", {"database_name": "market", "sqlalchemy_uri": uri, "expose_in_sqllab": True})["id"]
        dataset = superset.ask("/api/v1/dataset/", {"database": database, "schema": "public", "table_name": "trades"})["id"]
        for name, test, thing in [("SQL Lab", sql_lab, database), ("charts", charts, dataset)]:
            test(superset, thing)
            print(f"ok - superset: {name}", flush=True)


main()
