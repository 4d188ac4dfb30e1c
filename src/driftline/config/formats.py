"""The shape of ``formats``: a user's own JSON, by paths. It is checked; reading events by it is a later step."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from driftline.config.messages import shown
from driftline.config.section import Section
from driftline.config.values import Name

_PATH = re.compile(r"""\$(\.[^.\[\]\s]+|\[\d+\]|\['[^']+'\]|\["[^"]+"\])*""")


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
        A mapping that names neither a path nor a header, or both.
    """
    if not isinstance(value, dict):
        return {"path": path(value)}
    if ("path" in value) == ("header" in value):
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
