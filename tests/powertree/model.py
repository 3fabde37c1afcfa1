#!/usr/bin/env -S python3 -B
"""Model test of archived rows: random changes of a table with two power trees, beside a shadow table that never drops anything.

    tests/powertree/model.py STEPS [SEED] [--mutant]

A step inserts, inserts late rows, updates, deletes, truncates, archives a partition, makes one again, restores one by attaching it or by inserting
its rows, or a part of them, gives archived ones up, compacts, rebuilds (with other leaves too), has the trees become stale, or dumps and restores the database.
Some steps are rolled back. After each transaction the trees are asked: what they answer is what the shadow has, to the last bit; where a
range cuts archived rows it is an error, and nowhere else.

With --mutant, rows are inserted again whose leaves stay in the archive, and the test must notice.
"""

import math
import random
import subprocess
import sys
from collections import deque
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "security"))
from session import ServerError, Session  # noqa: E402

WIDTH = 100
FIRST, LAST = -3, 7
SERIES = ("a", "b", "c", "")
# Columns of the table, in its order.
COLUMNS = "id, at, s, x, n"


def literal(value):
    return "NULL" if value is None else f"'{value}'"


class Model:
    """What the test knows besides the shadow: which partitions are there, and what was detached from where."""

    def __init__(self, session, seed, mutant):
        self.session, self.random, self.mutant = session, random.Random(seed), mutant
        self.serial = 0
        self.parts, self.kept = {}, {}
        self.live = True
        self.counts, self.checks = {}, 0
        # The statements of the last steps.
        self.said = deque(maxlen=20)

    def run(self, sql):
        self.said.append(sql)
        self.session(sql)

    def start(self):
        for number in range(FIRST, LAST):
            self.make_part(number)

    # Positions and ranges

    def at(self):
        return self.random.randrange(FIRST * WIDTH, LAST * WIDTH)

    def leaf(self, tree="m"):
        return int(self.session.value(f"SELECT leaf_of('{tree}')"))

    # Steps

    def insert(self):
        many, near = self.random.randrange(1, 30), self.at()
        spread = self.random.choice((1, 20, 400))
        rows = []
        for _ in range(many):
            at = max(FIRST * WIDTH, min(LAST * WIDTH - 1, near + self.random.randrange(spread)))
            s = self.random.choice(SERIES) or None
            x = self.random.choice((None, self.random.randrange(1000) / 8, 100 + self.random.random() * 1000))
            n = self.random.choice((None, self.random.randrange(-50, 50), self.random.randrange(10**17)))
            rows.append(f"(nextval('ids'), {at}, {literal(s)}, {'NULL' if x is None else repr(x)}, {'NULL' if n is None else n})")
        self.run(f"WITH new AS (INSERT INTO shadow ({COLUMNS}) VALUES {', '.join(rows)} RETURNING {COLUMNS}) INSERT INTO m TABLE new")

    def some(self):
        """Rows of the table, near one another."""
        at = self.at()
        return f"at BETWEEN {at} AND {at + self.random.choice((0, 5, 30))}"

    def update(self):
        change = self.random.choice(("x = x + 1", "n = -n", "x = NULL", "s = 'b'", "s = NULL", f"at = {self.at()}", "x = x"))
        rows = self.some()
        self.run(f"UPDATE shadow SET {change} WHERE NOT archived AND {rows}; UPDATE m SET {change} WHERE {rows}")

    def delete(self):
        rows = self.some()
        # So that the table stays small.
        if self.random.random() < 0.5:
            first = self.random.randrange(FIRST, LAST) * WIDTH
            rows = f"at BETWEEN {first} AND {first + 2 * WIDTH}"
        self.run(f"DELETE FROM shadow WHERE NOT archived AND {rows}; DELETE FROM m WHERE {rows}")

    def truncate(self):
        if self.random.random() < 0.2:
            self.run("TRUNCATE m; DELETE FROM shadow WHERE NOT archived")
        elif self.parts:
            number = self.random.choice(sorted(self.parts))
            self.run(f"TRUNCATE {self.parts[number]}; DELETE FROM shadow WHERE NOT archived AND {self.within(number)}")

    @staticmethod
    def within(number):
        return f"at >= {number * WIDTH} AND at < {(number + 1) * WIDTH}"

    def bounds(self, number):
        return f"FOR VALUES FROM ({number * WIDTH}) TO ({(number + 1) * WIDTH})"

    def around(self, number, sql):
        """Do something about a partition while its rows are not in the default one."""
        self.run(f"CREATE TEMP TABLE aside AS SELECT * FROM m WHERE {self.within(number)}; DELETE FROM m WHERE {self.within(number)}; "
                 f"{sql}; INSERT INTO m ({COLUMNS}) SELECT {COLUMNS} FROM aside; DROP TABLE aside")

    def make_part(self, number=None):
        missing = [n for n in range(FIRST, LAST) if n not in self.parts]
        if number is None and not missing:
            return
        number = self.random.choice(missing) if number is None else number
        self.serial += 1
        name = f"m_{self.serial}"
        self.around(number, f"CREATE TABLE {name} PARTITION OF m {self.bounds(number)}")
        self.parts[number] = name

    def archive(self):
        if not self.parts:
            return
        number = self.random.choice(sorted(self.parts))
        name = self.parts.pop(number)
        tree = self.random.choice(("m", "wide"))
        self.run(f"SELECT powertree_archive('{tree}', '{name}'); UPDATE shadow SET archived = true WHERE {self.within(number)}")
        self.kept.setdefault(number, []).append(name)

    def unarchive(self, first, last):
        if not self.mutant or self.random.random() < 0.5:
            self.run(f"SELECT powertree_unarchive('{self.random.choice(('m', 'wide'))}', {first}::bigint, {last})")

    def restore(self):
        if not self.kept:
            return
        number = self.random.choice(sorted(self.kept))
        tables = self.kept.pop(number)
        self.unarchive(number * WIDTH, (number + 1) * WIDTH)
        attached = None
        # One that was archived after a part of it was restored has to be as it was.
        if number not in self.parts and self.random.random() < 0.5:
            attached = tables.pop()
            self.around(number, f"ALTER TABLE m ATTACH PARTITION {attached} {self.bounds(number)}")
            self.parts[number] = attached
        for table in tables:
            self.run(f"INSERT INTO m ({COLUMNS}) SELECT {COLUMNS} FROM {table}; DROP TABLE {table}")
        self.run(f"UPDATE shadow SET archived = false WHERE {self.within(number)}")

    def restore_part(self):
        if not self.kept:
            return
        number = self.random.choice(sorted(self.kept))
        width = math.lcm(self.leaf("m"), self.leaf("wide"))
        if WIDTH % width or width == WIDTH:
            return
        first = number * WIDTH + self.random.randrange(WIDTH // width) * width
        part = f"at >= {first} AND at < {first + width}"
        self.unarchive(first, first + width)
        for table in self.kept[number]:
            self.run(f"INSERT INTO m ({COLUMNS}) SELECT {COLUMNS} FROM {table} WHERE {part}; DELETE FROM {table} WHERE {part}")
        self.run(f"UPDATE shadow SET archived = false WHERE {part}")

    def give_up(self):
        """Archived rows are forgotten, and do not come back."""
        if not self.kept:
            return
        number = self.random.choice(sorted(self.kept))
        tables = self.kept.pop(number)
        self.run(f"SELECT powertree_unarchive('m', {number * WIDTH}::bigint, {(number + 1) * WIDTH}); DROP TABLE {', '.join(tables)}; "
                 f"DELETE FROM shadow WHERE archived AND {self.within(number)}")

    def compact(self):
        self.run("CALL powertree_compact()")

    def rebuild(self):
        if self.random.random() < 0.5:
            self.run("SELECT powertree_rebuild('m'); SELECT powertree_rebuild('wide')")
            self.live = True
            return
        tree = self.random.choice(("m", "wide"))
        leaf = self.random.choice((10, 10, 20, 50) if tree == "m" else (50, 50, 100))
        self.run("SAVEPOINT before")
        error = self.session.attempt(f"SELECT powertree_rebuild('{tree}', '{leaf}')")
        if error:
            # Archived leaves cannot be divided.
            if error.sqlstate != "22023" or not int(self.session.value("ROLLBACK TO before; SELECT count(*) FROM powertree_archived")):
                raise error

    def become_stale(self):
        self.run("ALTER TABLE m DISABLE TRIGGER ALL")
        self.live = False

    def dump(self):
        other = "model_restored"
        self.run(f"DROP DATABASE IF EXISTS {other}; ")
        self.run(f"CREATE DATABASE {other}")
        database = self.session.value("SELECT current_database()")
        subprocess.run(f"pg_dump {database} | psql -X -q -v ON_ERROR_STOP=1 -d {other}", shell=True, check=True, stdout=subprocess.DEVNULL)
        with Session(database=other) as session:
            session("SET client_min_messages = warning")
            restored = Model(session, self.random.random(), False)
            for what in ("stale", "to be compacted", "compacted"):
                for _ in range(15):
                    restored.check()
                if what == "stale":
                    session("SELECT powertree_rebuild('m'); SELECT powertree_rebuild('wide')")
                else:
                    session("CALL powertree_compact()")
        self.run(f"DROP DATABASE {other}")

    STEPS = ((insert, 40), (update, 12), (delete, 6), (truncate, 1), (archive, 8), (make_part, 6), (restore, 5), (restore_part, 4), (give_up, 3), (compact, 9),
             (rebuild, 2), (become_stale, 1))

    def step(self):
        step = self.random.choices([step for step, _ in self.STEPS], [weight for _, weight in self.STEPS])[0]
        if step is Model.become_stale and not self.live:
            step = Model.rebuild
        self.counts[step.__name__] = self.counts.get(step.__name__, 0) + 1
        step(self)

    def transaction(self, most):
        """Take up to so many steps, and check the answers; how many steps."""
        steps = self.random.randrange(1, 1 + min(most, 5))
        before = ({**self.parts}, {k: [*v] for k, v in self.kept.items()}, self.live)
        self.run("BEGIN")
        for _ in range(steps):
            self.step()
            if self.random.random() < 0.2:
                self.check()
        if self.random.random() < 0.1:
            self.run("ROLLBACK")
            self.parts, self.kept, self.live = before
        else:
            self.run("COMMIT")
        self.check()
        return steps

    def check(self):
        a, b = sorted((self.at(), self.at()))
        b += 1
        if self.random.random() < 0.6:
            leaf = self.random.choice((10, 50))
            a, b = a // leaf * leaf, (b // leaf + 1) * leaf
        s, v = self.random.choice(SERIES[:3]), self.random.choice(("x", "n"))
        step = self.random.choice((5, 10, 20, 37, 50))
        questions = [f"wrong_range({a}, {b}, '{s}', '{v}')"]
        others = [f"wrong_wide({a}, {b})", f"wrong_tallies({a}, {b}, '{v}')", f"wrong_buckets({a}, {step}, {self.random.randrange(1, 12)}, '{s}', '{v}')",
                  "wrong_series()", f"wrong_last({self.random.choice((1, 5, 50, 1000))}, '{s}')", f"wrong_zoom({a}, {b}, {self.random.choice((2, 20, 400))}, '{s}')",
                  "wrong_rows()"]
        questions += self.random.sample(others, 2)
        for wrong in self.session("SELECT " + ", ".join(questions))[0]:
            self.checks += 1
            if wrong is not None:
                raise AssertionError(wrong)


def main():
    words = [word for word in sys.argv[1:] if word != "--mutant"]
    steps, mutant = int(words[0]), "--mutant" in sys.argv
    seed = int(words[1]) if len(words) > 1 else random.randrange(1 << 30)
    done, found = 0, None
    with Session() as session:
        session((HERE / "model.sql").read_text())
        session("SET client_min_messages = error; SET synchronous_commit = off")
        model = Model(session, seed, mutant)
        model.start()
        next_dump = steps // 4
        try:
            while done < steps:
                done += model.transaction(steps - done)
                if done >= next_dump:
                    model.dump()
                    next_dump += max(steps // 4, 1)
        except (AssertionError, ServerError) as error:
            found = error
    print(f"# seed {seed}: {done} steps, {model.checks} answers; {', '.join(f'{name} {count}' for name, count in sorted(model.counts.items()))}")
    if found:
        print(f"# {type(found).__name__}: {found}")
        for sql in model.said if not mutant else ():
            print(f"#   {sql}")
    print(f"{'ok' if bool(found) == mutant else 'not ok'} - {'what is wrong is noticed' if mutant else 'base and archive together are what the shadow has'}")
    sys.exit(bool(found) != mutant)


main()
