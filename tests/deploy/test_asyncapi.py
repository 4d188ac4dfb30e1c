"""The document of the topics is valid AsyncAPI, and its schemas are what the decoder and the outbox mean."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema_specifications import REGISTRY
from referencing.jsonschema import DRAFT7

from driftline.decode import make_decoder
from driftline.records import REJECT_REASONS, Kind, RawBatch, Reject, Schema
from driftline.settings import Limits, Task
from driftline.sinks.dead_letters import dead_letter
from tests.deploy.programs import ROOT

PATH = ROOT / "docs" / "asyncapi.yaml"
DOCUMENT = yaml.safe_load(PATH.read_text(encoding="utf-8"))
MESSAGES = DOCUMENT["components"]["messages"]


def test_the_document_is_valid_asyncapi():
    """By the specification's own schema, bindings aside."""
    schema = json.loads(
        (Path(__file__).parent / "schemas" / "asyncapi-3.0.0.json").read_text(encoding="utf-8")
    )
    held = [(key, DRAFT7.create_resource(value)) for key, value in schema["definitions"].items()]
    validator = Draft7Validator(schema, registry=REGISTRY.with_resources(held))
    assert [] == [f"{e.json_path}: {e.message}" for e in validator.iter_errors(DOCUMENT)]
    broken = {**DOCUMENT, "channels": {"a": {"adress": "a"}}}
    assert ["$.channels.a"] == [e.json_path for e in validator.iter_errors(broken)]


def test_every_reference_leads_somewhere():
    """Inside the document, and to the schemas."""
    text = PATH.read_text(encoding="utf-8")
    for reference in re.findall(r'\$ref: "([^"]+)"', text):
        path, _, pointer = reference.partition("#")
        found = DOCUMENT if not path else json.loads((PATH.parent / path).read_text(encoding="utf-8"))
        for step in filter(None, pointer.split("/")):
            found = found[step]
        assert found


def _schema(kind: str) -> Draft202012Validator:
    path = PATH.parent / MESSAGES[kind]["payload"]["schema"]["$ref"]
    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _rejected(kind: Kind, event: object) -> bool:
    schema = Schema(Task.BINARY, positive="1", negative="0")
    decoder = make_decoder(
        "driftline", kind, schema_of=lambda _m, _v: schema, limits=Limits(), from_record=True
    )
    one = np.ones(1, np.int64)
    batch = RawBatch(kind, (("t", 0),), np.zeros(1, np.int32), one, one, [json.dumps(event).encode()])
    return bool(decoder.decode(batch).rejects)


P = {"prediction_id": "a", "model": "m", "time": 5, "prediction": "1"}
L = {"prediction_id": "a", "model": "m", "time": 5, "label": "1"}
F = {"model": "m", "time": 5, "features": {"x": 1}}
EVENTS = [
    *((Kind.PREDICTION, P | change) for change in (
        {}, {"prediction_id": 7}, {"prediction_id": None}, {"prediction_id": 1.5}, {"model": None}, {"model": 3}, {"version": 2},
        {"version": None}, {"version": [1]}, {"time": None}, {"time": "2026-01-01T00:00:00Z"}, {"time": "2026-01-01"},
        {"time": "2026-01-01T00:00:00+01:00"}, {"time": 0}, {"time": True}, {"prediction": None}, {"prediction": None, "score": 0.5},
        {"prediction": True}, {"features": {"a": 1, "b": "x", "c": None, "d": True}}, {"features": None}, {"features": [1]},
        {"segments": {"r": "x"}}, {"segments": 3}, {"latency_ms": 1.5}, {"more": {}}, {"prediction": [1]},
    )),
    *((Kind.LABEL, L | change) for change in (
        {}, {"label": None}, {"label": 1}, {"label": {}}, {"revision": 2}, {"revision": "2"}, {"revision": None}, {"time": None}, {"time": "now"},
    )),
    (Kind.LABEL, {"prediction_id": "a", "model": "m"}),
    *((Kind.FEATURES, F | change) for change in ({}, {"features": None}, {"features": 1}, {"model": None}, {"version": "1"}, {"time": "x"})),
    *((kind, value) for kind in Kind for value in ([], 3, "x", {})),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "event"), EVENTS)
def test_the_schemas_take_what_the_decoder_takes(kind, event):
    """No more, and no less."""
    assert _schema(kind).is_valid(event) is not _rejected(kind, event)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_examples_are_good_events(kind):
    """By schema and decoder."""
    examples = [e["payload"] for e in MESSAGES[kind]["examples"]]
    assert examples
    assert [(True, False)] * len(examples) == [
        (_schema(kind).is_valid(e), _rejected(kind, e)) for e in examples
    ]


def test_dead_letters_have_the_headers_that_are_told():
    """All of them, with every reason."""
    one = np.ones(1, np.int64)
    raw = RawBatch(Kind.LABEL, (("t", 0),), np.zeros(1, np.int32), one, one, [b"x" * 20])
    headers = {k: v.decode() for k, v in dead_letter(raw, Reject(0, "not_json"), "d", 10).headers}
    told = MESSAGES["dead-letter"]["headers"]
    assert Draft202012Validator(told).is_valid(headers)
    assert set(told["properties"]) == set(headers)
    assert list(REJECT_REASONS) == told["properties"]["driftline_reason"]["enum"]
