"""The JSON Schema (2020-12) of a configuration, for editors, from the same declarations that it is read by.

It knows each key and each value by itself; what must fit together (`check-config` does) it does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from driftline.config.formats import FieldShape
from driftline.config.librdkafka import OWNED
from driftline.config.model_shape import LabelsShape
from driftline.config.rule_shape import (
    CONDITION_MARK,
    ComparisonShape,
    RuleShape,
    SilenceShape,
    combination_schema,
)
from driftline.config.shape import SECTIONS, FileShape, StreamShape, TimeShape, TopicsShape
from driftline.settings import DEFAULT_GATES

ID = "https://driftline.io/schemas/config.v1.json"
_DEFAULTS: tuple[type[BaseModel], ...] = (
    *SECTIONS.values(),
    TopicsShape,
    StreamShape,
    TimeShape,
    LabelsShape,
)
"""Sections whose defaults are written as people write them."""


def json_schema() -> dict[str, Any]:
    """The schema of the whole file."""
    roots: list[tuple[type[BaseModel], Any]] = [
        (shape, "validation") for shape in (FileShape, RuleShape, ComparisonShape, SilenceShape)
    ]
    _, found = models_json_schema(roots)
    defs: dict[str, Any] = {name: _plain(part) for name, part in found["$defs"].items()}
    for shape in _DEFAULTS:
        written = shape().model_dump(mode="json")
        for key, value in written.items():
            _put_default(defs[shape.__name__]["properties"][key], value)
    defs["Condition"] = combination_schema()
    _complete(defs)
    top = defs.pop(FileShape.__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "$id": ID,
        "title": "driftline configuration", **top, "$defs": dict(sorted(defs.items())),
    }  # fmt: skip


def _plain(part: Any) -> Any:
    """Without titles, and without defaults, which are numbers of milliseconds or stand for "not given"."""
    if isinstance(part, list):
        return [_plain(p) for p in part]
    if not isinstance(part, Mapping):
        return part
    if CONDITION_MARK in part:
        return {"$ref": "#/$defs/Condition", "description": part["description"]}
    return {
        key: {name: _plain(p) for name, p in value.items()} if key == "properties" else _plain(value)
        for key, value in part.items()
        if key not in ("title", "default")
    }


def _put_default(part: dict[str, Any], value: Any) -> None:
    if value is not None and not isinstance(value, dict):
        part["default"] = value


def _complete(defs: dict[str, Any]) -> None:
    """What the shapes leave to their readers."""
    top = defs[FileShape.__name__]["properties"]
    rules = {"type": "array", "items": {"$ref": "#/$defs/RuleShape"}}
    top["rules"] = {"description": top["rules"]["description"], "anyOf": [rules, {"type": "null"}]}
    top["streams"]["minProperties"] = 1
    model = defs["ModelShape"]["properties"]
    section = {"$ref": f"#/$defs/{LabelsShape.__name__}"}
    model["labels"] = {
        "description": defs["LabelsShape"]["description"],
        "anyOf": [section, {"enum": ["none", None]}],
    }
    binary = {"properties": {"task": {"const": "binary"}}, "required": ["task"]}
    defs["ModelShape"]["allOf"] = [{"if": binary, "then": {"required": ["positive"]}}]
    defs["KafkaShape"]["properties"]["properties"]["propertyNames"] = {"not": {"enum": list(OWNED)}}
    gate = model["gates"].pop("additionalProperties")
    gates = {name: {**gate, "default": least} for name, least in DEFAULT_GATES.items()}
    model["gates"] |= {"properties": gates, "additionalProperties": False}
    for part in defs["FormatShape"]["properties"].values():
        field = {"$ref": f"#/$defs/{FieldShape.__name__}"}
        part["anyOf"] = [{"type": "string", "pattern": r"^\$"}, field]
    for name in (*(s.__name__ for s in SECTIONS.values()), TopicsShape.__name__, TimeShape.__name__):
        defs[name]["type"] = ["object", "null"]  # an empty section is its defaults
