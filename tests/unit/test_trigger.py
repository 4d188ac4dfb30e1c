"""Trigger and alert events: their bytes, their ids and their schema."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from driftline.effects import trigger
from driftline.effects.trigger import Occasion, build_event, event_id
from driftline.instants import parse_instant, rfc3339

START = parse_instant("1997-05-07T00:00:00Z")
FIRED = parse_instant("1997-05-09T00:00:00Z")
REASON = "f1 of elec2/1 over 1d is 0.871 (0.858 to 0.884), below 0.92 since 1997-05-07T00:00:00Z"

OCCASION = Occasion(
    type=trigger.REQUESTED,
    stream="main",
    model="elec2",
    version="1",
    tags={"team": "pricing"},
    rule="f1-below-92",
    identity="f1-below-92",
    revision="0011223344556677",
    instance={},
    severity="critical",
    episode_start_ms=START,
    fired_ms=FIRED,
    number=1,
    time_ms=FIRED,
    reason=REASON,
    reasons=[
        {
            "rule": "f1-below-92",
            "condition": "f1 over 1d below 0.92",
            "for": "48h",
            "episode_start": rfc3339(START),
        }
    ],
    window={
        "name": "1d",
        "start": "1997-05-07T23:00:00Z",
        "end": "1997-05-08T23:00:00Z",
        "events": 48213,
        "labelled": 47120,
        "coverage": 0.977,
    },
    violations=[
        {
            "metric": "f1",
            "window": "1d",
            "feature": None,
            "value": 0.871,
            "low": 0.858,
            "high": 0.884,
            "threshold": 0.92,
        }
    ],
    drifted_features=[{"feature": "vicprice", "metric": "psi", "value": 17.8}],
    reference={"id": "r1", "sha256": "ab" * 32, "lineage": {}},
    data_range=[
        {
            "topic": "predictions",
            "kind": "prediction",
            "partition": 0,
            "first_offset": 10,
            "last_offset": 999,
            "first_ms": START,
            "last_ms": FIRED,
        }
    ],
)


@pytest.fixture(scope="module")
def schema():
    text = files("driftline.schemas").joinpath("trigger.schema.json").read_text(encoding="utf-8")
    return json.loads(text)


def body(occasion: Occasion) -> dict:
    """The event's JSON."""
    return json.loads(build_event(occasion, "driftline.triggers").value)


def test_the_event_has_the_documented_shape():
    """Every key of the documented example, with the same kinds of values."""
    key = event_id(OCCASION)
    assert body(OCCASION) == {
        "specversion": "1.0",
        "id": key,
        "source": "/driftline/main",
        "type": "io.driftline.retraining.requested.v1",
        "subject": "elec2/1",
        "time": "1997-05-09T00:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": trigger.SCHEMA,
        "data": {
            "idempotency_key": key,
            "severity": "critical",
            "backfilled": False,
            "reason": REASON,
            "model": {"name": "elec2", "version": "1", "tags": {"team": "pricing"}},
            "episode": {
                "rule": "f1-below-92",
                "revision": "0011223344556677",
                "instance": {},
                "start": "1997-05-07T00:00:00Z",
                "fired": "1997-05-09T00:00:00Z",
                "number": 1,
            },
            "reasons": OCCASION.reasons,
            "window": OCCASION.window,
            "violations": OCCASION.violations,
            "drifted_features": OCCASION.drifted_features,
            "reference": OCCASION.reference,
            "data_range": [
                {
                    "topic": "predictions",
                    "kind": "prediction",
                    "partition": 0,
                    "first_offset": 10,
                    "last_offset": 999,
                    "first_time": "1997-05-07T00:00:00Z",
                    "last_time": "1997-05-09T00:00:00Z",
                    "retained": True,
                }
            ],
            "cooldown_until": None,
            "expires_at": None,
            "links": {},
            "parameters": {"model": "elec2", "version": "1", "reason": REASON},
        },
    }


@pytest.mark.parametrize(
    "occasion",
    [
        OCCASION,
        replace(OCCASION, type=trigger.REQUEST_RESOLVED, cooldown_until_ms=FIRED, expires_at_ms=FIRED),
        replace(
            OCCASION, type=trigger.ALERT_FIRED, window=None, reference=None, data_range=[], violations=[]
        ),
        replace(
            OCCASION,
            type=trigger.RETRACTED,
            retraction={"was": OCCASION.violations, "is": OCCASION.violations},
        ),
        replace(OCCASION, type=trigger.ALERT_RESOLVED, instance={"feature": "nswprice"}, backfilled=True),
        replace(
            OCCASION, violations=[{**OCCASION.violations[0], "value": None, "segment": {"region": "nsw"}}]
        ),
    ],
)
def test_every_event_follows_its_schema(schema, occasion):
    """Requests and alerts, fired and resolved, with all evidence and with none."""
    assert [] == [e.message for e in Draft202012Validator(schema).iter_errors(body(occasion))]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_json_has_not_is_null(value):
    """An infinite statistic stops nobody."""
    assert trigger.number(value) is None


def test_the_schema_refuses_another_shape(schema):
    """It is no schema that takes everything."""
    broken = body(OCCASION)
    del broken["data"]["episode"]["start"]
    broken["data"]["severity"] = "loud"
    assert 2 == len(list(Draft202012Validator(schema).iter_errors(broken)))


def test_the_schemas_name_is_what_events_say(schema):
    """``dataschema`` names this schema, which is itself a valid one."""
    Draft202012Validator.check_schema(schema)
    assert trigger.SCHEMA == schema["$id"]


def test_the_message_is_keyed_by_the_model_and_repeats_the_attributes():
    """A consumer can route by headers alone; copies of one model stay in order."""
    message = build_event(OCCASION, "driftline.triggers")
    event = body(OCCASION)
    attributes = {k: v for k, v in event.items() if k != "data"}
    headers = dict(message.headers)
    assert ("driftline.triggers", b"elec2", event["id"]) == (message.topic, message.key, message.id)
    assert attributes == {
        k.removeprefix("ce_"): v.decode() for k, v in headers.items() if k.startswith("ce_")
    }
    assert headers["content-type"].startswith(b"application/cloudevents+json")


def test_the_id_is_the_hash_of_the_canonical_identity():
    """Anyone can compute it: sha256 of [1, rule, revision, instance, episode start, transition, n]."""
    canonical = (
        f'[1,"f1-below-92","0011223344556677",{{"model":"elec2","version":"1"}},{START},'
        f'"io.driftline.retraining.requested.v1",1]'
    )
    assert hashlib.sha256(canonical.encode()).hexdigest() == event_id(OCCASION)


@pytest.mark.parametrize(
    "change",
    [
        {"identity": "other"},
        {"revision": "ffff"},
        {"instance": {"feature": "x"}},
        {"episode_start_ms": START + 1},
        {"type": trigger.REQUEST_RESOLVED},
        {"repeat": 2},
        {"version": "2"},
        {"model": "other"},
    ],
)
def test_another_episode_has_another_id(change):
    """Each part of the identity tells two events apart."""
    assert event_id(replace(OCCASION, **change)) != event_id(OCCASION)


@pytest.mark.parametrize(
    "change",
    [{"backfilled": True}, {"reason": "other words"}, {"violations": []}, {"window": None}, {"tags": {}}],
)
def test_what_a_second_copy_may_show_differently_keeps_the_id(change):
    """After a crash or in a replay the copy is recognised."""
    assert event_id(OCCASION) == event_id(replace(OCCASION, **change))


def test_the_same_occasion_gives_the_same_bytes():
    """Nothing of an event depends on the run."""
    assert build_event(OCCASION, "t") == build_event(replace(OCCASION), "t")
