"""One record's value to one event: the shape of canonical JSON, and the slow, strict reader of odd ones."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from driftline.records import Kind

Revision = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class Unusable(ValueError):
    """A record that is no event; ``reason`` is a short stable word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PredictionEvent(msgspec.Struct, gc=False):
    """A prediction as producers write it."""

    prediction_id: str | int
    model: str
    version: str | int | None = None
    time: Any = None
    features: dict[str, Any] | None = None
    prediction: Any = None
    score: Any = None
    scores: Any = None
    segments: dict[str, Any] | None = None
    latency_ms: Any = None


class FeaturesEvent(msgspec.Struct, gc=False):
    """Inputs without a prediction."""

    model: str
    features: dict[str, Any]
    version: str | int | None = None
    time: Any = None
    segments: dict[str, Any] | None = None


class LabelEvent(msgspec.Struct, gc=False):
    """A ground truth; ``label`` null retracts, but the key must be there."""

    prediction_id: str | int
    model: str
    label: Any
    time: Any = None
    revision: Revision | None = 1


Event = PredictionEvent | FeaturesEvent | LabelEvent
Shape = type[PredictionEvent] | type[FeaturesEvent] | type[LabelEvent]
SHAPES: dict[Kind, Shape] = {
    Kind.PREDICTION: PredictionEvent, Kind.FEATURES: FeaturesEvent, Kind.LABEL: LabelEvent,
}  # fmt: skip
NEEDED = {
    Kind.PREDICTION: ("prediction_id", "model"), Kind.FEATURES: ("model", "features"),
    Kind.LABEL: ("prediction_id", "model"),
}  # fmt: skip
_LONGEST_INT = 20
UNREADABLE = (msgspec.MsgspecError, ValueError, TypeError, RecursionError)
"""What msgspec raises at a value that the strict reader must look at."""


def read_strictly(value: bytes, kind: Kind, *, envelope: bool = False) -> Event:
    """The event in ``value``; ``envelope``: it must be a structured CloudEvent.

    Raises
    ------
    Unusable
        With the reason.
    """
    document = read_object(value)
    if envelope or ("specversion" in document and "model" not in document):
        document = _enclosed(document)
    return shape_event(document, kind)


def shape_event(document: dict[str, Any], kind: Kind) -> Event:
    """A parsed object as an event, its types checked."""
    if any(document.get(name) is None for name in NEEDED[kind]):
        raise Unusable("missing_field")
    if kind is Kind.LABEL and "label" not in document:
        raise Unusable("missing_field")
    try:
        return msgspec.convert(document, SHAPES[kind])
    except UNREADABLE:
        raise Unusable("wrong_type") from None


def read_object(value: bytes) -> dict[str, Any]:
    """A record's JSON object, read strictly: no NaN, no endless integers; Unusable with the reason."""
    document = _parse(value)
    if not isinstance(document, dict):
        raise Unusable("wrong_type")
    return document


def _parse(value: bytes) -> object:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise Unusable("not_utf8") from None
    try:
        return json.loads(text, parse_constant=_refuse, parse_int=_bounded_int)
    except (ValueError, RecursionError):
        raise Unusable("not_json") from None


def _refuse(constant: str) -> object:
    raise ValueError(constant)


def _bounded_int(digits: str) -> int | float:
    """Integers of any length without Python's quadratic conversion; too long ones are not finite."""
    return int(digits) if len(digits) <= _LONGEST_INT else math.inf


def _enclosed(envelope: dict[str, Any]) -> dict[str, Any]:
    """The data of a structured CloudEvent 1.0."""
    data = envelope.get("data")
    if isinstance(envelope.get("data_base64"), str):
        data = _unpack(envelope["data_base64"])
    if envelope.get("specversion") != "1.0" or not isinstance(data, dict):
        raise Unusable("bad_cloudevent")
    return data


def _unpack(text: str) -> dict[str, Any]:
    try:
        return read_object(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise Unusable("bad_cloudevent") from None


def fast_reader(kind: Kind) -> Callable[[bytes], Event]:
    """The reader by msgspec of the kind's shape."""
    return msgspec.json.Decoder(SHAPES[kind]).decode
