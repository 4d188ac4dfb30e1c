"""The JSON Schema for editors: valid, made of the declarations, and as strict as a schema can be."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from driftline.cli import invoke
from driftline.config.schema import json_schema
from driftline.config.sources import read_yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def validator():
    """Of the schema, checked against its own."""
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_example_is_valid(validator):
    """What the documentation begins with."""
    raw, _ = read_yaml(ROOT / "config" / "example.yaml")
    assert [e.message for e in validator.iter_errors(raw)] == []


def test_mistakes_of_a_single_value_are_found(validator):
    """What must fit together (topics, streams, slides) is left to check-config."""
    raw, _ = read_yaml(ROOT / "tests" / "golden" / "messages" / "ten-mistakes.yaml")
    assert sorted(e.json_path for e in validator.iter_errors(raw)) == [
        "$",
        "$.kafka",
        "$.kafka.on_data_loss",
        "$.kafka.properties",
        "$.limits.message_bytes",
        "$.models[0]",
        "$.models[1].labels",
        "$.streams.main.time.step",
    ]


@pytest.mark.parametrize(
    "rule",
    [
        {"name": "r", "when": {"metric": "f1", "below": 0.9, "above": 0.1}},
        {"name": "r", "when": {"metric": "f2", "below": 0.9}},
        {"name": "r", "when": {"any": []}},
        {"name": "r", "when": {"metric": "f1", "below": 0.9}, "for": "10 min"},
        {"when": {"metric": "f1", "below": 0.9}},
        {"name": "r", "when": {"metric": "f1", "drop": 5, "versus": "reference"}},
    ],
)
def test_bad_rules_are_found(validator, rule):
    """Rules are part of the file."""
    raw = {"streams": {"main": {"predictions": ["p"]}}, "rules": [rule]}
    assert [e.json_path for e in validator.iter_errors(raw)]


@pytest.mark.parametrize(
    "rule",
    [
        {"name": "r", "when": {"no_events_for": "2h"}, "models": ["a", "b-*"]},
        {"name": "r", "when": {"all": [{"metric": "psi", "feature": "*", "above": 1}]}, "for": "3 windows"},
        {"name": "r", "when": {"metric": "f1", "class": 1, "drop": "5 points", "versus": "version 7"}},
    ],
)
def test_good_rules_are_taken(validator, rule):
    """Every form that the parser takes."""
    raw = {"streams": {"main": {"predictions": ["p"]}}, "rules": [rule]}
    assert [e.message for e in validator.iter_errors(raw)] == []


def _parts(schema):
    if isinstance(schema, dict):
        yield schema
        for part in schema.values():
            yield from _parts(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _parts(part)


def test_every_default_is_one_that_could_be_written(validator):
    """As people write it, not as milliseconds."""
    schema = validator.schema
    defaults = [p for p in _parts(schema) if "default" in p and not isinstance(p["default"], dict)]
    assert len(defaults) > 40
    for part in defaults:
        found = Draft202012Validator({**part, "$defs": schema["$defs"]}).iter_errors(part["default"])
        assert [e.message for e in found] == []


@pytest.mark.parametrize("name", ["config", "trigger", "reference"])
def test_the_command_prints_the_published_file(name, capsys):
    """Byte for byte, so that it can be piped into a file."""
    assert invoke(["schema", name]) == 0
    published = (ROOT / "src" / "driftline" / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
    assert capsys.readouterr().out == published
