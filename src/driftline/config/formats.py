"""The shape of ``formats``: a user's own JSON, by paths."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from driftline.config.messages import shown
from driftline.config.section import Section
from driftline.config.values import Name
from driftline.settings import FieldPlace

_STEP = r"""\.([^.\[\]\s]+)|\[(\d+)\]|\['([^']+)'\]|\["([^"]+)"\]"""
_PATH = re.compile(rf"\$(?:{_STEP})*")


def path(value: Any) -> str:
    """A path into JSON: ``$.request.id``, ``$.items[0]``, ``$['odd name']``."""
    if isinstance(value, str) and _PATH.fullmatch(value):
        return value
    raise ValueError(f'{shown(value)} is not a path; write one from the top, as "$.request.id"')


Path = Annotated[str, BeforeValidator(path), WithJsonSchema({"type": "string", "pattern": r"^\$"})]


class FieldShape(Section):
    """Where a field is found, where not by a path alone."""

    path: Path | None = None
    """Path into the message's JSON."""
    header: Name | None = None
    """Name of a Kafka header, instead of a path."""
    default: Name | None = None
    """Taken where the field is not there."""
    unit: Literal["s", "ms", "us", "ns"] | None = None
    """Of a time that is a number."""


def field(value: Any) -> Any:
    """A path alone is short for a mapping.

    Raises
    ------
    ValueError
        A mapping that names both a path and a header, or nothing at all.
    """
    if not isinstance(value, dict):
        return {"path": path(value)}
    if not value or {"path", "header"} <= value.keys():
        raise ValueError("names a path or a header, one of them; write {path: $.request.id}")
    return value


Where = Annotated[FieldShape, BeforeValidator(field)]


class FormatShape(Section):
    """Where the fields of an event are found in JSON of your own."""

    prediction_id: Where | None = None
    """What labels are joined by."""
    model: Where | None = None
    """Name of the model."""
    version: Where | None = None
    """Version of the model."""
    time: Where | None = None
    """When it happened."""
    features: Where | None = None
    """Mapping of feature names to values."""
    prediction: Where | None = None
    """Predicted class or value."""
    score: Where | None = None
    """Probability of the positive class."""
    scores: Where | None = None
    """Mapping of classes to probabilities."""
    segments: Where | None = None
    """Mapping of segments to values."""
    latency_ms: Where | None = None
    """How long the model took."""
    label: Where | None = None
    """The truth."""
    revision: Where | None = None
    """Number of a label's correction."""


def places_of(shape: FormatShape) -> tuple[tuple[str, FieldPlace], ...]:
    """Where the fields that are named stand; without a path or header, one stands under its own name."""
    return tuple((name, _place(name, where)) for name, where in shape if where is not None)


def _place(name: str, where: FieldShape) -> FieldPlace:
    path: tuple[str | int, ...] = ()
    if where.header is None:
        path = (name,) if where.path is None else steps(where.path)
    return FieldPlace(path, where.header, where.default, where.unit)


def steps(path: str) -> tuple[str | int, ...]:
    """Keys and places of lists: ``$.items[0]['odd name']`` is ``("items", 0, "odd name")``."""
    found = (next((i, part) for i, part in enumerate(parts) if part) for parts in re.findall(_STEP, path))
    return tuple(int(part) if i == 1 else part for i, part in found)


def path_text(keys: Iterable[str | int]) -> str:
    """The path that ``steps`` reads as these; a key with both kinds of quotes in it cannot be written."""
    return "$" + "".join(map(_step_text, keys))


def _step_text(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    if re.fullmatch(r"[^.\[\]\s]+", key):
        return f".{key}"
    return f'["{key}"]' if "'" in key else f"['{key}']"
