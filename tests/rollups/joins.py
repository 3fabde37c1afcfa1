"""Random joins of a table of tests/rollups/tables.py with a dimension, which is called d in the query."""

from tables import SERIES

WIDER = {"int": "bigint", "text": "varchar"}
NAMES = ["'one'", "'two'", "'two'", "NULL"]


class Dimension:
    """A table with keys of series, ranges of positions and days: some twice, some NULL, some that no row has."""

    def __init__(self, draw, table):
        self.draw, self.table, self.name = draw, table, f"{table.name}_dimension"
        self.types = {column: draw.choice([type, type, WIDER.get(type, type)]) for column, type in table.series.items()}

    def create(self):
        """Statements that make it."""
        position, draw = self.table.position, self.draw
        keys = "".join(f", k_{column} {type}" for column, type in self.types.items())
        yield f"CREATE TABLE {self.name} (id int, name text, low {position}, high {position}{keys})"
        rows = []
        for number in range(draw.choice([0, 1, 5, 12])):
            low, high = (self.table.at() if draw.random() < 0.9 else "NULL" for _ in range(2))
            known = [draw.choice([*self.table.keys[c], draw.choice(SERIES[t]), "NULL"]) for c, t in self.table.series.items()]
            rows.append(f"({', '.join([str(number), draw.choice(NAMES), low, high, *known])})")
        if rows:
            yield f"INSERT INTO {self.name} VALUES {', '.join(rows)}"
        yield f"ANALYZE {self.name}"


class Join:
    """One way to join the table with its dimension."""

    def __init__(self, draw, table, grammar):
        self.draw, self.table, self.grammar = draw, table, grammar
        self.kind = draw.choice(["inner", "inner", "inner", "left", "semi", "anti", "gaps", "two"])
        # What the columns of the dimension are called by, if they can be.
        self.alias = "d" if self.kind not in ("semi", "anti") else None
        dimension = table.dimension.name
        self.where, join = "", self.condition()
        if self.kind == "inner":
            self.source = draw.choice([f"@t JOIN {dimension} d ON {join}", f"{dimension} d JOIN @t ON {join}"])
        elif self.kind == "left":
            self.source = f"@t LEFT JOIN {dimension} d ON {join}"
        elif self.kind == "gaps":
            self.source = f"{dimension} d LEFT JOIN @t ON {join}"
        elif self.kind == "two":
            self.source = f"@t JOIN {dimension} d ON {join} LEFT JOIN {dimension} e ON {self.condition('e')}"
        else:
            self.source = "@t"
            self.where = f"{'NOT ' if self.kind == 'anti' else ''}EXISTS (SELECT FROM {dimension} d WHERE {join})"
        self.eligible = self.kind in ("inner", "left", "semi", "anti")

    def condition(self, d="d"):
        """A condition of the join."""
        draw, series = self.draw, list(self.table.series)
        parts = []
        if series and draw.random() < 0.75:
            for column in draw.sample(series, draw.choice([1, len(series)])):
                parts.append(draw.choice(["@t.{c} = {d}.k_{c}", "@t.{c} = {d}.k_{c}", "{d}.k_{c} = @t.{c}", "@t.{c} IS NOT DISTINCT FROM {d}.k_{c}"]).format(c=column, d=d))
        if draw.random() < 0.35 or not parts:
            parts.append(draw.choice(["@t.at >= {d}.low AND @t.at < {d}.high", "@t.at BETWEEN {d}.low AND {d}.high", "@t.at > {d}.low", "{d}.high >= @t.at", "@t.at = {d}.low", "@t.at <> {d}.low"]).format(d=d))
        elif self.table.position != "bigint" and draw.random() < 0.15:
            parts.append(f"@t.at::date = {d}.low::date")
        if draw.random() < 0.15:
            parts.append(f"{d}.id <> 2")
        if draw.random() < 0.15:
            parts.append(self.grammar.on_time())
        if draw.random() < 0.1 and series:
            parts.append(self.grammar.on_series())
        return " AND ".join(parts)

    def key(self):
        """A key with columns of the dimension."""
        keys = ["d.name", "d.id", "d.low", "coalesce(d.name, 'none')", "d.id % 2", "(d.id IS NULL)", *(f"d.k_{c}" for c in self.table.series)]
        keys += [f"coalesce(d.name, '') || coalesce({c}::text, '')" for c in self.table.series]
        return self.draw.choice(keys)

    def aggregate(self):
        """An aggregate over columns of the dimension."""
        plain = self.draw.choice(["max(d.name)", "min(d.name)", "count(d.name)", "count(DISTINCT d.name)", "sum(d.id)", "max(d.low)", "count(*) FILTER (WHERE d.id > 1)"])
        return plain, plain
