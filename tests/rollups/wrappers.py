"""What a query may be part of, and the ways to send it."""

import re

from tables import ZONES

CONSTANT = re.compile(r"'[^']*'::(timestamptz|timestamp|date|bigint)\b")


class Grouped:
    """A grouped query in its forms, with how many keys and aggregates it returns, named k0 … and a0 …; `ordered` if it limits itself."""

    def __init__(self, forms, keys, aggregates, ordered, inexact):
        self.forms, self.ordered, self.inexact = forms, ordered, inexact
        self.keys = [f"k{i}" for i in range(keys)]
        self.names = self.keys + [f"a{i}" for i in range(aggregates)]


def wrap(draw, table, grouped):
    """The forms within something else, and what is to be set before."""
    kind = draw.choice([None] * 8 + KINDS)
    return kind(draw, table, grouped) if kind else (grouped.forms, "")


def filtered(_draw, _table, grouped):
    return [f"SELECT * FROM ({form}) _ WHERE NOT a0 IS NULL" for form in grouped.forms], ""


def cte(draw, _table, grouped):
    material = draw.choice(["", "MATERIALIZED ", "NOT MATERIALIZED "])
    return [f"WITH c AS {material}({form}) SELECT {', '.join(grouped.names)} FROM c" for form in grouped.forms], ""


def union(_draw, _table, grouped):
    return [f"({form}) UNION ALL ({form})" for form in grouped.forms], ""


def regrouped(_draw, _table, grouped):
    if not grouped.keys:
        return grouped.forms, ""
    return [f"SELECT k0, count(*), count(a0) FROM ({form}) x GROUP BY k0" for form in grouped.forms], ""


def distinct(_draw, _table, grouped):
    return [f"SELECT DISTINCT {', '.join(grouped.keys) or 'count(*)'} FROM ({form}) x" for form in grouped.forms], ""


def ranked(_draw, _table, grouped):
    if not grouped.keys:
        return grouped.forms, ""
    # A key is NULL in more than one group where it is left out of some grouping sets; grouping() comes last.
    by = ", ".join(grouped.keys + grouped.names[-1:] * ("grouping(" in grouped.forms[0]))
    return [f"SELECT *, row_number() OVER (ORDER BY {by}) FROM ({form}) x" for form in grouped.forms], ""


def member(_draw, _table, grouped):
    """A subquery whose rows are looked up."""
    if grouped.inexact:
        return grouped.forms, ""
    return [f"SELECT p, p::text IN (SELECT a0::text FROM ({form}) x) FROM (VALUES (0), (1), (7), (NULL)) v(p)" for form in grouped.forms], ""


def lateral(draw, table, grouped):
    """A constant of the query from each row of another table: the same plan runs again and again."""
    values = ", ".join(f"({table.at()})" for _ in range(3))
    inner = [replaced(form, "v.p") for form in grouped.forms]
    join = draw.choice([", LATERAL ({}) x", " LEFT JOIN LATERAL ({}) x ON true"])
    return [f"SELECT p, x.* FROM (VALUES {values}, (NULL)) v(p){join.format(form)}" for form in inner], ""


def scalar(draw, table, grouped):
    """A subquery of one value that depends on the row."""
    if grouped.keys or grouped.ordered:
        return lateral(draw, table, grouped)
    inner = [replaced(f"SELECT a0 FROM ({form}) x", "v.p") for form in grouped.forms]
    values = f"({table.at()}), ({table.at()})"
    return [f"SELECT p, ({form}) FROM (VALUES {values}) v(p)" for form in inner], ""


def prepared(draw, table, grouped):
    """A prepared statement that runs twice, with another parameter and another time zone."""
    mode = draw.choice(["auto", "force_generic_plan", "force_generic_plan", "force_custom_plan"])
    zone, other = draw.choice([table.zone, draw.choice(ZONES)]), table.at()
    forms = []
    for form in grouped.forms:
        match = CONSTANT.search(form)
        types, arguments = (f"({match[1]})", f"({match[0]})") if match else ("", "")
        first = f"({other})" if match and match[1] == table.position else arguments
        text = form.replace(match[0], "$1") if match else form
        forms.append(f"PREPARE p{types} AS {text}; EXECUTE p{first}; SET LOCAL TimeZone = '{zone}'; EXECUTE p{arguments}; "
                     f"SET LOCAL TimeZone = '{table.zone}'; DEALLOCATE p")
    return forms, f"SET LOCAL plan_cache_mode = {mode}"


def cursor(draw, _table, grouped):
    """A cursor that goes back, or is read in pieces."""
    fetch = draw.choice(["FETCH ALL c", "FETCH 2 c; MOVE ABSOLUTE 0 c; FETCH ALL c", "FETCH ALL c; FETCH BACKWARD ALL c"])
    return [f"DECLARE c SCROLL CURSOR FOR {form}; {fetch}; CLOSE c" for form in grouped.forms], ""


def stored(_draw, _table, grouped):
    """Rows that go into a table."""
    return [f"CREATE TEMP TABLE kept ON COMMIT DROP AS {form}; SELECT * FROM kept; DROP TABLE kept" for form in grouped.forms], ""


def replaced(form, by):
    """The form with its first constant, wherever it occurs, replaced."""
    match = CONSTANT.search(form)
    return form.replace(match[0], f"{by}::{match[1]}") if match else form


KINDS = [filtered, cte, union, regrouped, distinct, ranked, member, lateral, lateral, scalar, prepared, prepared, cursor, stored]
