"""Arguments that a hostile caller would try, by the type and the name of the parameter."""

import random

from memory import HUGE_TEXT
from session import literal

FLOATS = ["0", "-0.0", "1", "2.5", "-7", "NaN", "Infinity", "-Infinity", "1e308", "-1e308", "1.7976931348623157e308", "5e-324", "-1e-310", "0.95", "0.05", "1e17", "1e200"]
BIGINTS = [0, 1, -1, 2, 7, 10, 1000, 2**31 - 1, -(2**31), 2**32, 3_600_000_000, 86_400_000_000, 2**62, 2**63 - 1, -(2**63)]
INTEGERS = [0, 1, -1, 3, 8, 9, 1000, 10**6, 2**31 - 1, -(2**31)]
NUMERICS = ["0", "1", "-0.1", "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "1e131071", "1e-16383", "123456789012345678901234567890.123"]
TIMES = ["2026-01-01", "2026-01-01 03:04:05.678", "infinity", "-infinity", "4713-01-01 BC", "294276-12-31 23:59:59.999999", "epoch", "2026-03-29 02:30"]
DATES = ["2026-01-01", "2026-02-01", "infinity", "-infinity", "4713-01-01 BC", "5874897-12-31"]
INTERVALS = ["1 day", "0", "-1 day", "1 month", "1 hour", "1 us", "178000000 years", "-178000000 years", "2147483647 days", "-2147483648 months", "1 month -30 days"]
JSON = ["{}", "[]", "null", "1e1000", '"x"', "[" * 2000 + "]" * 2000, '{"num_vals": 1e100}', '{"num_vals": -1, "avg": 1, "m2": 0, "min": 1, "max": 1}',
        '{"num_vals": 3, "avg": 1, "m2": 1e400, "min": 1, "max": 1}', '{"num_vals": 1, "avg": 1, "m2": 0, "min": 1, "max": 1}']
STRINGS = ["", "x", "at", "NULL", "no such", "日本", "a\"b", "a'b", "\\", "%s%n", "{x}", "x" * 1000, "(1,1,0,1,1)", "\\x01", "{", "1e400"]
STEPS = ["1 hour", "1 day", "7", "10", "1 month", "7 days", "1000", "1", "0", "-1", "9223372036854775807", "1 us", "2147483647 days", "178956970 years", "1e30", "0.5"]
QUERIES = [
    "SELECT s AS series, at, x AS value FROM fuzz.t", "SELECT s AS series, at, x AS value, x AS weight FROM fuzz.t", "SELECT 1", "", ";", "SELECT", "TABLE fuzz.t",
    "SELECT 'a' AS series, now() AS at, 1 AS value FROM generate_series(1, 1000)", "SELECT NULL AS series, NULL AS at, NULL AS value",
    "SELECT s AS series, at, x AS value FROM fuzz.t) q; DROP TABLE fuzz.t; --", "INSERT INTO fuzz.b VALUES (1, 1) RETURNING 'a' AS series, now() AS at, 1 AS value",
    "SELECT 'a' AS series, 'infinity'::timestamptz AS at, 'NaN'::float8 AS value, 'NaN'::float8 AS weight", "SELECT s AS series, at, x AS value, 1/0 AS weight FROM fuzz.t",
    "SELECT g::text AS series, '-290000-01-01'::timestamptz AS at, 1e308 AS value FROM generate_series(1, 300) g", "SELECT 'a' AS series, at, x / 0 AS value FROM fuzz.t",
    "SELECT 'a/' || g % 50 AS series, '2026-01-01'::timestamptz + g * interval '1 s' AS at, g AS value, -1 AS weight FROM generate_series(1, 3000) g",
]
# Statements that trees may answer, and others that a function must not run.
STATEMENTS = [
    "SELECT s, count(*), avg(x), max(n) FROM fuzz.t GROUP BY s", "SELECT date_trunc('hour', at), sum(x) FROM fuzz.t WHERE at < 'infinity' GROUP BY 1",
    "SELECT x / 0, count(*) FROM fuzz.b GROUP BY 1", "SELECT sum(x) FILTER (WHERE 1 / (at - 10) > 0) FROM fuzz.b WHERE at > 0", "SELECT count(*) FROM fuzz.d; DROP TABLE fuzz.d",
    "SELECT at + '290000 years', max(x) FROM fuzz.s GROUP BY 1", "SELECT count(*) FROM fuzz.t1", "COMMIT", "ROLLBACK", "SET ROLE postgres", "COPY fuzz.t TO PROGRAM 'true'",
    "SELECT set_config('transaction_read_only', 'off', true)", "SELECT set_config('pg_tally.answer_from_trees', 'off', false)", "SELECT nextval('fuzz.none')",
    "SELECT * FROM powertree_explain('SELECT 1')", "SELECT * FROM powertree_verify('SELECT count(*) FROM fuzz.s')", "WITH w AS (DELETE FROM fuzz.b RETURNING 1) SELECT count(*) FROM w",
    "SELECT DISTINCT s FROM fuzz.t ORDER BY s FOR UPDATE", "SELECT repeat('x', 1000), g FROM generate_series(1, 100000) g", "SELECT $1", "VALUES (1), (NULL)", "SELECT",
]


def with_one_huge_text(sql):
    """The statement with at most one text of megabytes: PostgreSQL copies each of them several times before any call."""
    before, *others = sql.split(HUGE_TEXT)
    return HUGE_TEXT.join([before, "'x'".join(others)]) if others else sql


class Hostile:
    """Draws arguments; one seed gives the same ones."""

    def __init__(self, seed, tallies, detectors):
        self.draw = random.Random(seed)
        self.states = {"tally": tallies, "detector": detectors}

    def argument(self, type, name=""):
        """SQL of one argument."""
        if self.draw.random() < 0.06:
            return f"NULL::{type}"
        if name in ("tree", "value", "step", "leaf", "query", "sql", "at", "base", "values", "series") and self.draw.random() < 0.85:
            if (named := self._named(type, name)) is not None:
                return named
        if type.endswith("[]"):
            return self._array(type[:-2])
        return self._plain(type)

    def _named(self, type, name):
        choose = self.draw.choice
        texts = {
            "tree": ["t", "b", "d", "s"], "value": ["x", "x", "n", "X", "at"], "step": STEPS, "leaf": STEPS, "query": QUERIES, "sql": [*QUERIES, *STATEMENTS], "at": ["at", "s", "no"],
        }
        if type == "text" and name in texts:
            return literal(choose(texts[name])) + "::text"
        if type == "interval" and name in ("step", "leaf"):
            return self._plain(type)
        if type == "regclass":
            return literal(choose(["fuzz.t", "fuzz.b", "fuzz.d", "fuzz.s", "pg_class", "powertrees", "powertree_log"])) + "::regclass"
        if type == "text[]" and name == "series":
            return choose(["'{a}'", "'{}'", "'{1}'", "'{a,b}'", "'{s}'"]) + "::text[]"
        if type == "text[]" and name == "values":
            return choose(["'{x}'", "'{x,n}'", "'{}'", "'{x,x}'"]) + "::text[]"
        return None

    def _array(self, element):
        kind = self.draw.random()
        if kind < 0.1:
            return f"ARRAY[[{self._plain(element)}, {self._plain(element)}], [{self._plain(element)}, NULL]]::{element}[]"
        if kind < 0.2:
            return f"('[5:7]={{NULL,NULL,NULL}}'::{element}[] || {self._plain(element)})"
        if kind < 0.25:
            # Some megabytes: PostgreSQL's own making of the array counts too.
            value = self._plain(element)
            return f"array_fill({value}, ARRAY[{1 if value == HUGE_TEXT else 1000 if len(value) > 50 else 100000}])"
        return "ARRAY[" + ", ".join(self.argument(element) for _ in range(self.draw.randrange(12))) + f"]::{element}[]"

    def _plain(self, type):
        choose, quoted = self.draw.choice, lambda text: literal(str(text))
        if type in self.states:
            return self._state(type)
        if type == "text" and self.draw.random() < 0.01:
            return HUGE_TEXT
        if type in ("anycompatible", "anyelement", "any"):
            return self._plain(choose(["timestamp with time zone", "bigint", "date", "text", "double precision", "interval", "jsonb", "tally", "detector"]))
        values = {
            "double precision": FLOATS, "real": ["0", "1.5", "NaN", "Infinity", "3e38"], "bigint": BIGINTS, "integer": INTEGERS, "smallint": [0, -1, 32767, -32768],
            "numeric": NUMERICS, "timestamp with time zone": TIMES, "timestamp without time zone": TIMES, "date": DATES, "interval": INTERVALS, "text": STRINGS + STEPS,
            "jsonb": JSON, "json": JSON, "boolean": ["true", "false"], "regclass": ["0", "4294967295", "pg_class", "fuzz.t"], "oid": ["0", "4294967295", "1259"],
            "bytea": ["\\x" + self.draw.randbytes(choose([0, 1, 2, 8, 16, 40, 400])).hex(), "\\x" + "ff" * 16], "name": STRINGS, "xid8": [0, 2**63], "cstring": STRINGS,
        }  # fmt: skip
        if type not in values:
            raise LookupError(f"no hostile argument is known for type {type}")
        return f"{quoted(choose(values[type]))}::{type}"

    def _state(self, type):
        state = self.draw.choice(self.states[type])
        if self.draw.random() < 0.35:
            state = self.damaged_hex(state) if state.startswith("\\x") and self.draw.random() < 0.8 else self.damaged(state)
        return f"{literal(state)}::{type}"

    def damaged(self, text):
        """Text with something replaced, left out or doubled."""
        at, choose = self.draw.randrange(len(text)), self.draw.choice
        part = choose(["", "9", "-", "e308", "999999999999999999999", "NaN", "Infinity", "1e-99999999", ",", ")", "\\x", "(", "ff" * 4, "日"])
        return choose([text[:at] + part + text[at + 1 :], text[:at] + part + text[at:], text[:at], text + text])

    def damaged_hex(self, text):
        """A value in hexadecimal digits, some of its bytes damaged."""
        return "\\x" + self.damaged_bytes(bytes.fromhex(text[2:])).hex()

    def damaged_bytes(self, value):
        """Bytes, some of them replaced, left out or doubled: also by the patterns of extreme numbers."""
        value = bytearray(value)
        for _ in range(self.draw.randrange(1, 5)):
            at = self.draw.randrange(len(value) or 1)
            length = self.draw.randrange(1, 9)
            extreme = self.draw.choice([b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 7, b"\x80" + b"\0" * 7, b"\x7f\xf0" + b"\0" * 6, b"\x7f\xf8" + b"\0" * 6, b"\0" * 7 + b"\1"])
            how = self.draw.randrange(4)
            if how == 0:
                value[at : at + 1] = self.draw.randbytes(1)
            elif how == 1:
                value[at : at + 8] = extreme
            elif how == 2:
                del value[at : at + length]
            else:
                value[at:at] = self.draw.randbytes(length)
        return bytes(value)
