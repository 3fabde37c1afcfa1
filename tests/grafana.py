#!/usr/bin/env -S python3 -B
"""Runs every query of the dashboards of Grafana that read PostgreSQL, with the values that Grafana would put into them."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DASHBOARDS = [ROOT / "deploy/grafana/trees.json"]
TABLE = """
CREATE EXTENSION pg_tally;
CREATE TABLE trades (sector text, symbol text, at timestamptz, price float8);
INSERT INTO trades SELECT 'a', 'b''c', '2026-03-01Z'::timestamptz + i * interval '1 minute', 100 + i % 7 + CASE WHEN i > 12000 THEN 50 ELSE 0 END
FROM generate_series(0, 20159) AS i;
SELECT powertree_create('trades', at => 'at', "values" => '{price}', series => '{sector,symbol}', leaf => '1 hour');
"""
# What Grafana knows of the page that is looked at.
TIMES = {"$__timeFrom()": "'2026-03-01T00:00:00Z'", "$__timeTo()": "'2026-03-15T00:00:00Z'"}


def psql(sql):
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{sql}\n{done.stderr}")
    return done.stdout.strip().split("\n")


def expand(sql, variables):
    for macro, value in TIMES.items():
        sql = sql.replace(macro, value)
    return re.sub(r"\$\{(\w+):sqlstring\}", lambda match: "'" + variables[match[1]].replace("'", "''") + "'", sql)


def queries(dashboard):
    """The name and the SQL of each query, variables first, in the order in which they need each other."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["target"]["rawSql"]
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["rawSql"]


def main():
    failed = False
    psql(TABLE)
    for path in DASHBOARDS:
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        variables = {}
        for name, sql in queries(dashboard):
            try:
                rows = psql(expand(sql, variables))
                wrong = None if rows != [""] else "no row"
            except (KeyError, ValueError) as error:
                rows, wrong = [""], str(error)
            # Of text and value, Grafana takes the latter.
            variables.setdefault(name, rows[0].split("|")[-1])
            print(f"not ok - {path.name}: {name}\n{wrong}" if wrong else f"ok - {path.name}: {name}", flush=True)
            failed |= wrong is not None
    sys.exit(failed)


main()
