"""What ``/api/v1`` answers, what it refuses, and that its OpenAPI document tells the whole truth."""

from __future__ import annotations

import base64
import gzip
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from starlette.testclient import TestClient

from driftline.metrics.view import DaemonView
from driftline.pipeline.history import DRIFT, PERFORMANCE
from driftline.rules.catalogue import STATISTICS
from driftline.web.api import ENDPOINTS
from driftline.web.server import application

NAMES = [endpoint.name for endpoint in ENDPOINTS]
LISTS = [endpoint.name for endpoint in ENDPOINTS if endpoint.items]


@pytest.fixture(scope="module")
def view(views) -> DaemonView:
    return views.every_state()


@pytest.fixture(scope="module")
def client(view) -> TestClient:
    return TestClient(application(lambda: view))


def test_the_five_paths_are_there():
    """As the design names them."""
    assert ["status", "models", "samples", "rules", "triggers"] == NAMES


@pytest.mark.parametrize("query", ["", "?from=1970-01-01T00:00:00Z"])
@pytest.mark.parametrize("name", NAMES)
def test_every_answer_is_what_the_document_says(client, name, query):
    """Each real answer against the schema that OpenAPI gives for it."""
    document = client.get("/api/v1/openapi.json").json()
    if query and "from" not in [p["name"] for p in document["paths"][f"/api/v1/{name}"]["get"]["parameters"]]:
        query = "?limit=2" if name in LISTS else ""
    schema = document["paths"][f"/api/v1/{name}"]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    answer = client.get(f"/api/v1/{name}{query}")
    assert 200 == answer.status_code
    assert answer.json()
    checker = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
    assert [] == [error.message for error in checker.iter_errors(answer.json())]


@pytest.mark.parametrize("name", NAMES)
def test_real_data_fits_the_schemas_too(elec2, name):
    """What the engine makes of Elec2."""
    client = TestClient(application(lambda: elec2))
    document = client.get("/api/v1/openapi.json").json()
    schema = document["paths"][f"/api/v1/{name}"]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    checker = jsonschema.Draft202012Validator({**schema, "components": document["components"]})
    assert [] == [error.message for error in checker.iter_errors(client.get(f"/api/v1/{name}").json())]


def test_every_parameter_is_documented_and_taken(client):
    """Whatever the document names is no unknown parameter, and the other way round."""
    document = client.get("/api/v1/openapi.json").json()
    for endpoint in ENDPOINTS:
        named = [p["name"] for p in document["paths"][f"/api/v1/{endpoint.name}"]["get"]["parameters"]]
        assert [p.name for p in endpoint.parameters] == named


def test_every_statistic_of_the_rules_can_be_asked_for():
    """The API's list is not behind the rules' catalogue."""
    statistic = next(p for e in ENDPOINTS for p in e.parameters if p.name == "statistic")
    assert [] == sorted(set(STATISTICS) - set(statistic.schema["enum"]))


def test_references_in_the_document_lead_somewhere(client):
    """Every $ref is a schema of it."""
    text = client.get("/api/v1/openapi.json").text
    schemas = client.get("/api/v1/openapi.json").json()["components"]["schemas"]
    found = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert set(schemas) == found


MISTAKES = {
    "samples?statstic=psi": ("statstic", 'unknown parameter "statstic", did you mean statistic?; known are model, version'),
    "samples?statistic=psy": ("statistic", "did you mean psi?"),
    "samples?window=24": ("window", 'window="24" must be a duration, as in "24h" or "7d"'),
    "samples?from=yesterday": ("from", 'from="yesterday" must be an RFC 3339 instant, as in "2026-01-31T00:00:00Z"'),
    "samples?to=2026-01-31T00:00:00": ("to", "must be an RFC 3339 instant"),
    "models?limit=0": ("limit", 'limit="0" must be a whole number from 1 to 10000, as in limit=1000'),
    "models?limit=2&limit=3": ("limit", "limit is given twice; give it once"),
    "models?cursor=zzz": ("cursor", "cursor is none that an answer's next link had"),
    "rules?state=fired": ("state", "must be one of inactive, pending, firing"),
    "status?model=a": ("model", "none is known here"),
}  # fmt: skip


@pytest.mark.parametrize("path", MISTAKES)
def test_a_mistake_is_refused_with_what_would_be_right(client, path):
    """RFC 9457: status, type, title, and each mistake with its parameter."""
    answer = client.get(f"/api/v1/{path}")
    assert (400, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    body = answer.json()
    (error,) = body["errors"]
    parameter, detail = MISTAKES[path]
    assert (400, "Bad Request", parameter) == (body["status"], body["title"], error["parameter"])
    assert detail in error["detail"]
    assert body["instance"] == "/api/v1/" + path.split("?")[0]


def test_all_mistakes_are_named_at_once(client):
    """Nobody has to ask three times."""
    body = client.get("/api/v1/samples?foo=1&limit=x&window=y").json()
    assert ["foo", "limit", "window"] == [error["parameter"] for error in body["errors"]]


def test_what_is_not_there_says_what_is(client):
    """404 and 405 as problems, 405 with Allow."""
    missing = client.get("/api/v1/sample")
    assert (404, "application/problem+json") == (missing.status_code, missing.headers["content-type"])
    assert "/api/v1/samples" in missing.json()["detail"]
    wrong = client.post("/api/v1/samples")
    assert (405, "application/problem+json") == (wrong.status_code, wrong.headers["content-type"])
    assert {"GET", "HEAD"} == {method.strip() for method in wrong.headers["allow"].split(",")}


def test_a_problem_has_the_documented_shape(client):
    """Each kind against the schema of the document."""
    schema = client.get("/api/v1/openapi.json").json()["components"]["schemas"]["Problem"]
    for path in ("samples?x=1", "nothing"):
        jsonschema.validate(client.get(f"/api/v1/{path}").json(), schema)


def test_a_defect_of_ours_tells_nothing_of_the_inside():
    """500 as a problem, without the exception's text."""

    def broken() -> DaemonView:
        raise RuntimeError("a password")

    answer = TestClient(application(broken), raise_server_exceptions=False).get("/api/v1/status")
    assert (500, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert "password" not in answer.text


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("limit", [1, 2, 7])
def test_pages_together_are_the_whole(client, name, limit):
    """Following the next links gives every item once, in order, and ends."""
    whole, url, found = client.get(f"/api/v1/{name}").json(), f"/api/v1/{name}?limit={limit}", []
    while url:
        answer = client.get(url)
        assert len(answer.json()) <= limit
        found += answer.json()
        url = answer.links.get("next", {}).get("url")
    assert whole == found


def test_a_page_goes_on_where_the_last_one_ended_in_a_later_view(views, view):
    """A model that came in between moves nothing: none is given twice, none left out."""
    held = [view]
    client = TestClient(application(lambda: held[0]))
    first = client.get("/api/v1/models?limit=2")
    stream = view.streams[0]
    held[0] = replace(view, streams=(replace(stream, models=[views.model("aaa"), *stream.models]),))
    second = client.get(first.links["next"]["url"])
    names = [m["model"] for m in first.json() + second.json()]
    assert ["bare-one", "few-one", "fine-one", "firing-one"] == names


def test_samples_are_selected_by_every_dimension(client):
    """Model, version, statistic, feature and window; a window in any unit; several values are any of them."""
    (row,) = client.get(
        "/api/v1/samples?model=fine-one&version=1&statistic=psi&feature=price&window=24h"
    ).json()
    assert ("psi", "price", "1d", 0.25, 600, "provisional") == tuple(
        row[k] for k in ("statistic", "feature", "window", "value", "n", "state")
    )
    both = client.get("/api/v1/samples?model=fine-one&model=few-one&statistic=psi&statistic=f1").json()
    assert {("few-one", "f1"), ("few-one", "psi"), ("fine-one", "f1"), ("fine-one", "psi")} == {
        (row["model"], row["statistic"]) for row in both
    }
    assert [] == client.get("/api/v1/samples?model=none").json()


def test_samples_over_time_can_be_plotted(client):
    """With from or to: the ends still held, each in the sample line's shape, judged ones with their instant."""
    query = "model=fine-one&statistic=f1&from=1970-01-03T00:00:00Z&to=1970-01-05T00:00:00%2B00:00"
    rows = client.get(f"/api/v1/samples?{query}").json()
    assert ["1970-01-03T00:00:00Z", "1970-01-04T00:00:00Z", "1970-01-05T00:00:00Z"] == [
        row["end"] for row in rows
    ]
    assert [0.47, 0.48, 0.49] == [round(row["value"], 6) for row in rows]
    assert ("ok", "1970-01-03T01:00:00Z") == (rows[0]["state"], rows[0]["judged"])
    newest = client.get("/api/v1/samples?model=fine-one&statistic=f1").json()
    assert ["1970-01-06T00:00:00Z"] == [row["end"] for row in newest]


def test_the_newest_end_is_in_a_range_once(client):
    """From the window itself, not from its history as well."""
    rows = client.get("/api/v1/samples?model=fine-one&statistic=f1&from=1970-01-05T12:00:00Z").json()
    assert [("1970-01-06T00:00:00Z", 0.5)] == [(row["end"], row["value"]) for row in rows]


def test_rules_say_when_they_fire(client):
    """Pending: since when and when it fires; firing: when it fired."""
    (pending,) = client.get("/api/v1/rules?state=pending").json()
    assert ("1970-01-05T00:00:00Z", "1970-01-07T00:00:00Z", None) == (
        pending["active_since"], pending["fires_at"], pending["fired"]
    )  # fmt: skip
    (firing,) = client.get("/api/v1/rules?state=firing&rule=low").json()
    assert (None, "1970-01-05T00:00:00Z") == (firing["fires_at"], firing["fired"])


def test_triggers_come_newest_first_and_by_time(client):
    """With their evidence."""
    times = [t["time"] for t in client.get("/api/v1/triggers").json()]
    assert ["1970-01-06T00:00:00Z", "1970-01-05T00:00:00Z", "1970-01-04T00:00:00Z"] == times
    (one,) = client.get("/api/v1/triggers?from=1970-01-05T00:00:00Z&to=1970-01-05T00:00:00Z").json()
    assert ("f1 is 0.5, below 0.7", 99) == (one["reason"], one["data"]["data_range"][0]["last_offset"])


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/static/driftline.css", "/api/v1/openapi.json", "/api/v1/samples"]
)
def test_head_is_get_without_a_body(client, path):
    """The same status and type."""
    head, get = client.head(path), client.get(path)
    assert (200, b"", get.headers["content-type"]) == (
        head.status_code,
        head.content,
        head.headers["content-type"],
    )


@pytest.mark.parametrize("path", ["/", "/api/v1/samples", "/api/v1/openapi.json"])
def test_long_answers_are_compressed_on_request(client, path):
    """gzip, and only when it is asked for."""
    zipped = client.get(path, headers={"accept-encoding": "gzip"})
    plain = client.get(path, headers={"accept-encoding": "identity"})
    assert ("gzip", None) == (zipped.headers.get("content-encoding"), plain.headers.get("content-encoding"))
    assert len(gzip.compress(plain.content)) < len(plain.content)


def test_hostile_names_come_back_as_they_were(views):
    """Names are data; a lone surrogate, which UTF-8 has not, is a question mark."""
    client = TestClient(application(views.hostile))
    names = {m["model"] for m in client.get("/api/v1/models").json()}
    assert {views.SCRIPT, views.ATTRIBUTE, views.TURNED, views.LONG, "", "?"} == names


def test_an_empty_daemon_answers_too():
    """Right after the start."""
    client = TestClient(application(DaemonView))
    assert [200] * 5 == [client.get(f"/api/v1/{name}").status_code for name in NAMES]


@pytest.mark.parametrize("text", [b"[" * 10_000, b"[NaN]", b"[1e400]", b"1" * 5000, b"[]", b"[[1]]", b"\xff"])
@pytest.mark.parametrize("name", LISTS)
def test_an_odd_cursor_is_refused_or_has_nothing_behind_it(client, name, text):
    """Depth that Python's JSON does not read, numbers that are none: never a 500."""
    cursor = base64.urlsafe_b64encode(text).decode().rstrip("=")
    assert client.get(f"/api/v1/{name}?cursor={cursor}").status_code in (200, 400)


def test_a_cursor_of_another_list_is_refused(client):
    """It fits no key here; nothing is guessed."""
    elsewhere = client.get("/api/v1/triggers?limit=1").links["next"]["url"].split("cursor=")[1]
    assert 400 == client.get(f"/api/v1/models?cursor={elsewhere}").status_code


def test_events_of_a_length_of_both_kinds_are_given_once(client):
    """With the performance judgement, as in ``replay --samples``."""
    (row,) = client.get("/api/v1/samples?model=fine-one&statistic=events").json()
    assert "1970-01-06T01:00:00Z" == row["judged"]
    (bare,) = client.get("/api/v1/samples?model=bare-one&statistic=events").json()
    assert 600 == bare["value"]


def test_the_guide_names_every_path_and_parameter():
    """docs/http-api.md is complete."""
    guide = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text(encoding="utf-8")
    assert [] == [e.name for e in ENDPOINTS if f"`/api/v1/{e.name}`" not in guide]
    assert [] == [p.name for e in ENDPOINTS for p in e.parameters if f"`{p.name}`" not in guide]
    assert [] == [s for s in sorted(DRIFT | PERFORMANCE) if f"`{s}`" not in guide]
