"""The memory of a server process, and the copies that a function makes of a huge argument."""

import re
from pathlib import Path

from session import Session

HUGE = 10_000_000
HUGE_TEXT = f"repeat('x', {HUGE})"
HUGE_ARRAY = f"array_fill({HUGE_TEXT}, ARRAY[1])"
# Copies besides those of a function of PostgreSQL's that does nothing with the argument. A function in SQL that passes it on makes two, a key of a series one.
COPIES = 3.5
# Trees with an integer and with a text for the series, and what the functions take besides.
GIVEN = [
    {"tree": "'d'", "value": "'x'", "text[]": "'{1}'", "text": "'7 days'", "regclass": "'fuzz.d'", "anycompatible": "'2026-02-01'::date"},
    {"tree": "'t'", "value": "'x'", "text[]": "'{a}'", "text": "'1 day'", "regclass": "'fuzz.t'", "anycompatible": "'2026-02-01'::timestamptz"},
]
TIMES = {"timestamp with time zone", "timestamp without time zone", "date"}


class Memory:
    """The memory of a process, in bytes, without what it shares with others."""

    def __init__(self, process):
        self.process = Path(f"/proc/{process}")

    def now(self):
        return self._field("RssAnon")

    def forget_peak(self):
        """From now on, the peak is that of what follows."""
        (self.process / "clear_refs").write_text("5")

    def peak(self):
        """The most that the process had since: the kernel keeps it, so that nothing is too short to be seen."""
        return self._field("VmHWM") - self._field("RssFile") - self._field("RssShmem")

    def _field(self, name):
        return int(re.search(rf"{name}:\s+(\d+)", (self.process / "status").read_text())[1]) << 10


def most_copies(database, user, function, kind, types, names, variadic):
    """What is wrong with the memory of calls with one huge argument each: a line for each that copies it too often."""
    wrong = []
    for place, type in enumerate(types):
        if type not in ("text", "text[]"):
            continue
        huge, plain = (HUGE_TEXT, f"length({HUGE_TEXT})") if type == "text" else (HUGE_ARRAY, f"cardinality({HUGE_ARRAY})")
        own = _growth(database, user, f"SELECT {plain}", "SELECT length('x'), cardinality('{x}'::text[])")
        for given in GIVEN:
            arguments = [_argument(given, type, name, number) for number, (type, name) in enumerate(zip(types, names))]
            before = _statement(function, kind, arguments, variadic)
            arguments[place] = f"{huge}::{type}"
            sql = _statement(function, kind, arguments, variadic)
            copies = (_growth(database, user, sql, before) - own) / HUGE
            if copies > COPIES:
                wrong.append(f"{copies:.1f} copies more than PostgreSQL's own in {sql}")
    return wrong


def _argument(given, type, name, number):
    """An argument that is as it should be."""
    if type in TIMES:
        # The ends of a range, in their order.
        return f"'2026-01-{10 + number}'::{type}"
    value = given.get(name) or given.get(type) or {"boolean": "false", "interval": "'1 day'", "double precision": "0.5"}.get(type, "3")
    return value if type == "anycompatible" else f"{value}::{type}"


def _statement(function, kind, arguments, variadic):
    if variadic:
        arguments = [*arguments[:-1], f"VARIADIC {arguments[-1]}"]
    return f"{'CALL' if kind == 'p' else 'SELECT * FROM'} {function}({', '.join(arguments)})"


def _growth(database, user, sql, before):
    """The memory that a statement takes in a new session, which has made the same call `before`."""
    with Session(user, database) as session:
        session("SET search_path = fuzz, public; SET client_min_messages = error; SET statement_timeout = '10s'")
        session.attempt(f"BEGIN; {before}")
        session("ROLLBACK")
        memory = Memory(session.process)
        start = memory.now()
        memory.forget_peak()
        session.attempt(f"BEGIN; {sql}")
        return memory.peak() - start
