#!/usr/bin/env -S python3 -B
"""Functions and operators that look like PostgreSQL's and raise an error. Roles that are named find them before others.

    tests/serve/lookalikes.py ROLE…
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT / "tests/security"))

from decoys import Decoys, called
from session import Session

# Of what the service's queries and the page's are made.
TYPES = ["text", "name", "bigint", "integer", "smallint", "oid", "regclass", "regtype", '"char"', "numeric", "double precision", "interval",
         "timestamptz", "timestamp", "date", "boolean", "json", "jsonb", "text[]", "oidvector", "anyelement"]


def make():
    """Make them of all that the service and its page call."""
    files = [*ROOT.glob("crates/serve/src/**/*.rs"), *ROOT.glob("crates/serve/src/**/*.sql"), *ROOT.glob("crates/serve/web/[lv]*/**/*.js")]
    functions, operators = called("\n".join(file.read_text() for file in files))
    with Session(database="postgres") as session:
        known = {name for (name,) in session("SELECT DISTINCT proname FROM pg_catalog.pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND pronargs BETWEEN 1 AND 2")}
        session("CREATE SCHEMA decoys; GRANT USAGE ON SCHEMA decoys TO PUBLIC")
        decoys = Decoys(session, "decoys")
        decoys.functions(functions & known, TYPES)
        decoys.operators({operator for operator in operators if re.fullmatch(r"[-+*/<>=~!@#%^&|`?]+", operator)}, TYPES)
        assert decoys.count > 10_000, decoys.count


def show(*roles, path="decoys, public"):
    """Have new sessions of these roles find them before others."""
    with Session(database="postgres") as session:
        for role in roles:
            session(f"ALTER ROLE {role} SET search_path = {path}")


def hide(*roles):
    """Have new sessions of these roles find them no more."""
    show(*roles, path="DEFAULT")


if __name__ == "__main__":
    make()
    show(*sys.argv[1:])
