"""Each endpoint answers what SQL answers."""

import csv
import datetime
import io
import json
import urllib.parse

from server import psql, rows

BASE = "/api/v1/trees/quotes"
RANGE = "from=2026-03-01T01:02:03Z&to=2026-03-02T20:00:00Z"
START = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
ACCESSORS = "num_vals(t), sum(t), avg(t), stddev(t), min(t), max(t)"


def trees(service):
    assert [tree["name"] for tree in service.get("/api/v1/trees")] == ["counts", "quotes"]
    assert [tree["name"] for tree in service.get("/api/v1/trees", user="web")] == ["counts"]
    assert service.get("/api/v1/trees", user="nobody") == []
    tree = service.get(BASE)
    wanted = rows("SELECT name, base::text AS table, at, values, series, 'PT10M' AS leaf, state, num_vals, num_series FROM powertrees WHERE name = 'quotes'", "ann")[0]
    assert wanted.items() <= tree.items(), (wanted, tree)
    assert (tree["at_type"], tree["first"], tree["last"]) == ("timestamp with time zone", "2026-03-01T00:00:00+00:00", "2026-03-02T23:59:54+00:00")
    assert (service.get("/api/v1/trees/counts")["first"], service.get("/api/v1/trees/counts")["last"]) == (1, 5000)


def series(service):
    wanted = rows("SELECT series, first::timestamptz, last::timestamptz, num_rows FROM powertree_series('quotes') ORDER BY series", "ann")
    for row in wanted:
        row["series"] = dict(zip(("exchange", "symbol"), row["series"]))
    assert service.get(f"{BASE}/series") == wanted
    assert service.get(f"{BASE}/series?exchange=x2") == [row for row in wanted if row["series"]["exchange"] == "x2"]
    assert service.get(f"{BASE}/series?exchange={urllib.parse.quote('odd&=')}&series.symbol={urllib.parse.quote('a%sb<script>' % chr(34))}") == wanted[:1]
    found, path, pages = [], f"{BASE}/series?limit=2", 0
    while path:
        _, headers, page = service.ask("GET", path)
        found, pages = found + page, pages + 1
        path = headers["Link"].split(">")[0][1:] if headers["Link"] else None
    assert (found, pages) == (wanted, 4)


def tally(service):
    wanted = rows(f"SELECT {ACCESSORS} FROM powertree_tally('quotes', 'price', '2026-03-01 01:02:03Z'::timestamptz, '2026-03-02 20:00Z', 'x1', 'S2') t", "ann")
    assert [service.get(f"{BASE}/tally?value=price&{RANGE}&exchange=x1&symbol=S2")] == wanted
    # What JSON has no numbers for is text.
    assert service.get(f"{BASE}/tally?value=price&exchange=x1&symbol=S1")["avg"] == "NaN"
    assert service.get(f"{BASE}/tally?value=price&exchange=x1&symbol=none") == {"num_vals": 0, **dict.fromkeys(("sum", "avg", "stddev", "min", "max"))}
    assert service.get("/api/v1/trees/counts/tally?value=x&from=11&to=21", user="web")["num_vals"] == 10


def tallies(service):
    wanted = rows(f"SELECT series, {ACCESSORS} FROM powertree_tallies('quotes', 'size', '2026-03-01 01:02:03Z'::timestamptz, '2026-03-02 20:00Z', 'x1') f(series, t) ORDER BY series", "ann")
    for row in wanted:
        row["series"] = dict(zip(("exchange", "symbol"), row["series"]))
    assert service.get(f"{BASE}/tallies?value=size&{RANGE}&exchange=x1") == wanted
    _, headers, page = service.ask("GET", f"{BASE}/tallies?value=size&{RANGE}&exchange=x1&limit=2")
    assert page + service.get(headers["Link"].split(">")[0][1:]) == wanted


def zoom(service):
    for points in (20, 200, 1000):
        found = service.get(f"{BASE}/zoom?value=price&{RANGE}&exchange=x1&symbol=S2&points={points}")
        wanted = rows(f"SELECT bucket AS at, step, {ACCESSORS} FROM powertree_zoom('quotes', 'price', '2026-03-01 01:02:03Z'::timestamptz, '2026-03-02 20:00Z', {points}, 'x1', 'S2') z(bucket, step, t) ORDER BY 1", "ann")
        assert not found["raw"] and len(found["at"]) <= points
        for column in ("at", "num_vals", "sum", "avg", "stddev", "min", "max"):
            assert found[column] == [row[column] for row in wanted], column
    found = service.get(f"{BASE}/zoom?value=price&from=2026-03-01T00:00:00Z&to=2026-03-01T00:10:00Z&exchange=x1&symbol=S2&points=100")
    wanted = rows("SELECT at, price FROM quotes WHERE exchange = 'x1' AND symbol = 'S2' AND at < '2026-03-01 00:10Z' ORDER BY at", "ann")
    assert found == {"raw": True, "at": [row["at"] for row in wanted], "value": [row["price"] for row in wanted]}
    found = service.get(f"{BASE}/zoom?value=price&exchange=x1&symbol=S2&points=3&tz=Asia/Tokyo")
    assert found["step"] == "P1D" and found["at"][0].endswith("+09:00") and sum(found["num_vals"]) == 28800, found
    assert service.get("/api/v1/trees/counts/zoom?value=x&points=50")["step"] == 200
    assert service.get(f"{BASE}/zoom?value=price&exchange=none&symbol=none")["at"] == []


DEEP = """
CREATE TABLE deep (symbol text, at timestamptz, price float8);
INSERT INTO deep SELECT 'S' || n % 2, timestamptz '2026-03-01 00:00Z' + n * interval '1 second', sin(n / 3000.0) + CASE WHEN n = 123456 THEN 50 ELSE 0 END FROM generate_series(0, 299999) n;
CREATE INDEX ON deep (symbol, at);
SELECT powertree_create('deep', at => 'at', "values" => '{price}', series => '{symbol}', leaf => '1 minute');
GRANT SELECT ON deep TO ann;
"""


def depths(service):
    """From everything down to rows: each number is that of the rows, one far value is seen from everywhere, and so is a late row."""
    psql(DEEP, "owner")
    psql("CALL powertree_compact('deep')", "owner")
    outlier = datetime.datetime.fromisoformat("2026-03-02T10:17:36+00:00")
    seconds, steps, views = 600_000, set(), []
    while seconds >= 40:
        half = datetime.timedelta(seconds=seconds / 2)
        first, end = (max(outlier - half, START).strftime("%FT%TZ"), (outlier + half).strftime("%FT%TZ"))
        path = f"/api/v1/trees/deep/zoom?value=price&symbol=S0&points=100&from={first}&to={end}"
        _, headers, found = service.ask("GET", path)
        as_rows(found, first, end)
        assert max(present(found["value" if found["raw"] else "max"])) > 49, (path, found)
        views.append((path, headers["ETag"], found["raw"], first, end))
        steps.add(found.get("step"))
        seconds /= 3
    assert len(steps) >= 5 and None in steps, steps
    psql("INSERT INTO deep VALUES ('S0', '2026-03-02 10:17:35.5Z', -70)", "owner")
    for path, etag, raw, first, end in views:
        status, _, found = service.ask("GET", path, headers={"If-None-Match": etag})
        assert status == 200 and min(present(found["value" if raw else "min"])) == -70, ("a late row is not seen", path)
        as_rows(found, first, end)
    psql("DROP TABLE deep")


def present(column):
    """The values of a column that are there: buckets may be empty."""
    return [value for value in column if value is not None]


def as_rows(found, first, end):
    """Check a chart of the deep table against its rows."""
    if found["raw"]:
        wanted = rows(f"SELECT at, price AS value FROM deep WHERE symbol = 'S0' AND at >= '{first}' AND at < '{end}' ORDER BY at")
    else:
        wanted = rows(f"""SELECT b AS at, {ACCESSORS} FROM unnest(ARRAY['{"','".join(found["at"])}']::timestamptz[]) b,
            LATERAL (SELECT tally(price) AS t FROM deep WHERE symbol = 'S0' AND at >= b AND at < b + '{found["step"]}'::interval) f ORDER BY b""")
        assert sum(found["num_vals"]) >= int(psql(f"SELECT count(*) FROM deep WHERE symbol = 'S0' AND at >= '{first}' AND at < '{end}'")), (first, end)
    for column in set(found) - {"raw", "step", "archived"}:
        assert found[column] == [row[column] for row in wanted], (column, first, end)


ARCHIVED = """
CREATE TABLE old (sensor text, at timestamptz NOT NULL, x float8) PARTITION BY RANGE (at);
CREATE TABLE old_january PARTITION OF old FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
CREATE TABLE old_february PARTITION OF old FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z');
INSERT INTO old SELECT 's', '2026-01-01Z'::timestamptz + i * interval '1 minute', i % 9 FROM generate_series(0, 79999) i;
SELECT powertree_create('old', at => 'at', "values" => '{x}', series => '{sensor}', leaf => '1 hour');
GRANT SELECT ON old TO ann;
BEGIN; SELECT powertree_archive('old', 'old_january'); DROP TABLE old_january; COMMIT;
"""


def archived(service):
    """Rows that are gone are in every chart, which says so, and no end of a range is an error."""
    psql(ARCHIVED, "owner")
    base, series = "/api/v1/trees/old", "value=x&sensor=s"
    assert service.get(base)["archived_until"] == "2026-02-01T00:00:00+00:00" and service.get(BASE)["archived_until"] is None
    for ends, many in (("", 80000), ("&from=2026-01-05T10:20:00Z&to=2026-01-05T10:30:00Z", 60), ("&from=2026-01-05T10:20:00Z&to=2026-02-05T00:20:00Z", None)):
        found = service.get(f"{base}/zoom?{series}&points=100{ends}")
        assert found["archived"] and not found["raw"] and sum(found["num_vals"]) == (many or sum(found["num_vals"])) > 0, found
        service.get(f"/api/v1/changes?tree=old&{series}&points=100{ends}")
    found = service.get(f"{base}/zoom?{series}&points=100&from=2026-02-05T10:20:00Z&to=2026-02-05T10:30:00Z")
    assert found["raw"] and len(found["at"]) == 10, found
    assert not service.get(f"{base}/zoom?{series}&points=100&from=2026-02-02T00:00:00Z")["archived"]
    psql("DROP TABLE old", "owner")


# Values whose sum is lost where it is made of doubles, or of means.
EXACT = """
CREATE TABLE exact (n bigint, x float8);
INSERT INTO exact SELECT n, (ARRAY[1e16, 0.125, -1e16, 3])[1 + n % 4] + CASE WHEN n % 4 = 1 THEN sin(n) ELSE 0 END FROM generate_series(0, 3999) n;
SELECT powertree_create('exact', at => 'n', "values" => '{x}', leaf => '100');
GRANT SELECT ON exact TO ann;
"""


def sums(service):
    """Sums are as exact as their tallies, which they are of, and not of means."""
    psql(EXACT, "owner")
    found = service.get("/api/v1/trees/exact/zoom?value=x&points=40")
    wanted = [row["sum"] for row in rows("SELECT sum(tally(x)) FROM exact GROUP BY n / 100 ORDER BY n / 100")]
    assert found["sum"] == wanted and found["step"] == 100, found
    assert any(mean * many != total for mean, many, total in zip(found["avg"], found["num_vals"], found["sum"])), "nothing is tested"
    assert wanted != [row["sum"] for row in rows("SELECT sum(x) FROM exact GROUP BY n / 100 ORDER BY n / 100")], "nothing is tested"
    psql("DROP TABLE exact", "owner")


def last(service):
    wanted = rows(f"SELECT {ACCESSORS}, first, last FROM powertree_last('quotes', 'price', 1000, 'x2', 'S3') l(t, first, last)", "ann")
    assert [service.get(f"{BASE}/last/1000?value=price&exchange=x2&symbol=S3")] == wanted


def changes(service):
    found = service.get("/api/v1/changes?tree=quotes&value=price&exchange=x2&symbol=S3&points=500")
    level = [change for change in found if change["kind"] == "level"]
    # The planted one, row 20001, within two buckets.
    assert any("2026-03-02T09:" in change["at"] and 4 < change["difference"] < 6 for change in level), found
    assert isinstance(service.get("/api/v1/changes?tree=counts&value=x&points=100"), list)


VALUES = """SELECT 1::smallint AS a, -9007199254740993::bigint AS b, 1.50 AS c, 'NaN'::float8 AS d, 1e20::float8 AS e, true AS f, NULL::text AS g,
  E'a"b,\\nä' AS h, '{"k": [1, null]}'::jsonb AS i, timestamptz '2026-03-01Z' AS j, '{1,2}'::int[] AS k, tally(2) AS l, '' AS m, false AS n"""


def query(service):
    status, body = service.query(VALUES)
    assert status == 200 and not body["more"]
    assert [column["name"] for column in body["columns"]] == list("abcdefghijklmn")
    assert [column["type"] for column in body["columns"]][:3] == ["int2", "int8", "numeric"] and body["columns"][11]["type"] == "tally"
    wanted = psql(f"SELECT row_to_json(r) FROM ({VALUES}) r")
    a, b, c, d, e, f, g, h, i, j, k, l, m, n = body["rows"][0]
    assert (a, b, c, d, e, f, g, h, i, m, n) == (1, -9007199254740993, 1.5, "NaN", 1e20, True, None, 'a"b,\nä', {"k": [1, None]}, "", False), (body, wanted)
    assert j.startswith("2026-03-01") and k == "{1,2}" and l == psql("SELECT tally(2)")
    assert service.query(VALUES, headers={"Accept": "application/json; big=string"})[1]["rows"][0][1] == "-9007199254740993"
    assert service.query("SELECT n FROM generate_series(1, 5) n", limit=2)[1] == {"columns": [{"name": "n", "type": "int4"}], "rows": [[1], [2]], "more": True}
    assert service.query("SELECT n FROM generate_series(1, 10001) n")[1]["more"]
    assert service.query("SELECT 1 WHERE false")[1]["rows"] == []
    assert service.query("SHOW statement_timeout", user="nobody")[1]["rows"] == [["30s"]]
    assert "Seq Scan" in service.query("EXPLAIN SELECT * FROM counts")[1]["rows"][0][0]
    status, body = service.query("SELECT $1::int + $2::int AS n, $3::bool AS b, $4 AS t, $5::jsonb AS j -- end", params=[1, "2", True, None, {"a": 1}])
    assert status == 200 and body["rows"] == [[3, True, None, {"a": 1}]], body
    assert psql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tally serve' AND state <> 'idle'") == "0"


def streams(service):
    sql = "SELECT n, n::numeric / 3.0 AS x, CASE WHEN n % 3 > 0 THEN 'a,\"' || n::text END AS t FROM generate_series(1, 20000) n"
    status, headers, body = service.ask("POST", "/api/v1/query", {"sql": sql}, headers={"Accept": "application/x-ndjson"})
    assert status == 200 and headers["Content-Type"] == "application/x-ndjson"
    assert [json.loads(line) for line in body.splitlines()] == rows(sql)
    _, _, body = service.ask("POST", "/api/v1/query", {"sql": sql}, headers={"Accept": "text/csv"})
    assert body == psql(f"COPY ({sql}) TO STDOUT (FORMAT csv, HEADER)") + "\n"
    assert len(list(csv.reader(io.StringIO(body)))) == 20001
    _, _, body = service.ask("POST", "/api/v1/query", {"sql": "SELECT $1::bool AS b", "params": [True]}, headers={"Accept": "text/csv"})
    assert body == "b\nt\n"
    _, _, body = service.ask("POST", "/api/v1/query", {"sql": sql, "limit": 3}, headers={"Accept": "text/csv"})
    assert len(body.splitlines()) == 4


def caching(service):
    path = f"{BASE}/zoom?value=price&{RANGE}&exchange=x1&symbol=S2&points=20"
    _, headers, _ = service.ask("GET", path)
    assert headers["Cache-Control"] == "private, no-cache" and headers["Tally-As-Of"].startswith("20")
    assert service.ask("GET", path, headers={"If-None-Match": headers["ETag"]})[0] == 304
    assert service.ask("GET", path, headers={"If-None-Match": 'W/"other"'})[0] == 200
    psql("INSERT INTO quotes VALUES ('x1', 'S2', '2026-03-01 02:00:01Z', 1000, 1)")
    status, _, body = service.ask("GET", path, headers={"If-None-Match": headers["ETag"]})
    assert status == 200 and 1000 in body["max"], "a late row is not seen"
    psql("DELETE FROM quotes WHERE price = 1000")


def watching(service):
    for path in ("/health", "/ready"):
        assert service.get(path, user=None, headers={"Host": "prometheus.example.org"}) in ({"live": True}, {"ready": True, "reasons": []})
    text = service.get("/metrics", user=None)
    assert 'tally_serve_requests_total{path="/api/v1/trees/{tree}/zoom",status="200"}' in text and "tally_serve_database_up 1" in text, text
    assert "quotes" not in text and "ann" not in text.replace("annotation", "")


def pages(service):
    assert "<title>tally</title>" in service.get("/", user=None)
    status, headers, _ = service.ask("GET", "/docs/", user=None)
    assert status == 200 and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "swagger" in service.get("/docs/swagger-initializer.js", user=None).lower()


TESTS = [trees, series, tally, tallies, zoom, depths, archived, sums, last, changes, query, streams, caching, watching, pages]
