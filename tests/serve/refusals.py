"""What is refused: errors with their reasons, ways out of the read-only transaction, and pages of other sites."""

import json
import time

from server import basic, psql, running, wait_until

BASE = "/api/v1/trees/quotes"


def problem(answer, status, sqlstate=None):
    """Check an error and return its body."""
    assert answer[0] == status, answer
    body = answer[-1]
    assert body["status"] == status and body["title"] and body["type"].startswith("http"), body
    assert sqlstate is None or body.get("sqlstate") == sqlstate, body
    assert "/rust" not in json.dumps(body) and "backtrace" not in json.dumps(body), body
    return body


def errors(service):
    syntax = problem(service.query("SELECT 1 FORM x"), 400, "42601")
    assert syntax["position"] == 15, syntax
    problem(service.query("SELECT * FROM secret"), 403, "42501")
    problem(service.query("SELECT * FROM no_such"), 404, "42P01")
    problem(service.query("SELECT 1 / 0"), 422, "22012")
    hint = problem(service.query("SELECT symbl FROM quotes"), 400, "42703")
    assert "symbol" in hint["hint"]
    problem(service.query("SELECT $1::int"), 422)
    problem(service.query("SELECT $1::int", params=["x"]), 422, "22P02")
    problem(service.query("SHOW work_mem", params=[1]), 422)
    problem(service.query("SELECT 1", limit=10**7), 422)
    problem(service.query("SELECT 1 AS a, 2 AS a", headers={"Accept": "application/x-ndjson"}), 422)
    problem(service.ask("GET", "/api/v1/trees/none"), 404)
    problem(service.ask("GET", "/api/v1/trees/quotes", user="nobody"), 404)
    problem(service.ask("GET", f"{BASE}/tally?exchange=x1&symbol=S1"), 400)
    problem(service.ask("GET", f"{BASE}/tally?value=none&exchange=x1&symbol=S1"), 400, "42703")
    problem(service.ask("GET", f"{BASE}/tally?value=price&exchange=x1"), 400)
    problem(service.ask("GET", f"{BASE}/tally?value=price&symbol=S1"), 400)
    problem(service.ask("GET", f"{BASE}/tally?value=price&from=never&exchange=x1&symbol=S1"), 422, "22007")
    unknown = problem(service.ask("GET", f"{BASE}/tally?value=price&form=2026&exchange=x1&symbol=S1"), 400)
    assert "from" in unknown["hint"], unknown
    for points in ("1", "0", "-5", "1e9", "99999999999999999999", "x"):
        problem(service.ask("GET", f"{BASE}/zoom?value=price&exchange=x1&symbol=S1&points={points}"), 422)
    problem(service.ask("GET", f"{BASE}/zoom?value=price&exchange=x1&symbol=S1&tz=Mars"), 422, "22023")
    problem(service.ask("GET", f"{BASE}/last/0?value=price&exchange=x1&symbol=S1"), 422)
    problem(service.ask("GET", f"{BASE}/last/99999999999999999999?value=price&exchange=x1&symbol=S1"), 400)
    problem(service.ask("GET", "/api/v1/nothing"), 404)
    assert service.ask("PUT", "/api/v1/query", {"sql": ""})[1]["Allow"] == "POST"
    problem(service.ask("POST", "/api/v1/query", "{", headers={"Content-Type": "application/json"}), 400)
    problem(service.ask("POST", "/api/v1/query", {"sqll": "x"}), 422)
    problem(service.ask("POST", "/api/v1/query", "sql=SELECT", headers={"Content-Type": "application/x-www-form-urlencoded"}), 415)
    problem(service.ask("POST", "/api/v1/query", b" " * (9 << 20), headers={"Content-Type": "application/json"}), 413)
    problem(service.query("SELECT repeat('x', 1000000) FROM generate_series(1, 200)"), 413)
    # A later row: the client must not take a part for the whole.
    try:
        service.ask("POST", "/api/v1/query", {"sql": "SELECT 1 / (50000 - n) FROM generate_series(1, 60000) n"}, headers={"Accept": "text/csv"})
        raise AssertionError("an error in the middle of a stream is not seen")
    except OSError:
        pass
    except Exception as error:
        assert type(error).__name__ == "IncompleteRead", error


OUT = [
    ("SET ROLE boss", 400), ("RESET ROLE", 400), ("SET SESSION AUTHORIZATION postgres", 400),
    ("SET TRANSACTION READ WRITE", 400), ("SET default_transaction_read_only = off", 400), ("SET statement_timeout = 0", 400),
    ("COMMIT", 400), ("ROLLBACK", 400), ("COMMIT AND CHAIN", 400), ("BEGIN", 400), ("SAVEPOINT a", 400), ("PREPARE TRANSACTION 'a'", 400),
    ("SELECT 1; SELECT 2", 400), ("SELECT 1; COMMIT; INSERT INTO quotes VALUES (1)", 400), ("", 400),
    ("SELECT 1) t; COMMIT; SELECT (1", 400), ("DO $$ BEGIN COMMIT; END $$", 400), ("COPY quotes TO STDOUT", 400), ("COPY quotes TO PROGRAM 'id'", 400),
    ("LISTEN a", 400), ("LOCK quotes", 400), ("PREPARE a AS SELECT 1", 400), ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", 400), ("DISCARD ALL", 400),
    ("CREATE TABLE t (a int)", 400), ("CREATE TEMP TABLE t AS SELECT 1", 400), ("VACUUM", 400), ("CALL powertree_compact()", 400),
    ("DELETE FROM quotes RETURNING 1", 403), ("WITH d AS (DELETE FROM quotes RETURNING 1) SELECT * FROM d", 403),
    ("SELECT writes()", 403), ("EXPLAIN ANALYZE DELETE FROM quotes", 403), ("SELECT nextval('powertree_id')", 403),
    ("SELECT set_config('transaction_read_only', 'off', true), writes()", 400), ("SELECT set_config('role', 'boss', true)", 403),
    ("SELECT set_config('role', 'postgres', false)", 403), ("SELECT set_config('session_authorization', 'postgres', false)", 403),
    ("SELECT pg_read_file('/etc/passwd')", 403), ("SELECT lo_import('/etc/passwd')", 403), ("SELECT 1\0", 422), ("SELECT chr(0)", 422),
    ("SELECT 1" + "0" * 200_000 + "::bigint", 422), ("SELECT " + "(" * 30_000 + "1" + ")" * 30_000, 400),
]


def escapes(service):
    before = psql("SELECT (SELECT count(*) FROM quotes), (SELECT count(*) FROM secret)")
    for sql, status in OUT:
        for accept in ("application/json", "application/x-ndjson"):
            answer = service.query(sql, headers={"Accept": accept})
            # The owner may write, were it not for the transaction.
            assert answer[0] == status, (sql[:80], status, answer)
        if status == 403 and "RETURNING" in sql:
            problem(service.query(sql, user="owner"), 403, "25006")
    problem(service.query("SELECT writes()", user="owner"), 403, "25006")
    problem(service.query("SELECT set_config('transaction_read_only', 'off', false), writes()", user="owner"), 400, "25001")
    # What a statement changes of its session is gone with it.
    path = service.query("SHOW search_path")[1]["rows"]
    status, body = service.query("SELECT set_config('search_path', 'nowhere', false), pg_advisory_lock(7)")
    assert status == 200, body
    for _ in range(8):
        assert service.query("SHOW search_path")[1]["rows"] == path != [["nowhere"]]
    assert psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "0"
    assert psql("SELECT (SELECT count(*) FROM quotes), (SELECT count(*) FROM secret)") == before
    assert service.query("SELECT 1", user="ann")[1]["rows"] == [[1]], "the connections are still good"


def sites(service):
    host = f"127.0.0.1:{service.port}"
    for name in ("evil.example.org", "evil.example.org:8087", f"localhost.evil.org:{service.port}", ""):
        problem(service.ask("GET", "/api/v1/trees", headers={"Host": name}), 421)
    for origin in ("http://evil.example.org", "null", f"http://127.0.0.1:{service.port + 1}"):
        problem(service.ask("POST", "/api/v1/query", {"sql": "SELECT 1"}, headers={"Origin": origin}), 403)
    assert service.query("SELECT 1", headers={"Origin": f"http://{host}"})[0] == 200
    for site in ("cross-site", "same-site"):
        problem(service.ask("GET", "/api/v1/trees", headers={"Sec-Fetch-Site": site}), 403)
    _, headers, _ = service.ask("GET", "/api/v1/trees")
    assert "Access-Control-Allow-Origin" not in headers and headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/docs/../../etc/passwd", "//etc/passwd", "/docs/%2fetc%2fpasswd", "/%00", "/index.html%00.png"):
        status, _, body = service.ask("GET", path, user=None)
        assert status in (400, 404) and "root:" not in str(body), (path, status)
    for path in (f"/api/v1/trees/{'%00'}", "/api/v1/trees/..%2f..", "/api/v1/trees/%ff", f"/api/v1/trees/{'x' * 60000}", f"{BASE}/tally?value=%00&exchange=a&symbol=b", f"{BASE}/tally?value=%ff"):
        status, _, body = service.ask("GET", path)
        assert 400 <= status < 500 and status != 408, (path[:50], status, body)


def logins(service):
    problem(service.ask("GET", "/api/v1/trees", user=None), 401)
    problem(service.ask("GET", "/api/v1/trees", headers=basic("boss", "b")), 401)
    _, headers, _ = service.ask("GET", "/api/v1/trees", headers=basic("ann", "wrong"))
    assert headers["WWW-Authenticate"].startswith("Basic")
    problem(service.ask("GET", "/api/v1/trees", headers={"Authorization": "Bearer wrong"}), 401)
    # The server trusts postgres from here; the service does not.
    problem(service.ask("GET", "/api/v1/trees", headers=basic("postgres", "x")), 403)
    for _ in range(5):
        answer = service.ask("GET", "/api/v1/trees", headers=basic("ann", "wrong"))
    assert problem(answer, 429) and answer[1]["Retry-After"] == "60"
    # Who is logged in already is not kept out by another's failures.
    assert service.ask("GET", "/api/v1/trees")[0] == 200


def sessions(service):
    form = {"user": "ann", "password": "änn'ß"}
    status, headers, _ = service.ask("POST", "/api/v1/session", form, user=None)
    cookie = headers["Set-Cookie"]
    assert status == 204 and "HttpOnly" in cookie and "SameSite=Strict" in cookie and len(cookie.split(";")[0]) > 43, cookie
    mine = {"Cookie": cookie.split(";")[0]}
    assert service.get("/api/v1/session", user=None, headers=mine) == {"user": "ann"}
    problem(service.query("SELECT 1", user=None, headers=mine), 403)
    ours = {**mine, "Sec-Fetch-Site": "same-origin"}
    assert service.query("SELECT current_user::text", user=None, headers=ours)[1]["rows"] == [["ann"]]
    problem(service.ask("POST", "/api/v1/session", {"user": "ann"}, user=None), 422)
    status, headers, _ = service.ask("DELETE", "/api/v1/session", user=None, headers=mine)
    assert status == 204 and "Max-Age=0" in headers["Set-Cookie"]
    problem(service.ask("GET", "/api/v1/session", user=None, headers=mine), 401)
    problem(service.ask("GET", "/api/v1/session", user=None, headers={"Cookie": "tally=guessed"}), 401)


def cancels(service):
    # By a request.
    first, second = service.connection(), service.connection()
    for accept in ("application/json", "text/csv"):
        body = json.dumps({"sql": "SELECT pg_sleep(25)"})
        first.request("POST", "/api/v1/query", body, {**basic("ann"), "Content-Type": "application/json", "Tally-Query-Id": "mine", "Accept": accept})
        wait_until(lambda: running("pg_sleep(25)") == 1, "the query does not run")
        problem(service.query("SELECT 1", headers={"Tally-Query-Id": "mine"}), 409)
        problem(service.ask("DELETE", "/api/v1/queries/mine", user="owner"), 404)
        assert service.ask("DELETE", "/api/v1/queries/mine", connection=second)[0] == 204
        answer = first.getresponse()
        assert answer.status == 499, answer.status
        answer.read()
        wait_until(lambda: running("pg_sleep(25)") == 0, "the query was not cancelled")
    problem(service.ask("DELETE", "/api/v1/queries/mine"), 404)
    # By hanging up: before the first row, and in the middle of a stream.
    for sql in ("SELECT pg_sleep(25)", "SELECT repeat('x', 1000) AS hung_up FROM generate_series(1, 100000000)"):
        connection = service.connection()
        connection.request("POST", "/api/v1/query", json.dumps({"sql": sql}), {**basic("ann"), "Content-Type": "application/json", "Accept": "text/csv"})
        wait_until(lambda: running(sql) == 1, "the query does not run")
        if "hung_up" in sql:
            connection.getresponse().read(1000)
        connection.close()
        connection.sock = None
        wait_until(lambda: running(sql) == 0, "the query was not cancelled when the client hung up")


def slow(service):
    began = time.monotonic()
    problem(service.query("SELECT pg_sleep(20)"), 408, "57014")
    problem(service.ask("POST", "/api/v1/query", {"sql": "SELECT pg_sleep(20)"}, headers={"Accept": "text/csv"}), 408)
    assert time.monotonic() - began < 20, "no statement takes longer than it may"
    wait_until(lambda: running("pg_sleep(20)") == 0, "the query was not cancelled")


TESTS = [errors, escapes, sites, sessions, cancels, logins]
