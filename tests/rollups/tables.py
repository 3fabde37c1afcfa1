"""Random tables with power trees, their rows, and writes to them, all as SQL."""

from datetime import datetime, timedelta, timezone

# Nights on which the clocks of a zone change, in UTC, and days on which years, weeks and our epochs begin.
NIGHTS = {
    "UTC": ["2025-12-31 23:00", "1999-12-31 22:00", "1969-12-31 20:00", "2024-02-28 12:00"],
    "Europe/Berlin": ["2025-10-26 01:00", "2026-03-29 01:00"],
    "America/New_York": ["2025-11-02 06:00", "2026-03-08 07:00"],
    "Australia/Lord_Howe": ["2026-04-04 15:00", "2025-10-04 15:30"],
    "America/Havana": ["2025-11-02 05:00", "2026-03-08 05:00"],
    "Pacific/Chatham": ["2026-04-04 14:00", "2025-09-27 14:00"],
    "America/Sao_Paulo": ["2018-11-04 03:00", "2018-02-18 02:00"],
}
ZONES = list(NIGHTS)
SECOND = 1_000_000
# Of each type of position: widths of leaves, with the number of positions in one.
LEAVES = {
    "timestamptz": {"1 second": SECOND, "1 minute": 60 * SECOND, "7 minutes": 420 * SECOND, "1 hour": 3600 * SECOND, "24 hours": 86400 * SECOND},
    "date": {"1 day": 1, "3 days": 3, "7 days": 7, "30 days": 30},
    "bigint": {"1": 1, "7": 7, "10": 10, "60": 60, "1000": 1000, "3600": 3600},
}
LEAVES["timestamp"] = LEAVES["timestamptz"]
SERIES = {
    "text": ["'a'", "'b'", "'B'", "''", "'a''b'", "'ü'", "'a b'"],
    "int": ["-1", "0", "1", "7", "2147483647"],
    "boolean": ["true", "false"],
    "mood": ["'sad'", "'ok'", "'happy'"],
}
EXTREMES = {
    "smallint": ["32767", "-32768"],
    "int": ["2147483647", "-2147483648"],
    "bigint": ["9007199254740993", "9007199254740992", "-9007199254740991", "9223372036854775807", "-9223372036854775808"],
    "real": ["'NaN'", "'Infinity'", "'-Infinity'", "-0.0", "1e38", "1e-40", "0.1"],
    "float8": ["'NaN'", "'Infinity'", "'-Infinity'", "-0.0", "1e308", "1e-320", "0.1", "9007199254740993", "1e16"],
    "numeric(10,2)": ["'NaN'", "99999999.99", "-99999999.99"],
    "numeric(15,4)": ["'NaN'", "99999999999.9999"],
    "numeric": ["'NaN'", "'Infinity'", "1e30", "0.10", "0.1", "1.000000000000000000000000001"],
}
INTEGERS = ("smallint", "int", "bigint")
FLOATS = ("real", "float8")


class Table:
    """One table of a random shape, and what is needed to ask it."""

    def __init__(self, draw, name):
        self.draw, self.name = draw, name
        self.zone = draw.choice(ZONES)
        self.position = draw.choice(["timestamptz", "timestamptz", "timestamp", "date", "bigint"])
        self.leaf = draw.choice(list(LEAVES[self.position]))
        self.series = {f"s{i}": draw.choice(["text", "text", "int", "boolean", "mood"]) for i in range(draw.choice([0, 1, 1, 1, 2, 3]))}
        self.values = {f"v{i}": draw.choice(list(EXTREMES)) for i in range(draw.choice([1, 2, 3]))}
        self.keys = {column: draw.sample(SERIES[type], min(len(SERIES[type]), draw.choice([1, 2, 3, 5]))) for column, type in self.series.items()}
        # How often a value is NULL, and how often it is an extreme.
        self.nulls = {column: draw.choice([0, 0, 0.1, 0.9]) for column in self.values}
        self.extremes = {column: draw.choice([0, 0, 0, 0.02, 0.3]) for column in self.values}
        self.not_null = draw.random() < 0.8
        self.dimension = None
        self.partitioned = draw.random() < 0.25
        self.indexed = draw.random() < 0.7
        # Columns whose equal values look the same.
        self.plain = [*self.series, *(c for c, type in self.values.items() if type in INTEGERS or "(" in type or type in FLOATS and not self.extremes[c])]
        self.endless = not self.partitioned and draw.random() < 0.05
        self.center = self._center()
        leaf = LEAVES[self.position][self.leaf]
        # From less than a leaf to a hundred; steps that fall on the edges of buckets as well as others.
        units = [1, 7, 30] if self.position == "date" else [1, 10, 60] if self.position == "bigint" else [SECOND, 60 * SECOND, 900 * SECOND, 3600 * SECOND]
        self.unit = draw.choice([leaf, *units])
        self.steps = draw.choice([3, 20, 100, 400])
        if self.position != "bigint":
            self.steps = min(self.steps, max(3, 3000 * (1 if self.position == "date" else 86400 * SECOND) // self.unit))

    def _center(self):
        if self.position == "bigint":
            return self.draw.choice([0, 0, 1767225600, 1767225600000, -(10**6), 2**53, -(2**62)])
        night = self.draw.choice(NIGHTS[self.draw.choice([self.zone, "UTC"])])
        at = datetime.strptime(night, "%Y-%m-%d %H:%M").replace(tzinfo=timezone.utc)
        return (at - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1) // (86400 * SECOND if self.position == "date" else 1)

    def at(self, where=None):
        """A position among the rows, as a literal."""
        draw = self.draw
        number = self.center + (draw.randint(-self.steps, self.steps) if where is None else where) * self.unit
        if draw.random() < 0.2:
            number += draw.choice([-1, 1, 1]) * draw.choice([1, 1, 3, self.unit // 2, self.unit // 7])
        return self.position_literal(number)

    def position_literal(self, number):
        """A number of microseconds, days or units as a literal of the position's type."""
        if self.position == "bigint":
            return f"'{number}'::bigint"
        if self.position == "date":
            return f"'{datetime(1970, 1, 1) + timedelta(days=number):%Y-%m-%d}'::date"
        at = datetime(1970, 1, 1) + timedelta(microseconds=number)
        return f"'{at:%Y-%m-%d %H:%M:%S.%f}'::timestamp" if self.position == "timestamp" else f"'{at:%Y-%m-%d %H:%M:%S.%f}Z'::timestamptz"

    def value(self, column):
        """A random value of a column. Fractions are binary, few and small, so that their sums are exact in any order."""
        draw, type_name = self.draw, self.values[column]
        if draw.random() < self.nulls[column]:
            return "NULL"
        if draw.random() < self.extremes[column]:
            return draw.choice(EXTREMES[type_name])
        if type_name in INTEGERS:
            return str(draw.randint(-9, 99))
        if type_name in FLOATS:
            return str(draw.randint(-40, 400) / 8)
        return f"{draw.randint(-999, 99999) / 100:.{draw.choice([1, 2])}f}"

    def row(self, at=None):
        """A random row as SQL."""
        draw = self.draw
        loose = 0 if self.not_null else 0.05
        at = at or ("NULL" if draw.random() < loose else self.at())
        if self.endless and self.position != "bigint" and draw.random() < 0.01:
            at = draw.choice(["'infinity'", "'-infinity'"])
        keys = ["NULL" if draw.random() < loose else draw.choice(self.keys[column]) for column in self.series]
        return f"({', '.join([at, *keys, *map(self.value, self.values)])})"

    def rows(self, count):
        """An INSERT of random rows."""
        return f"INSERT INTO {self.name} VALUES {', '.join(self.row() for _ in range(count))}"

    def create(self):
        """Statements that make the table with its rows, views and tree."""
        strict = " NOT NULL" if self.not_null else ""
        columns = [f"at {self.position}{strict}", *(f"{c} {t}{strict}" for c, t in self.series.items()), *(f"{c} {t}" for c, t in self.values.items())]
        by = " PARTITION BY RANGE (at)" if self.partitioned else ""
        yield f"CREATE TABLE {self.name} ({', '.join(columns)}){by}"
        if self.partitioned:
            middle = self.position_literal(self.center)
            yield f"CREATE TABLE {self.name}_1 PARTITION OF {self.name} FOR VALUES FROM (MINVALUE) TO ({middle})"
            yield f"CREATE TABLE {self.name}_2 PARTITION OF {self.name} DEFAULT"
        if self.indexed:
            yield f"CREATE INDEX ON {self.name} ({', '.join([*self.series, 'at'])})"
        yield self.rows(self.draw.choice([1, 40, 200, 600]))
        if self.dimension:
            yield from self.dimension.create()
        yield f"CREATE VIEW {self.name}_view AS SELECT * FROM {self.name}"
        values, series = (f"'{{{','.join(columns)}}}'" for columns in (self.values, self.series))
        yield f"SELECT powertree_create('{self.name}', 'at', {values}, '{self.leaf}', {series})"
        yield f"CALL powertree_compact('{self.name}')"
        yield f"ANALYZE {self.name}"

    def drop(self):
        return f"DROP TABLE {self.name}{f', {self.dimension.name}' if self.dimension else ''} CASCADE"

    def write(self):
        """Random statements that change the table, and may run in a transaction."""
        draw = self.draw
        kind = draw.choice(["insert", "insert", "late", "update", "move", "delete", "undone", "bulk", "series"])
        low, high = self.at(), self.at()
        between = f"at >= {low} AND at < {high}"
        column = draw.choice(list(self.values))
        if kind == "insert":
            yield self.rows(draw.choice([1, 5, 60]))
        elif kind == "late":
            # Before all others, and the only row of its leaf perhaps.
            yield f"INSERT INTO {self.name} VALUES {self.row(self.at(draw.choice([-3, 3]) * self.steps))}"
        elif kind == "update":
            yield f"UPDATE {self.name} SET {column} = {self.value(column)} WHERE {between}"
        elif kind == "move":
            yield f"UPDATE {self.name} SET at = {self.at()} WHERE at = (SELECT min(at) FROM {self.name})"
        elif kind == "delete":
            yield f"DELETE FROM {self.name} WHERE {between}"
        elif kind == "undone":
            yield "SAVEPOINT undone"
            yield self.rows(3)
            yield f"DELETE FROM {self.name} WHERE {between}"
            yield "ROLLBACK TO undone"
        elif kind == "bulk":
            yield "SET LOCAL pg_tally.powertree_bulk = on"
            yield self.rows(draw.choice([2, 20]))
            yield "SET LOCAL pg_tally.powertree_bulk = off"
        elif self.series:
            changed = draw.choice(list(self.series))
            yield f"UPDATE {self.name} SET {changed} = {draw.choice(self.keys[changed])} WHERE {between}"
