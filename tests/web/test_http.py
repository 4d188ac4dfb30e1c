"""What HTTP answers, from the fake client and from a real server."""

import gzip
import json
import urllib.request
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from driftline.errors import UsageError
from driftline.metrics.view import DaemonView, ModelView, RuleView, StreamView
from driftline.web.health import readiness
from driftline.web.server import Server, application

VIEW = DaemonView(
    streams=(
        StreamView(
            name="main", models=[ModelView(model="elec2", version="1", reference_id="r")],
            rules=[RuleView(rule="low", model="elec2", version="1", state="firing", value=0.5, threshold=0.92)],
            unmonitored=[("other", "2", 9)], counters={"events_consumed_total": {("p", "prediction"): 5}},
        ),
    ),
    triggers_total={("low", "elec2", "1", "critical"): 1}, trigger_last_ms=0, ready=True, kafka_up=True, version="1.0",
)  # fmt: skip


def client(view=VIEW, reload=None):
    return TestClient(application(lambda: view, reload))


def test_metrics_are_valid_and_negotiated():
    """Text by default, OpenMetrics on Accept, gzip on request."""
    plain = client().get("/metrics", headers={"accept-encoding": "identity"})
    assert "text/plain; version=0.0.4; charset=utf-8" == plain.headers["content-type"]
    assert list(text_string_to_metric_families(plain.text))
    other = client().get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert other.headers["content-type"].startswith("application/openmetrics-text")
    assert other.text.endswith("# EOF\n")
    assert "gzip" == client().get("/metrics", headers={"accept-encoding": "gzip"}).headers["content-encoding"]


def test_alive_and_ready_are_two_questions():
    """Not ready is 503 with the reasons, and still alive."""
    held = client(replace(VIEW, ready=False, reasons=("Kafka cannot be reached",)))
    assert 200 == held.get("/-/healthy").status_code
    answer = held.get("/-/ready")
    assert (503, ["Kafka cannot be reached"]) == (answer.status_code, answer.json()["reasons"])
    assert 200 == client().get("/-/ready").status_code


def test_a_loop_that_hangs_is_not_ready():
    """What it showed last may say so for ever: after a minute its age tells."""
    ready = replace(VIEW, ready=True, now_ms=1_000_000)
    assert 200 == readiness(ready, 1_059_000)[0]
    status, body = readiness(ready, 1_090_000)
    assert (503, ["nothing has happened for 90 s"]) == (status, body["reasons"])


def test_static_files_are_kept_by_the_browser_until_they_change():
    """An ETag, and 304 for who has it; nothing else can be reached under /static."""
    first = client().get("/static/driftline.css")
    assert (200, "text/css; charset=utf-8") == (first.status_code, first.headers["content-type"])
    again = client().get("/static/driftline.css", headers={"if-none-match": first.headers["etag"]})
    assert (304, b"") == (again.status_code, again.content)
    assert 404 == client().get("/static/../server.py").status_code


def test_a_reload_says_what_is_wrong():
    """200 when in force, 400 with the problems, 405 for a GET, 403 for another site's page."""
    assert 200 == client(reload=list).post("/-/reload").status_code
    bad = client(reload=lambda: ["rules[2].for: no"]).post("/-/reload")
    assert (400, ["rules[2].for: no"]) == (bad.status_code, bad.json()["problems"])
    assert 405 == client(reload=list).get("/-/reload").status_code
    assert 403 == client(reload=list).post("/-/reload", headers={"sec-fetch-site": "cross-site"}).status_code
    assert 501 == client().post("/-/reload").status_code


def test_a_real_server_serves_and_stops():
    """Port 0 takes a free one; after stop it can be taken again; an occupied one is the user's error."""
    server = Server(lambda: VIEW, "127.0.0.1", 0)
    server.start()
    base = f"http://127.0.0.1:{server.port}"
    with urllib.request.urlopen(f"{base}/-/ready", timeout=5) as answer:
        assert json.load(answer)["ready"]
    asked = urllib.request.Request(f"{base}/metrics", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked, timeout=5) as answer:
        assert b"driftline_build_info" in gzip.decompress(answer.read())
    with pytest.raises(UsageError, match="cannot be listened on"):
        Server(lambda: VIEW, "127.0.0.1", server.port)
    server.stop()
    again = Server(lambda: VIEW, "127.0.0.1", server.port)
    again.stop()
