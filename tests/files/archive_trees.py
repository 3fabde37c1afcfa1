#!/usr/bin/env -S python3 -B
"""Archives tables with power trees: whatever is dropped, restored or late, the trees answer what the rows were, to the last bit."""

import json
import sys

from archiving import BUCKET, TALLY, archive, check, contents, finish, other, psql

DAYS, ROWS = 3, 3000
# The tree of each value, and the series of the table that it has.
TREES = {"price": ("", "array[symbol]"), "x": ("", "array[symbol]"), "id": ("_all", "'{}'::text[]")}
ACCESSORS = "num_vals(tally), sum(tally), stddev(tally), min(tally), max(tally)"


def partition(name, day):
    psql(f"CREATE TABLE {name}_{day} PARTITION OF {name} FOR VALUES FROM ('2024-03-0{day} 00:00Z') TO ('2024-03-0{day + 1} 00:00Z')")


def make(name, leaf="1 hour"):
    """A table with two trees, of which half is compacted. The last hour of each day has no rows."""
    psql(f"CREATE EXTENSION IF NOT EXISTS pg_tally; CREATE TABLE {name} (at timestamptz NOT NULL, symbol text, id bigint, price numeric(12,3), x double precision) PARTITION BY RANGE (at)")
    for day in range(1, DAYS + 1):
        partition(name, day)
    psql(f"""SET client_min_messages = warning;
        SELECT powertree_create('{name}', at => 'at', "values" => '{{price,x}}', series => '{{symbol}}', leaf => '{leaf}');
        SELECT powertree_create('{name}', at => 'at', "values" => '{{id}}', leaf => '1 hour', name => '{name}_all')""")
    for first, last in ((0, ROWS // 2), (ROWS // 2 + 1, ROWS - 1)):
        psql(f"CALL powertree_compact('{name}')")
        psql(f"""INSERT INTO {name} SELECT timestamptz '2024-03-01 00:00Z' + n / 1000 * interval '1 day' + n % 1000 * interval '82 seconds',
            'S' || n % 3, n, (n * 7919 % 100000) / 7.0, CASE WHEN n % 50 > 0 THEN sin(n) * 1e9 END FROM generate_series({first}, {last}) AS n""")


def ask(query):
    queries = " UNION ALL ".join(f"SELECT '{value}' AS value, series, {ACCESSORS} FROM {query(value, *tree)}" for value, tree in TREES.items())
    return psql(f"SET extra_float_digits = 3; {queries} ORDER BY 1, 2")


def answers(name, first=None, end=None):
    """What the trees say of all days, or from one to before another, each series by itself."""
    bounds = ", ".join(f"timestamptz '2024-03-0{day} 00:00Z'" if day else "NULL::timestamptz" for day in (first, end))
    return ask(lambda value, tree, series: f"powertree_tallies('{name}{tree}', '{value}', {bounds})")


def table(name):
    """What the table says of the rows that it has."""
    return ask(lambda value, tree, series: f"(SELECT {series} AS series, tally({value}) FROM {name} GROUP BY 1) AS t")


def archived(name):
    return psql(f"SELECT string_agg(archived_rows::text, ' ' ORDER BY name) FROM powertrees WHERE name ~ '^{name}(_all)?$'")


def restore(name, first, end):
    return other("restore", name, "--from", first, "--to", end)


def drops():
    """Answers stay when rows go, when they come back, and when late ones come."""
    make("treed")
    before, bytes_before = answers("treed"), contents("treed")
    yield check("trees answer as the table", before == table("treed"), before)
    second = answers("treed", 2, 3)
    code, said = archive("treed", "--drop")
    yield check("partitions of a table with trees are dropped", code == 0 and psql("SELECT count(*) FROM treed") == "0" and archived("treed") == f"{ROWS} {ROWS}", said)
    yield check("its trees answer as before, to the last bit", answers("treed") == before and answers("treed", 2, 3) == second, answers("treed"))
    manifest = json.loads((BUCKET / "treed/treed/_tally/2024-03-01T05.json").read_text())
    yield check("manifests tell of the trees", [tree["name"] for tree in manifest["trees"]] == ["treed", "treed_all"] and manifest["tallies"]["price"], manifest)
    code, said = other("verify", "treed")
    yield check("what trees keep is verified", code == 0, said)

    partition("treed", 1)
    psql("INSERT INTO treed VALUES ('2024-03-01 05:00Z', 'late', -1, 1.5, 0.1), ('2024-03-01 23:10Z', 'S1', -2, 2.5, 0.2)")
    late = answers("treed")
    count = "SELECT sum(num_vals(tally)) FROM powertree_tallies('treed', 'price', NULL::timestamptz, NULL)"
    yield check("late rows count beside what is archived", psql(count) == str(ROWS + 2), late)
    code, said = other("verify", "treed")
    yield check("and do not disturb the proof", code == 0, said)
    code, said = archive("treed", "--drop")
    yield check("one of an hour that was dropped is kept in the table", code == 1 and "after the others were dropped" in said and psql("SELECT count(*) FROM treed") == "2", said)
    psql("DELETE FROM treed WHERE id = -1")
    less = answers("treed")
    code, said = archive("treed", "--drop")
    yield check("one of a new hour goes into the leaf of its day", code == 0 and psql("SELECT count(*) FROM treed") == "0" and answers("treed") == less, said)
    code, said = other("verify", "treed")
    yield check("which is verified", code == 0, said)

    partition("treed", 1)
    partition("treed", 2)
    code, said = restore("treed", "2024-03-02T00:00Z", "2024-03-03T00:00Z")
    yield check("a day comes back and counts once", code == 0 and answers("treed") == less and answers("treed", 2, 3) == second and archived("treed") == f"{ROWS - 999} {ROWS - 999}", f"{said} {archived('treed')}")
    psql("CALL powertree_compact()")
    yield check("after compaction too", answers("treed") == less)
    code, said = other("verify", "treed")
    yield check("and all is verified", code == 0, said)
    code, said = archive("treed", "--drop")
    yield check("it can be dropped again", code == 0 and psql("SELECT count(*) FROM treed") == "0" and answers("treed") == less, said)
    psql("SELECT powertree_rebuild('treed'); CALL powertree_compact()")
    yield check("and trees be built again", answers("treed") == less)
    for day in range(1, DAYS + 1):
        partition("treed", day)
    code, said = restore("treed", "2024-03-01T00:00Z", "2024-03-04T00:00Z")
    psql("DELETE FROM treed WHERE id = -2")
    yield check("all rows come back, and the trees are those of the table", code == 0 and contents("treed") == bytes_before and answers("treed") == before == table("treed") and archived("treed") == "0 0", said)


def leaves():
    """Leaves that are wider than hours go and come back as a whole."""
    make("wide", leaf="24 hours")
    psql("ALTER TABLE wide DETACH PARTITION wide_3; DROP TABLE wide_3;"
         "CREATE TABLE wide_31 PARTITION OF wide FOR VALUES FROM ('2024-03-03 00:00Z') TO ('2024-03-03 12:00Z')")
    psql("INSERT INTO wide VALUES ('2024-03-03 01:00Z', 'S1', 1, 1, 1)")
    before = answers("wide")
    code, said = archive("wide", "--drop")
    yield check("a partition that cuts a leaf stays, with the reason", code == 1 and "cuts a leaf of power tree" in said and "That leaf goes from 2024-03-03" in said
                and psql("SELECT count(*) FROM wide") == "1", said)
    yield check("and answers stay", answers("wide") == before)
    partition("wide", 1)
    code, said = restore("wide", "2024-03-01T05:00Z", "2024-03-01T06:00Z")
    yield check("an hour of a leaf is not restored", code == 2 and "restore from 2024-03-01T00:00Z to 2024-03-02T00:00Z" in said and psql("SELECT count(*) FROM wide") == "1", said)
    code, said = restore("wide", "2024-03-01T00:00Z", "2024-03-02T00:00Z")
    yield check("the whole leaf is", code == 0 and psql("SELECT count(*) FROM wide") == "1001" and answers("wide") == before, said)
    code, said = other("verify", "wide")
    yield check("with both in their places all is verified", code == 0, said)
    psql("SELECT powertree_unarchive('wide', NULL::timestamptz, NULL)")
    code, said = other("verify", "wide")
    yield check("verify finds leaves that are lost", code == 1 and "power tree" in said and "2024-03-02T00:00Z to 2024-03-03T00:00Z" in said, said)
    partition("wide", 2)
    code, said = restore("wide", "2024-03-02T00:00Z", "2024-03-03T00:00Z")
    yield check("a restore mends that", code == 0 and answers("wide") == before and other("verify", "wide")[0] == 0, said)

    psql("""CREATE TABLE parent (at timestamptz NOT NULL, s int, x float8) PARTITION BY LIST (s);
            CREATE TABLE child PARTITION OF parent FOR VALUES IN (1) PARTITION BY RANGE (at);
            CREATE TABLE child_1 PARTITION OF child FOR VALUES FROM ('2024-03-01 00:00Z') TO ('2024-03-02 00:00Z');
            SELECT powertree_create('parent', at => 'at', "values" => '{x}', leaf => '1 hour')""")
    code, said = finish([TALLY, "archive", "--table", "child", "--older-than", "1d", "--to", "s3://tally/child", "--drop"])
    yield check("a partition of a table with a tree keeps its own", code == 2 and "partition of one with a power tree" in said, said)


def main():
    stories = [drops, leaves]
    passed = [one for story in stories if story.__name__ in sys.argv[1:] or not sys.argv[1:] for one in story()]
    sys.exit(0 if all(passed) else 1)


main()
