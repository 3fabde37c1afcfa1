"""Answers of the server, and whether two of them are the same."""

import math
import struct
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "security"))
from session import ServerError  # noqa: E402

# Type OIDs of real and double precision, with how their bits are ordered.
FLOATS = {700: ("f", "i", 1 << 31), 701: ("d", "q", 1 << 63)}


class Answer:
    """What a statement gave: the types of its columns and its rows, or the SQLSTATE of its error."""

    def __init__(self, columns, rows, error=None):
        self.columns, self.rows, self.error = columns, rows, error

    def __str__(self):
        if self.error:
            return f"{self.error.sqlstate} {self.error.message}"
        return "\n".join(map(str, [self.columns, *sorted(self.rows, key=str)]))


def ask(session, sql):
    """The answer to a statement, after others that it may need, in a transaction that survives an error."""
    try:
        # A RELEASE has no columns, so those of the statement before it are kept.
        rows = session(f"SAVEPOINT asked; {sql}; RELEASE asked")
        return Answer(session.columns, rows)
    except ServerError as error:
        session("ROLLBACK TO asked; RELEASE asked; DEALLOCATE ALL")
        return Answer([], [], error)


def distance(left, right, type_oid):
    """How many numbers of the type lie between two, written as text; 0 and -0 are one number."""
    if left is None or right is None:
        return 0 if left is right else math.inf
    a, b = float(left), float(right)
    if math.isnan(a) or math.isnan(b) or math.isinf(a) or math.isinf(b):
        return 0 if left == right else math.inf
    value, bits, sign = FLOATS[type_oid]

    def rank(number):
        (found,) = struct.unpack(bits, struct.pack(value, number))
        return found if found >= 0 else -(found + sign)

    return abs(rank(a) - rank(b))


def order(numbers):
    """A key by which rows that are the same come in the same order, so that each is found at once."""
    return [(number is None, number == "NaN", 0.0 if number in (None, "NaN") else float(number)) for number in numbers]


def near(left, right, type_oid, ulps, relative):
    """Whether two numbers are as close as is asked."""
    if distance(left, right, type_oid) <= ulps:
        return True
    if not relative or left is None or right is None:
        return False
    return math.isclose(float(left), float(right), rel_tol=relative, abs_tol=relative)


def difference(left, right, ulps=0, relative=0.0, rounded=None, off=1):
    """How two answers differ as multisets of rows, or None; floating-point columns may be so far apart.

    A row may also be one of a third answer, whose floating-point numbers are rounded but once, give or take a unit in the last place or as many as are
    told: each time that a plan runs, it is the tree that answers or the table.
    """
    if left.error or right.error:
        same = left.error and right.error and left.error.sqlstate == right.error.sqlstate
        return None if same else f"one is {left if left.error else 'rows'}, the other {right if right.error else 'rows'}"
    if left.columns != right.columns:
        return f"types {left.columns} and {right.columns}"
    floats = [i for i, (oid, _) in enumerate(left.columns) if oid in FLOATS]
    groups = defaultdict(lambda: ([], [], []))
    for side, answer in enumerate((left, right, rounded or Answer([], []))):
        for row in answer.rows:
            key = tuple(value for i, value in enumerate(row) if i not in floats)
            groups[key][side].append(tuple(row[i] for i in floats))
    types = [left.columns[i][0] for i in floats]

    def take(numbers, others, ulps, relative):
        fits = (other for other in others if all(near(a, b, t, ulps, relative) for a, b, t in zip(numbers, other, types)))
        found = next(fits, None)
        if found is not None:
            others.remove(found)
        return found is not None

    for key, (ours, theirs, once) in groups.items():
        for numbers in ours, theirs, once:
            numbers.sort(key=order)
        if len(ours) != len(theirs):
            return f"{len(ours)} and {len(theirs)} rows {key}: {(ours + theirs)[:4]}"
        for numbers in ours:
            if not take(numbers, theirs, ulps, relative) and not take(numbers, once, off, 0.0):
                return f"row {key}: {numbers} is not among {(theirs + once)[:4]}"
    return None
