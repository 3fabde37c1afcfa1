"""Random queries as BI tools compose them, over a table of tests/rollups/tables.py that they call @t."""

from joins import Join
from tables import FLOATS, INTEGERS, SERIES, ZONES
from wrappers import Grouped, wrap

UNITS = ["second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade"]
FIELDS = ["hour", "minute", "second", "dow", "isodow", "day", "doy", "week", "month", "quarter", "year", "isoyear", "decade", "century", "epoch"]
PATTERNS = ["YYYY-MM-DD", "YYYY-MM-DD HH24", "YYYY-MM-DD HH24:MI", "YYYY-MM", "IYYY-IW", "FMMonth", "Dy", "HH24", "YYYY-\"Q\"Q", "DDD", "D", "Month DD"]
WIDTHS = ["1 second", "1 minute", "7 minutes", "15 minutes", "1 hour", "6 hours", "1 day", "7 days"]
SECONDS = [1, 60, 300, 900, 3600, 86400, 0.5, 7]
DEVIATIONS = ["stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp"]


class Query:
    """One statement. The oracle is a form of it whose floating-point statistics are correctly rounded, if it has any, and within so many
    units in the last place of those over exact arithmetic.
    """

    def __init__(self, sql, oracle, eligible, before="", inexact=False, off=1):
        self.sql, self.oracle, self.eligible, self.before, self.inexact, self.off = sql, oracle, eligible, before, inexact, off


class Grammar:
    """Composes queries over one table."""

    def __init__(self, draw, table):
        self.draw, self.table, self.eligible, self.inexact, self.join, self.present = draw, table, True, False, None, None

    def some(self, *choices):
        return self.draw.choice(choices)

    def chance(self, probability):
        return self.draw.random() < probability

    # Keys ---------------------------------------------------------------------------------------------------

    def time(self):
        """A step function of the position."""
        return {"timestamptz": self._instant, "timestamp": self._clock, "date": self._day, "bigint": self._number}[self.table.position]("at")

    def _instant(self, at):
        draw, zone = self.draw, self.draw.choice(ZONES)
        kind = draw.randrange(9)
        if kind < 2:
            return f"date_trunc('{draw.choice(UNITS)}', {at})"
        if kind == 2:
            return f"date_trunc('{draw.choice(UNITS)}', {at}, '{zone}')"
        if kind == 3:
            return self._clock(f"({at} AT TIME ZONE '{zone}')")
        if kind == 4:
            seconds = draw.choice(SECONDS)
            return self.some(
                f"floor(extract(epoch from {at})/{seconds})*{seconds}", f"(extract(epoch from {at})/{seconds})::bigint*{seconds}",
                f"to_timestamp(floor(extract(epoch from {at}) / {seconds}) * {seconds})", f"ceil(date_part('epoch', {at})/{seconds})",
                f"round(extract(epoch from {at})/{seconds})", f"trunc(extract(epoch from {at})/{seconds})")
        if kind == 5:
            return f"date_bin('{draw.choice(WIDTHS)}', {at}, {self.some(self.table.at(), repr('2001-01-01'))})"
        if kind == 6:
            return f"date_trunc('{draw.choice(UNITS)}', {at} AT TIME ZONE '{zone}') AT TIME ZONE '{zone}'"
        return self._clock(at)

    def _clock(self, at):
        draw = self.draw
        kind = draw.randrange(10)
        if kind < 2:
            return f"date_trunc('{draw.choice(UNITS)}', {at})"
        if kind == 2:
            return self.some(f"{at}::date", f"date_trunc('day', {at})::date", f"date({at})")
        if kind < 5:
            return self.some("extract({} from {})", "date_part('{}', {})", "extract({} from {})::int").format(draw.choice(FIELDS), at)
        if kind == 5:
            return f"to_char({at}, '{draw.choice(PATTERNS)}')"
        if kind == 6:
            return f"(date_trunc('week', {at} + interval '{draw.randint(1, 6)} day') - interval '1 day')"
        if kind == 7:
            return f"extract(year from {at}) || '-Q' || extract(quarter from {at})"
        if kind == 8:
            return f"CASE WHEN at < {self.table.at()} THEN 'before' WHEN extract(hour from {at}) < 12 THEN 'morning' ELSE 'evening' END"
        return f"(at >= {self.table.at()})"

    def _day(self, at):
        draw = self.draw
        return self.some(
            f"date_trunc('{draw.choice(UNITS[3:])}', {at})", f"date_trunc('{draw.choice(UNITS[3:])}', {at})::date", f"extract({draw.choice(FIELDS[3:-1])} from {at})",
            f"to_char({at}, '{draw.choice(PATTERNS)}')", f"({at} - '2000-01-01'::date) / 7", f"{at} - {draw.randint(0, 9)}", f"{at}::timestamp", at,
            f"({at} > {self.table.at()})", f"date_bin('7 days', {at}, '2001-01-01')")

    def _number(self, at):
        width = self.some(1, 7, 10, 60, 1000, 3600)
        return self.some(
            f"{at} / {width}", f"{at} / {width} * {width}", f"floor({at} / {width}.0) * {width}", f"({at} / {width}.0)::numeric(30,0)", f"{at} >> 3",
            f"({at} > {self.table.at()})", f"round({at}::numeric / {width})", f"{at}::numeric", f"div({at}, {width})",
            f"CASE WHEN {at} < {self.table.at()} THEN 0 ELSE 1 END")

    def key(self):
        """An expression of the columns of the series."""
        column = self.draw.choice(list(self.table.series))
        if self.chance(0.5):
            return column
        kind = self.table.series[column]
        if kind == "text":
            return self.some(f"lower({column})", f"{column} || '!'", f"length({column})", f"left({column}, 1)", f"coalesce({column}, 'none')",
                             f"CASE WHEN {column} = 'a' THEN 'first' ELSE {column} END")
        if kind == "int":
            return self.some(f"{column} % 2", f"{column} / 2", f"-{column}", f"{column}::text", f"{column}::float8")
        return self.some(f"{column}::text", f"CASE {column}::text WHEN 'sad' THEN 1 WHEN 'true' THEN 2 END", f"({column} IS NULL)")

    # Conditions ---------------------------------------------------------------------------------------------

    def on_series(self):
        """A condition on the columns of the series."""
        column = self.draw.choice(list(self.table.series))
        kind, constant = self.table.series[column], self.draw.choice(SERIES[self.table.series[column]])
        typed = f"{constant}::{kind}"
        general = [f"{column} = {constant}", f"{column} <> {constant}", f"{column} IN ({constant}, {self.draw.choice(SERIES[kind])})",
                   f"{column} IS DISTINCT FROM {typed}", f"{column} = ANY (ARRAY[{typed}, {self.draw.choice(SERIES[kind])}])", f"{column} IS NOT NULL", f"{column} = NULL::{kind}",
                   f"{column} NOT IN (SELECT v FROM (VALUES ({typed}), ({self.some('NULL', self.draw.choice(SERIES[kind]))})) d(v) OFFSET 0)",
                   f"(SELECT count(*) FROM (VALUES ({typed}), (NULL)) d(v) WHERE v = {column}) {self.some('= 0', '> 0')}"]
        if kind == "text":
            general += [f"{column} LIKE 'a%'", f"{column} ~ '^[ab]'", f"{column} ILIKE 'B'", f"lower({column}) = {constant}", f"{column} > {constant}"]
        if kind == "int":
            general += [f"{column} BETWEEN 0 AND 7", f"{column} > {constant}", f"{column} % 2 = 1"]
        return self.draw.choice(general)

    def on_time(self):
        """A condition on the position."""
        draw, at = self.draw, self.table.at
        kind = draw.randrange(12)
        if kind < 4:
            return f"at {self.some('>=', '>')} {at()} AND at {self.some('<', '<=')} {at()}"
        if kind == 4:
            return f"at BETWEEN {at()} AND {at()}"
        if kind == 5:
            return f"at {self.some('>=', '<', '<=', '>', '=', '<>')} {at()}"
        if kind == 6:
            return f"at NOT BETWEEN {at()} AND {at()}"
        if kind == 7:
            low = {"date": "- 3", "bigint": "- 100"}.get(self.table.position, "- interval '1 hour'")
            return f"at >= (SELECT max(at) {low} FROM @t)"
        if kind == 8 and self.table.position == "timestamptz":
            # The clocks of a zone show some times twice, and others never.
            return f"(at AT TIME ZONE '{draw.choice(ZONES)}') {self.some('>=', '<', '<=', '>')} {at()}::timestamp"
        if self.table.position == "bigint":
            return self.some(f"at / 60 = {at()} / 60", f"at + 5 > {at()}", f"at * 1.0 <= {at()}", f"at::numeric < {at()}")
        return self.some(
            f"date_trunc('day', at) = date_trunc('day', {at()})", "extract(dow from at) BETWEEN 1 AND 5", f"at::date = {at()}::date", f"at::date > {at()}::date",
            f"date_trunc('week', at) <= {at()}", "extract(month from at) IN (3, 10, 11)", f"at >= {at()}::date", f"at < {at()}::timestamp", f"at >= {at()}::timestamptz",
            f"at + interval '90 minutes' > {at()}", *([] if self.table.position == "date" else ["extract(hour from at) BETWEEN 9 AND 16", "to_char(at, 'HH24:MI') < '12:30'"]))

    def condition(self):
        """A condition on either, or both."""
        simple = self.on_series if self.table.series and self.chance(0.4) else self.on_time
        kind = self.draw.randrange(8)
        if kind == 0:
            return f"({simple()} OR {self.on_time()})"
        if kind == 1 and self.table.series:
            return f"(({self.on_series()} AND {self.on_time()}) OR ({self.on_series()} AND {self.on_time()}))"
        if kind == 2:
            return f"NOT ({simple()})"
        return f"({simple()})"

    def where(self):
        conditions = [self.condition() for _ in range(self.some(0, 0, 1, 1, 2, 3))]
        if self.chance(0.02):
            conditions.append(self.some("false", "NULL", "1 = 2", f"at > NULL::{self.table.position}", "now() > '2000-01-01'"))
        if self.chance(0.03):
            self.eligible = False
            conditions.append(f"{self.draw.choice(list(self.table.values))} > 5")
        if self.present:
            conditions.append(f"{self.present} IS NOT NULL")
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    # Aggregates ---------------------------------------------------------------------------------------------

    def aggregate(self):
        """An aggregate as the query has it, and as the oracle does."""
        kind = self.draw.randrange(13)
        if kind == 12 and self.table.plain:
            return (self.end(),) * 2
        if kind < 3:
            if self.chance(0.1):
                present = f"{self.value()} IS NOT NULL"
                absent = present.replace("NOT ", "")
                forms = f"count(*) FILTER (WHERE {absent})", f"sum(CASE WHEN {absent} THEN 1 ELSE 0 END)", f"count(CASE WHEN {present} THEN 1 END)", f"count(*) FILTER (WHERE {present})", f"count(*) FILTER (WHERE {self.on_time()} AND {present})"
                return (self.some(*forms),) * 2
            plain = self.some("count(*)", "count(1)", "sum(1)", "count(at)", "count(*)", *(f"count({c})" for c in [*self.table.series, *self.table.values]))
            return (self.filtered(plain),) * 2
        if kind == 3 and self.table.series:
            column = self.draw.choice(list(self.table.series))
            plain = self.some(f"count(DISTINCT {column})", f"count(DISTINCT ({column}, {self.time()}))")
            return (self.some(plain, plain, f"min({column}::text)", f"max({column}::text)"),) * 2
        if kind == 4:
            return (self.some("min(at)", "max(at)"),) * 2
        if kind == 5:
            column = self.value()
            counted = f"coalesce(count({column}), 0) + count(*)"
            # The last digits of a tally of numerics, or of numbers far apart, depend on the order of rows.
            whole = self.table.values[column] in INTEGERS
            return (self.some(counted, f"tally({column}){self.filter()}") if whole else counted,) * 2
        return self.statistic(self.value())

    def value(self):
        """A column of values: the one that rows must have, if there is one."""
        return self.present or self.draw.choice(list(self.table.values))

    def statistic(self, column):
        """A statistic of a column of values."""
        name = self.some("sum", "sum", "avg", "avg", "min", "max", "min", "max", *DEVIATIONS)
        kind, filter_ = self.table.values[column], self.filter()
        argument, exact_argument = column, f"tally({column}){filter_}"
        if self.chance(0.15):
            when = self.on_series() if self.table.series and self.chance(0.5) else self.on_time()
            argument = f"CASE WHEN {when} THEN {column} {self.some('', 'ELSE NULL ', 'ELSE 0 ')}END"
            exact_argument = f"tally({argument}){filter_}"
        elif self.chance(0.15):
            # Numbers of type real are computed with as double precision.
            argument = self.some(f"{column} * 2", f"{column} * -3", f"-({column}::float8)" if kind == "real" else f"-{column}", f"{column} + 1", f"7 - {column}")
            kind, exact_argument = "float8" if kind == "real" else kind, f"tally({argument}){filter_}"
            # The oracle rounds the argument in each row.
            self.off = 4
        elif self.chance(0.1) and kind in INTEGERS and name in ("sum", "avg"):
            kind, argument = "numeric", f"{column} / {self.some('100.0', '1000::numeric', '8.0', '-2.5', '0.01', '3.0')}"
        elif self.chance(0.1):
            wider = {"smallint": "int", "int": "bigint", "bigint": "numeric", "real": "float8"}.get(kind)
            kind = wider or kind
            argument = f"{column}::{wider}" if wider else column
        sql = f"{name}({argument}){filter_}"
        if kind not in FLOATS or name in ("min", "max"):
            return sql, sql
        self.inexact = True
        exact = f"{name}({exact_argument})"
        return sql, f"{exact}::real" if kind == "real" and name == "sum" else exact

    def end(self):
        """A value of the first or the last row. Of several rows at that position its own order decides."""
        column, way = self.draw.choice([*self.table.plain, "at"]), self.some("", " ASC", " DESC", " DESC NULLS LAST")
        self.eligible = self.eligible and self.table.indexed
        order = f"at{way}" if column == "at" else f"at{way}, {column}"
        return f"(array_agg({column} ORDER BY {order}){self.filter()})[1]"

    def filter(self):
        if self.chance(0.8):
            return ""
        return f" FILTER (WHERE {self.on_series() if self.table.series and self.chance(0.5) else self.on_time()})"

    def filtered(self, aggregate):
        return aggregate + self.filter()

    # Queries ------------------------------------------------------------------------------------------------

    def query(self):
        """A random query."""
        self.eligible, self.inexact, self.off = self.table.not_null, False, 1
        # Rows that must have a value are answered for where nothing else is asked of them, which the others decide.
        self.present = self.draw.choice(list(self.table.values)) if self.chance(0.06) else None
        self.eligible = self.eligible and not self.present
        if self.chance(0.04) and self.table.series:
            columns = ", ".join(self.draw.sample(list(self.table.series), self.draw.randint(1, len(self.table.series))))
            sql = f"SELECT DISTINCT {columns} FROM @t{self.where()}"
            return Query(sql, None, self.eligible)
        if self.chance(0.04):
            return self.points()
        keys = [self.time() for _ in range(self.some(0, 1, 1, 1, 2))]
        if self.chance(0.25):
            self.join = Join(self.draw, self.table, self)
            self.eligible &= self.join.eligible
            if self.join.alias and self.chance(0.7):
                keys = keys[:self.some(0, 1)] + [self.join.key()]
        if self.table.series and self.chance(0.5):
            keys += [self.key() for _ in range(self.some(1, 1, 2))]
        aggregates = [self.aggregate() for _ in range(self.some(1, 1, 2, 3, 5))]
        if self.join and self.join.alias and self.chance(0.4):
            aggregates.append(self.join.aggregate())
        where, source = self.where(), self.join.source if self.join else self.source()
        if self.join and self.join.where:
            where = f"{where} AND {self.join.where}" if where else f" WHERE {self.join.where}"
        having = self.some("", "", "", " HAVING count(*) > 1", " HAVING count(*) >= 3 AND min(v0) IS NOT NULL", " HAVING max(v0) > min(v0)") if keys else self.some("", "", "", " HAVING count(*) > 1")
        numbers = ", ".join(str(i + 1) for i in range(len(keys)))
        named = [f"{key} AS k{i}" for i, key in enumerate(keys)]
        by = ", ".join(keys) if self.chance(0.5) else numbers
        if keys and self.chance(0.1):
            # What is shown is made of the key.
            named[0], by = f"{keys[0]}::text || '.' AS k0", ", ".join(keys)
        elif keys and self.chance(0.05):
            by = f"{keys[0]}, {', '.join(keys)}, ({keys[0]}) IS NULL"
        elif keys and self.chance(0.03):
            by = ", ".join([*keys, self.some("'constant'::text", "now()", "()")])
        by = f" GROUP BY {by}" if keys else ""
        if keys and self.chance(0.05):
            sets = ["()", *(f"({', '.join(self.draw.sample(keys, self.draw.randint(1, len(keys))))})" for _ in range(3))]
            by = self.some(f"ROLLUP ({', '.join(keys)})", f"CUBE ({', '.join(keys)})", f"{keys[0]}, ROLLUP ({', '.join(keys)})", f"GROUPING SETS ({', '.join(self.draw.sample(sets, 3))}, ({', '.join(keys)}))")
            by = f" GROUP BY {self.some('', '', 'DISTINCT ')}{by}"
            having, numbers = self.some("", "", " HAVING count(*) > 1", f" HAVING grouping({keys[0]}) = 0"), ""
            aggregates.append((f"grouping({', '.join(keys)})",) * 2)
        tail = f" ORDER BY {numbers}" if numbers and self.chance(0.3) and self.eligible else ""
        # Whether a sum that is out of range is met depends on the plan where not all groups are wanted.
        tail += self.some("", " LIMIT 5", " LIMIT 3 OFFSET 1") if tail and not self.inexact else ""
        forms = []
        for side in 0, 1:
            columns = ", ".join([*named, *(f"{aggregate[side]} AS a{i}" for i, aggregate in enumerate(aggregates))])
            forms.append(f"SELECT {columns} FROM {source}{where}{by}{having}{tail}")
        forms, before = wrap(self.draw, self.table, Grouped(forms, len(keys), len(aggregates), bool(tail), self.inexact))
        return Query(forms[0], forms[1] if self.inexact else None, self.eligible, before, self.inexact, self.off)

    def points(self):
        """The first or the last row of each group, of several at one position that which comes first by what is shown."""
        keys = [self.key() if self.table.series and self.chance(0.7) else self.time() for _ in range(self.some(1, 1, 2))]
        self.eligible = self.eligible and self.table.indexed and "at" not in keys
        shown = self.draw.sample(self.table.plain, self.draw.randint(0, len(self.table.plain)))
        columns = ", ".join([*(f"{key} AS k{i}" for i, key in enumerate(keys)), "at", *shown])
        ordered = ", ".join([*(f"{key}{self.some('', ' DESC')}" for key in keys), f"at{self.some('', ' DESC')}", *shown])
        limit = self.some("", "", " LIMIT 3")
        return Query(f"SELECT DISTINCT ON ({', '.join(keys)}) {columns} FROM {self.source()}{self.where()} ORDER BY {ordered}{limit}", None, self.eligible)

    def source(self):
        kind = self.draw.randrange(12)
        if kind == 0:
            return "(SELECT * FROM @t) AS virtual_table"
        if kind == 1:
            return "@t_view"
        if kind == 2:
            return f"(SELECT * FROM @t WHERE {self.condition()}) AS virtual_table"
        if kind == 3 and self.table.series and self.chance(0.5):
            column = self.draw.choice(list(self.table.series))
            listed = ", ".join(f"({v}::{self.table.series[column]})" for v in self.draw.choices(SERIES[self.table.series[column]], k=3))
            return f"@t JOIN (VALUES {listed}) d(k) ON @t.{column} = d.k"
        return "@t"
