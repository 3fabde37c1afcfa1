#!/usr/bin/env -S python3 -B
"""Random queries of random tables, between random writes: each must give the same whether power trees answer or the table does.

    tests/rollups/fuzz.py QUERIES [--seed SEED] [--round ROUND] [--repro DIRECTORY] [--most DIFFERENCES] [--mutant]

Each round makes a table. Within one snapshot a query is asked with pg_tally.answer_from_trees at off, exact and on; and
    oracle     where it sums floating-point numbers, as a query of exact tallies: each row of `on` must be as near to that as can be, or that of `off`
    offset     beside the same query of `(SELECT * FROM t OFFSET 0) t`, which no tree can answer: EXCEPT ALL leaves nothing of either
    parts      counts and sums of the rows with a condition, without it, and where it is NULL add up to those of all rows
Of the queries that a tree could answer, 60 % must have been planned so. --seed and --round repeat a round, --repro writes what leads to each
difference. --mutant asks views that lack a row, or the like, in place of the tables: each must be found out.
"""

import argparse
import random
import re
import sys
import time
from collections import Counter
from pathlib import Path

from answers import ask, difference
from grammar import Grammar
from joins import Dimension
from session import ServerError, Session
from tables import Table

NODE, FALLBACK = "pg_tally power tree", "Answered From: table"
# Costs are no matter of this test: mostly, a plan that can have the node has it.
DEAR = "SET LOCAL seq_page_cost = 1e6; SET LOCAL random_page_cost = 1e6; SET LOCAL work_mem = '64MB'; "
BATCHES, QUERIES = 4, 12
# What a wrong implementation might make of a table, or of a condition.
MUTANTS = {
    "a row lost": ("SELECT * FROM {t} OFFSET 1", None),
    "a row twice": ("SELECT * FROM {t} UNION ALL (SELECT * FROM {t} LIMIT 1)", None),
    "rows without values lost": ("SELECT * FROM {t} WHERE coalesce({values}) IS NOT NULL", None),
    "the last row lost": ("SELECT * FROM {t} WHERE at < (SELECT max(at) FROM {t})", None),
    "ends that are included left out": ("SELECT * FROM {t}", (" <= ", " < ")),
    "HAVING ignored": ("SELECT * FROM {t}", ("HAVING count(*) > 1", "HAVING count(*) >= 1")),
    "rounding down in place of to the nearest": ("SELECT * FROM {t}", ("(extract(epoch from at)/", "(-0.5 + extract(epoch from at)/")),
    "a zone whose clocks never change": ("SELECT * FROM {t}", ("'Europe/Berlin'", "'Etc/GMT-1'")),
    "filters ignored": ("SELECT * FROM {t}", (" FILTER (WHERE ", " FILTER (WHERE true OR ")),
}


def connect():
    """A session with the library. Plans that look dear enough would be compiled, which takes longer than they do."""
    session = Session(session_preload_libraries="pg_tally")
    session("SET jit = off; SET max_parallel_workers_per_gather = 0; SET client_min_messages = error")
    return session


class Fuzzer:
    """One connection and what it found."""

    def __init__(self, options):
        self.seed, self.repro, self.mutant = options.seed, options.repro, options.mutant and MUTANTS[options.mutant]
        self.session = connect()
        self.seen, self.reasons, self.found, self.history = Counter(), Counter(), [], []

    def run(self, sql):
        """Run what is not a question, and keep it for the repro."""
        self.history.append(sql)
        return self.session(sql)

    def round(self, number):
        """Make one table, and ask it between writes."""
        draw, self.history = random.Random(f"{self.seed} {number}"), []
        table = Table(draw, "t")
        table.dimension = Dimension(draw, table)
        self.run(f"SET TimeZone = '{table.zone}'")
        for statement in table.create():
            self.run(statement)
        if self.mutant:
            values = ", ".join(f"{column}::text" for column in table.values)
            self.run(f"CREATE VIEW t_mutant AS {self.mutant[0].format(t='t', values=values)}")
            self.run("CREATE VIEW t_mutant_view AS SELECT * FROM t_mutant")
        for batch in range(BATCHES):
            if batch:
                self.between(draw, table)
            self.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
            if draw.random() < 0.3:
                self.write(table)
            for _ in range(QUERIES):
                self.one(draw, table, number)
            self.run(draw.choice(["COMMIT", "ROLLBACK"]))
        self.run(table.drop())
        self.seen["rounds"] += 1

    def between(self, draw, table):
        """Writes of a transaction of their own, and a compaction perhaps."""
        self.run("BEGIN")
        for _ in range(draw.choice([0, 1, 3])):
            self.write(table)
        self.run("COMMIT")
        if draw.random() < 0.4:
            self.run(f"CALL powertree_compact('{table.name}')")
        elif draw.random() < 0.05:
            self.run(f"TRUNCATE {table.name}")
            self.run(table.rows(20))

    def write(self, table):
        self.run("SAVEPOINT written")
        try:
            for statement in table.write():
                self.run(statement)
        except ServerError as error:
            # Rows may not fit where they are moved to.
            self.run(f"ROLLBACK TO written -- {error.sqlstate}")
            self.seen["writes that failed"] += 1

    def one(self, draw, table, number):
        """Ask one query in all ways."""
        query = Grammar(draw, table).query()
        forced = draw.random() < 0.8
        others = f"{query.before}; " if query.before else ""
        others += DEAR if forced else ""
        if draw.random() < 0.15:
            # Groups are spilled, or not even their keys fit into memory.
            others += f"SET LOCAL work_mem = '64kB'; SET LOCAL hash_mem_multiplier = {draw.choice([1, 2, 8])}; "
        right = self.ask("off", others, query.sql)
        self.seen["queries"] += 1
        self.seen["errors"] += bool(right.error)
        self.compare(number, query, "exact", right, self.ask("exact", others, query.sql), others)
        ours = self.ask("on", others, query.sql)
        rounded = None
        if query.oracle and difference(ours, right):
            rounded = self.ask("off", others, query.oracle)
            self.seen["compared with the oracle"] += 1
        self.compare(number, query, "on", right, ours, others, rounded)
        if right.error or self.mutant:
            return
        if forced and query.eligible and not query.sql.startswith(("DECLARE", "CREATE")):
            self.where(draw, query.sql)
        if draw.random() < 0.1 and not query.inexact and query.sql.startswith("SELECT"):
            self.offset(number, query, others)
        if draw.random() < 0.1:
            self.parts(number, draw, table, others)

    def ask(self, setting, others, sql):
        if self.mutant and setting != "off":
            sql = sql.replace("@t", "t_mutant").replace(*(self.mutant[1] or ("", "")))
        return ask(self.session, f"{others}SET LOCAL pg_tally.answer_from_trees = {setting}; {sql.replace('@t', 't')}")

    def compare(self, number, query, setting, right, ours, others, rounded=None):
        wrong = difference(ours, right, rounded=rounded, off=query.off)
        if wrong and self.is_of_another_plan(query, right, ours, others):
            self.seen["as in another plan"] += 1
        elif wrong:
            self.differs(number, f"{setting} is not as off: {wrong}", f"{others}SET LOCAL pg_tally.answer_from_trees = {setting};\n{query.sql}")

    def is_of_another_plan(self, query, right, ours, others):
        """Whether PostgreSQL itself answers so in another plan, as for the node that leaves a query to it: a plan that sorts rows may stop at a
        LIMIT before it comes to one that is out of range, and the last digits and the range of floating-point sums depend on the order of rows.
        """
        settings = ("enable_sort", "enable_hashagg", "enable_indexscan")
        plans = []
        for setting in settings:
            self.session("SAVEPOINT planned")
            plans.append(self.ask("off", f"{others}SET LOCAL {setting} = off; ", query.sql))
            self.session("ROLLBACK TO planned; RELEASE planned")
        if {answer.error and answer.error.sqlstate for answer in (right, ours)} == {None, "22003"}:
            # Without its LIMIT, every plan comes to all rows.
            plans.append(self.ask("off", others, re.sub(r" (LIMIT|OFFSET) \d+", "", query.sql)))
            return any(bool(plan.error) == bool(ours.error) for plan in plans)
        return any(difference(ours, plan) is None for plan in plans)

    def differs(self, number, what, sql):
        """Keep a difference, with all that led to it."""
        # Of a mutant, an error or another type would prove nothing.
        if self.mutant and "row" not in what.split(": ")[1]:
            return
        self.found.append(what)
        if self.mutant:
            return
        sql = sql.replace("@t", "t")
        print(f"not ok - seed {self.seed}, round {number}: {what}\n    {sql}", flush=True)
        if self.repro:
            place = Path(self.repro) / f"{self.seed}-{number}-{len(self.found)}.sql"
            place.write_text(";\n".join([f"-- {what}", *self.history, sql]) + ";\n")

    def where(self, draw, sql):
        """Count whether a tree was to answer, and now and then whether it did."""
        analyze = draw.random() < 0.2
        words = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) " if analyze else "EXPLAIN (COSTS OFF) "
        explain = (sql.replace("EXECUTE p", words + "EXECUTE p") if "EXECUTE p" in sql else words + sql).replace("@t", "t")
        answer = ask(self.session, f"SET LOCAL pg_tally.answer_from_trees = on; SET LOCAL client_min_messages = notice; SET LOCAL pg_tally.tree_notices = on; {explain}")
        plan = "\n".join(line for (line,) in answer.rows)
        self.seen["eligible"] += 1
        self.seen["rewritten"] += NODE in plan
        if NODE not in plan:
            self.reasons.update(notice["M"].split(": ")[-1] for notice in self.session.notices)
        elif analyze:
            self.seen["looked at"] += 1
            self.seen["answered"] += FALLBACK not in plan
            self.reasons.update(f"(when it runs) {reason}" for reason in re.findall(r"Reason: (.*)", plan))
        self.session("SET LOCAL client_min_messages = error")

    def offset(self, number, query, others):
        """Ask in one statement what differs between the query and one that cannot be rewritten."""
        fenced = query.sql.replace("@t_view", "@t").replace("FROM @t", "FROM (SELECT * FROM @t OFFSET 0) t").replace("JOIN @t", "JOIN (SELECT * FROM @t OFFSET 0) t")
        both = f"(({query.sql}) EXCEPT ALL ({fenced})) UNION ALL (({fenced}) EXCEPT ALL ({query.sql}))"
        answer = self.ask("exact", others, both)
        self.seen["with offset"] += 1
        if answer.error and answer.error.sqlstate != "42883" or answer.rows:
            self.differs(number, f"offset: {answer}", f"{others}SET LOCAL pg_tally.answer_from_trees = exact;\n{both}")

    def parts(self, number, draw, table, others):
        """Ask for rows by a condition that is true, false or NULL: they add up to all rows."""
        grammar = Grammar(draw, table)
        condition, where = grammar.condition(), grammar.where() or " WHERE true"
        integers = [c for c, t in table.values.items() if t in ("smallint", "int", "bigint", "numeric(10,2)") and not table.extremes[c]]
        counted = ", ".join(["count(*)", *(f"count({c})" for c in table.values), *(f"coalesce(sum({c}), 0)" for c in integers)])
        parts = [f"SELECT {counted} FROM @t{where}{c}" for c in ("", f" AND {condition}", f" AND NOT {condition}", f" AND ({condition}) IS NULL")]
        answers = [self.ask("on", others, part) for part in parts]
        if any(answer.error for answer in answers):
            return
        self.seen["parts"] += 1
        numbers = [[round(float(n) * 100) for n in answer.rows[0]] for answer in answers]
        if numbers[0] != [sum(column) for column in zip(*numbers[1:])]:
            self.differs(number, f"parts do not add up: {numbers}", ";\n".join(parts))


def fuzz(options):
    """Ask so many queries; the fuzzer with what it found."""
    fuzzer, began = Fuzzer(options), time.monotonic()
    number = options.round or 0
    while fuzzer.seen["queries"] < options.queries:
        try:
            fuzzer.round(number)
        except ServerError as error:
            fuzzer.differs(number, f"the round failed: {error}", (fuzzer.history or [""])[-1])
            fuzzer.session.close()
            fuzzer.session = connect()
            fuzzer.run("DROP TABLE IF EXISTS t, t_dimension CASCADE")
        number += 1
        if len(fuzzer.found) >= (1 if options.mutant else options.most) or options.round is not None:
            break
    fuzzer.took = time.monotonic() - began
    fuzzer.session.close()
    return fuzzer


def verdict(fuzzer):
    """What is wrong with the run as a whole."""
    seen = fuzzer.seen
    print("# " + ", ".join(f"{what}: {many}" for what, many in seen.items()) + f"; {seen['queries'] / fuzzer.took * 60:.0f} queries a minute")
    for reason, many in fuzzer.reasons.most_common(20):
        print(f"# {many} times not from a tree: {reason}")
    if fuzzer.found:
        yield f"{len(fuzzer.found)} differences"
    if seen["errors"] > 0.1 * seen["queries"]:
        yield "more than a tenth of the queries are errors"
    if seen["rewritten"] < 0.6 * seen["eligible"] or not seen["eligible"]:
        yield "fewer than 60 % of the queries that a tree could answer were planned so"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("queries", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int)
    parser.add_argument("--repro")
    parser.add_argument("--most", type=int, default=30)
    parser.add_argument("--mutant", action="store_true")
    options = parser.parse_args()
    session = Session()
    session("CREATE EXTENSION IF NOT EXISTS pg_tally; DROP TYPE IF EXISTS mood CASCADE; CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')")
    session.close()
    failed = False
    if options.mutant:
        for mutant in MUTANTS:
            options.mutant = mutant
            fuzzer = fuzz(options)
            print(f"{'ok' if fuzzer.found else 'not ok'} - found out after {fuzzer.seen['queries']} queries: {mutant}; {(fuzzer.found or [''])[0][:120]}", flush=True)
            failed |= not fuzzer.found
    else:
        wrong = list(verdict(fuzz(options)))
        print(f"not ok - {'; '.join(wrong)}" if wrong else f"ok - {options.queries} queries")
        failed = bool(wrong)
    sys.exit(failed)


main()
