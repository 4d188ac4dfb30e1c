"""Events out of a user's own JSON: each field is found by a path or in a header, and read as a canonical one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from driftline.decode.events import SHAPES, UNREADABLE, Event, Unusable, read_object, shape_event
from driftline.decode.reader import Read
from driftline.decode.shapes import Shape
from driftline.records import Headers, Kind, Reject
from driftline.settings import FieldPlace

_ABSENT = object()
_PER_MS: Mapping[str, float] = {"s": 0.001, "ms": 1, "us": 1000, "ns": 1_000_000}
"""So many of a unit are a millisecond."""

Document = dict[str, Any]
_Find = Callable[[Document, Mapping[str, bytes | None]], Any]


class MappedReader:
    """Reads records of one kind, as ``Reader`` does.

    Parameters
    ----------
    places
        Where fields stand; one that is not named stands under its own name.
    """

    def __init__(self, kind: Kind, message_bytes: int, places: Sequence[tuple[str, FieldPlace]]) -> None:
        self._kind = kind
        self._limit = message_bytes
        named = dict(places)
        fields = SHAPES[kind].__struct_fields__
        self._finders = [(name, _finder(named.get(name, FieldPlace((name,))))) for name in fields]

    def read(
        self,
        values: Sequence[bytes | None],
        headers: Sequence[Headers | None] | None,
        shape: Shape | None = None,  # noqa: ARG002 - as Reader's; features stay objects here
    ) -> Read:
        """All events of records in their order."""
        events: list[Event] = []
        record: list[int] = []
        rejects: list[Reject] = []
        for i, value in enumerate(values):
            try:
                events.append(self._one(value, headers[i] if headers is not None else None))
            except Unusable as unusable:
                rejects.append(Reject(i, unusable.reason))
            else:
                record.append(i)
        return Read(events, np.array(record, np.int64), rejects)

    def canonical(self, document: Document, headers: Headers | None) -> Document:
        """The fields that are there, under their own names."""
        told = dict(headers or ())
        found = ((name, find(document, told)) for name, find in self._finders)
        return {name: value for name, value in found if value is not _ABSENT}

    def _one(self, value: bytes | None, headers: Headers | None) -> Event:
        if value is None or not value.strip():
            raise Unusable("empty")
        if len(value) > self._limit:
            raise Unusable("too_large")
        try:
            document = msgspec.json.decode(value, type=dict[str, Any])
        except UNREADABLE:
            document = read_object(value)
        return shape_event(self.canonical(document, headers), self._kind)


def _finder(place: FieldPlace) -> _Find:
    """What looks a field up; ``_ABSENT`` where there is none."""

    def find(document: Document, headers: Mapping[str, bytes | None]) -> Any:
        found = (
            _in_headers(headers, place.header) if place.header is not None else _walk(document, place.path)
        )
        if (found is _ABSENT or found is None) and place.default is not None:
            return place.default
        return found if place.unit is None else _milliseconds(found, place.unit)

    return find


def _walk(document: Any, path: Sequence[str | int]) -> Any:
    at = document
    for step in path:
        if isinstance(at, dict):
            at = at.get(step, _ABSENT)
        elif isinstance(at, list) and isinstance(step, int) and step < len(at):
            at = at[step]
        else:
            return _ABSENT
    return at


def _in_headers(headers: Mapping[str, bytes | None], name: str) -> Any:
    value = headers.get(name)
    if value is None:
        return _ABSENT
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Unusable("not_utf8") from None


def _milliseconds(value: Any, unit: str) -> Any:
    """A number of units, also as text, in whole milliseconds (fractions floored); anything else as it is."""
    if isinstance(value, str):
        try:
            value = float(value) if "." in value else int(value)
        except ValueError:
            return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, int):
        return value * 1000 if unit == "s" else value // int(_PER_MS[unit])
    scaled = value / _PER_MS[unit]
    return math.floor(round(scaled, 6)) if math.isfinite(scaled) else scaled
