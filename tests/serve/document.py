"""The OpenAPI document is valid, describes the answers, and is a guide to requests that make no sense: none is an error of ours."""

import json
import random
import subprocess
import sys
import urllib.parse

from server import ROOT

sys.path.insert(0, subprocess.run([ROOT / "scripts/where.sh", "openapi"], capture_output=True, text=True, check=True).stdout.strip())

import jsonschema
import openapi_spec_validator

REQUESTS = 600
ODD = ["", "0", "-1", "1", "2", "9223372036854775807", "1e308", "NaN", "null", "true", "[]", '["x1","S1"]', "{}", "x1", "S1", "quotes", "counts", "price", "x", "size",
       "2026-03-01T00:00:00Z", "2026-03-02", "infinity", "-infinity", "' OR 1=1 --", '"; DROP TABLE quotes', "\0", "\ud7ff", "../..", "%", "a" * 5000, "Europe/Berlin", "SELECT 1", "SELECT $1"]


def valid(service):
    document = service.get("/openapi.json", user=None)
    assert document["openapi"].startswith("3.1")
    openapi_spec_validator.validate(document)
    paths = {path for path in document["paths"]}
    assert {"/api/v1/trees", "/api/v1/query", "/api/v1/queries/{id}", "/add_batch/", "/stats/"} <= paths, paths


def described(service):
    """Answers have the shape that the document says."""
    document = service.get("/openapi.json", user=None)
    tree = "/api/v1/trees/{tree}"
    base = "/api/v1/trees/quotes"
    series = "value=price&exchange=x1&symbol=S2"
    for path, asked in [
        ("/api/v1/trees", "/api/v1/trees"), (tree, base), (f"{tree}/series", f"{base}/series"), (f"{tree}/tally", f"{base}/tally?{series}"),
        (f"{tree}/tallies", f"{base}/tallies?value=size"), (f"{tree}/zoom", f"{base}/zoom?{series}&points=50"),
        (f"{tree}/zoom", f"{base}/zoom?{series}&to=2026-03-01T00:10:00Z"), (f"{tree}/last/{{n}}", f"{base}/last/10?{series}"),
        ("/api/v1/changes", f"/api/v1/changes?tree=quotes&{series}&points=300"), ("/api/v1/session", "/api/v1/session"),
    ]:
        check(document, document["paths"][path]["get"], 200, service.get(asked))
        status, _, body = service.ask("GET", f"{asked}{'&' if '?' in asked else '?'}unknown=1")
        if path != "/api/v1/session":
            check(document, document["paths"][path]["get"], "default", body)
            assert status == 400, (asked, status)
    check(document, document["paths"]["/api/v1/query"]["post"], 200, service.query("SELECT 1 AS a, '{}'::jsonb AS b")[1])


def check(document, operation, status, body):
    kind = "application/problem+json" if status == "default" else "application/json"
    schema = operation["responses"][str(status)]["content"][kind]["schema"]
    jsonschema.validate(body, {**schema, "components": document["components"]})


def guess(schema):
    """A value for a schema, often not of its type."""
    kind = schema.get("type")
    if random.random() < 0.3:
        return random.choice([None, True, 1.5, -1, 10**30, [], {}, *ODD])
    if kind == "array" or isinstance(kind, list) and "array" in kind:
        return [guess(schema.get("items") or {}) for _ in range(random.randint(0, 3))]
    if kind in ("integer", "number"):
        return random.choice([0, 1, -1, 5, 2**31, 2**63, 1e300])
    return random.choice(ODD)


def fuzzed(service):
    document = service.get("/openapi.json", user=None)
    operations = [(path, method, operation) for path, methods in document["paths"].items() for method, operation in methods.items()]
    connection = service.connection()
    for number in range(REQUESTS):
        random.seed(number)
        path, method, operation = random.choice(operations)
        query = []
        for parameter in operation.get("parameters", []):
            value = random.choice(ODD)
            if parameter["in"] == "path":
                path = path.replace("{%s}" % parameter["name"], urllib.parse.quote(value or "quotes", safe="") if random.random() < 0.5 else "quotes")
            elif parameter["in"] == "query" and random.random() < 0.8:
                query.append((parameter["name"], value))
        for column in ("exchange", "symbol"):
            if random.random() < 0.4:
                query.append((column, random.choice(ODD)))
        body = None
        if "requestBody" in operation:
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
            properties = document["components"]["schemas"][name].get("properties", {})
            body = {key: guess(schema) for key, schema in properties.items() if random.random() < 0.9}
        if path.startswith("/api/v1/session") and method != "get":
            # Failed logins would close the door for the tests that follow.
            continue
        asked = f"{path}?{urllib.parse.urlencode(query)}"
        try:
            status, headers, answer = service.ask(method.upper(), asked, body and json.dumps(body), headers={"Content-Type": "application/json", "Accept": "application/json"}, connection=connection)
        except OSError as error:
            raise AssertionError(f"request {number}, {method} {asked} {body}: {error}") from error
        assert status < 500 and status not in (401, 408, 429), (number, method, asked, body, status, answer)
        if status >= 400:
            assert headers["Content-Type"] == "application/problem+json", (number, method, asked, body, status, answer)


TESTS = [valid, described, fuzzed]
