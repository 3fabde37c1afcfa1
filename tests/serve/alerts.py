"""Alerts: each new change of a report is told at once, once, and to those who may read the report."""

import json

import lookalikes
from reports import next_runs, prepare, section, set_up, step
from server import Service, psql, rows, wait_until
from streams import Frames, Lines, Refused

PATH = "/api/v1/alerts"
BOTH = (Lines, Frames)


def refused(make, status):
    try:
        make()
    except Refused as refusal:
        assert refusal.status == status, refusal
        return
    raise AssertionError(f"it was not refused with {status}")


def shops(stream):
    return [(event["report"], event["series"]) for event in stream.events]


def begin(*sections):
    """A table in which one series has changed, and the tables of reports."""
    prepare()
    step(3, 200, 40)
    psql("GRANT SELECT ON sales TO owner")
    set_up(*sections)


def told():
    """Everybody is told of the reports that they may read, of each change once, and at once."""
    both = section(rest="readers = ['guest']") + section("other, too", user="owner")
    begin(both)
    with Service(both) as service:
        next_runs(1)
        next_runs(1, "other, too")
        assert psql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tally serve alerts' AND query = 'LISTEN serve_reports'") == "1"
        for user in ("ann", "guest"):
            refused(lambda: Lines(service, f"{PATH}?report=other,%20too", user=user), 404)
        for after in ("x", "sales:x", "sales:-1"):
            refused(lambda: Lines(service, f"{PATH}?after={after}", user="guest"), 422)
        assert service.ask("GET", PATH, headers={"Accept": "application/json"})[0] == 406
        streams = {(user, form): form(service, PATH, user=user) for form in BOTH for user in ("guest", "owner", "ann", "nobody")}
        assert [stream.opened["reports"] for stream in streams.values()] == [["sales"], ["other, too"], [], []] * 2
        only = Lines(service, f"{PATH}?report=sales", user="guest")
        step(7, 120, -50)
        for form in BOTH:
            for user, name in (("guest", "sales"), ("owner", "other, too")):
                stream = streams[user, form]
                stream.read_until(lambda stream: stream.events)
                assert shops(stream) == [(name, "shop 7")] and not stream.quiet, (stream.events, stream.quiet)
        only.read_until(lambda stream: stream.events)
        assert only.events == streams["guest", Lines].events == streams["guest", Frames].events
        found = rows("SELECT r.report, r.run, r.due, f.change, f.series, f.at, f.kind, f.probability, f.difference, f.effect_sd, f.slices, f.explanation FROM serve.report_findings f JOIN serve.report_runs r USING (run) WHERE f.state = 'new' AND r.report = 'sales' AND f.series = 'shop 7'")
        assert found == [{key: only.events[0][key] for key in found[0]}], (found, only.events)
        # Who becomes a reader is told what there is, and no more afterwards.
        psql("GRANT reporter TO ann")
        for form in BOTH:
            streams["ann", form].read_until(lambda stream: len(stream.events) == 2)
        psql("REVOKE reporter FROM ann")
        step(9, 250, 60)
        streams["guest", Frames].read_until(lambda stream: len(stream.events) == 2)
        next_runs(2, "other, too")
        # A session that ends ends its streams.
        _, headers, _ = service.ask("POST", "/api/v1/session", {"user": "guest", "password": "pl5ase"}, user=None)
        cookie = {"Cookie": headers["Set-Cookie"].split(";")[0]}
        stream = Frames(service, PATH, user=None, headers=cookie)
        service.ask("DELETE", "/api/v1/session", user=None, headers={**cookie, "Sec-Fetch-Site": "same-origin"})
        assert stream.read_until(lambda stream: stream.ended) and stream.ended["status"] == 401, stream.ended
    # The service has stopped, and has said so last.
    wanted = {"guest": [("sales", "shop 7"), ("sales", "shop 9")], "owner": [("other, too", "shop 7"), ("other, too", "shop 9")], "ann": [("sales", "shop 3"), ("sales", "shop 7")], "nobody": []}
    for (user, form), stream in streams.items():
        assert stream.read_until(lambda stream: stream.ended), "it goes on"
        assert shops(stream) == wanted[user], (user, form, stream.events)
        if form is Frames:
            stream.read_until(lambda stream: stream.code)
            assert stream.code == 1013


def resumed():
    """Who was away is told the rest, whatever the way to say where; what the tables have forgotten is told as missed."""
    begin(section())
    with Service(section()) as service:
        next_runs(1)
        for form, base in zip(BOTH, (10, 20)):
            first = form(service, PATH, user="reporter")
            began = first.after
            together = []
            for number, shop in enumerate((base + 1, base + 3, base + 5)):
                step(shop, 100 + 10 * number, 40)
                if number % 2:
                    next_runs(2)
                first.read_until(lambda stream: stream.events)
                together += first.events
                first.close()
                after = first.after
                step(shop + 1, 200 + 10 * number, -50)
                next_runs(2)
                # By either way to say it.
                first = form(service, PATH, user="reporter", headers={"Last-Event-ID": after}) if number % 2 else form(service, f"{PATH}?after={after}", user="reporter")
                first.read_until(lambda stream: stream.events)
                together += first.events
                first.close()
                first = form(service, f"{PATH}?after={first.after}", user="reporter")
            first.close()
            series = [event["series"] for event in together]
            assert series == [f"shop {base + number}" for number in range(1, 7)], series
            again = form(service, f"{PATH}?after={began}", user="reporter")
            again.read_until(lambda stream: len(stream.events) == len(together))
            assert again.events == together
            again.close()
    with Service(section(rest="keep_runs = 1")) as service:
        wait_until(lambda: psql("SELECT count(*) FROM serve.report_findings WHERE state = 'new'") == "0", "nothing is forgotten")
        for form in BOTH:
            late = form(service, f"{PATH}?after={began}", user="reporter")
            late.read_until(lambda stream: stream.missed)
            assert late.missed == [{"count": 6, "reports": {"sales": 6}}] and not late.events, late.missed
            late.close()
        assert service.metrics()['tally_serve_stream_missed_total{kind="alerts"}'] == 12


def counted():
    """Streams are counted while they are open, and what they tell."""
    begin(section())
    with Service("streams_per_user = 3\n" + section()) as service:
        next_runs(1)
        name = 'tally_serve_streams{kind="alerts",form="%s"}'
        streams = [Lines(service, PATH, user="reporter"), Frames(service, PATH, user="reporter"), Frames(service, PATH, user="reporter")]
        refused(lambda: Lines(service, PATH, user="reporter"), 429)
        counts = service.metrics()
        assert (counts[name % "sse"], counts[name % "websocket"]) == (1, 2), counts
        step(7, 120, -50)
        for stream in streams:
            stream.read_until(lambda stream: stream.events)
        assert service.metrics()['tally_serve_stream_events_total{kind="alerts"}'] == 3
        for stream in streams:
            stream.close()
        wait_until(lambda: service.metrics()[name % "sse"] == service.metrics()[name % "websocket"] == 0, "streams that have ended still count")
        text = service.get("/metrics", user=None)
        assert "sales" not in text and "reporter" not in text and "# HELP tally_serve_streams" in text, text


def lookalike():
    """Functions and operators of others do not run as those whose reports they are or who ask."""
    begin(section())
    lookalikes.show("reporter")
    try:
        with Service(section()) as service:
            next_runs(1)
            for form in BOTH:
                stream = form(service, f"{PATH}?after=sales:0", user="reporter")
                stream.read_until(lambda stream: stream.events)
                stream.close()
            for place in ("", "/sales", "/sales/runs/newest", "/sales/atom", "/sales/csv"):
                status, _, body = service.ask("GET", f"/api/v1/reports{place}", user="reporter")
                assert status == 200, body
    finally:
        lookalikes.hide("reporter")


def strange():
    """Names that no report has, and many of them, are those of no report."""
    begin(section())
    with Service(section()) as service:
        many = range(3000)
        for asked, status in (("report=%00", 422), ("&".join(f"report={n}" for n in many), 404), (f"after={','.join(f'{n}:{n}' for n in many)}&report=x", 404)):
            refused(lambda: Lines(service, f"{PATH}?{asked}", user="reporter"), status)


TESTS = [told, resumed, counted, lookalike, strange]
