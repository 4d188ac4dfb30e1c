"""A batch's records to events: msgspec at full speed, and record by record where one of them is odd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from driftline.decode.arrow import is_arrow, read_events
from driftline.decode.events import UNREADABLE, Event, Unusable, fast_reader, read_strictly
from driftline.decode.shapes import Shape, retyped
from driftline.records import Headers, Ints, Kind, Reject

_STRUCTURED = b"application/cloudevents+json"
_ARROW = b"application/vnd.apache.arrow.stream"


@dataclass(slots=True)
class Read:
    """Events, the record each came from, and the records that were none."""

    events: Sequence[Event]
    record: Ints
    rejects: list[Reject]
    strange: dict[int, int] = field(default_factory=dict)
    """Of events whose features the shape had no place for: how many those were."""


class Reader:
    """Reads records of one kind; the same events whatever else is in the batch."""

    def __init__(self, kind: Kind, message_bytes: int) -> None:
        self._kind = kind
        self._limit = message_bytes
        self._plain: Callable[[bytes], Event] = fast_reader(kind)

    def read(
        self,
        values: Sequence[bytes | None],
        headers: Sequence[Headers | None] | None,
        shape: Shape | None = None,
    ) -> Read:
        """All events of records in their order; with a shape, the features are its structs."""
        if headers is None and (events := self._all_plain(values, shape)) is not None:
            return Read(events, np.arange(len(events)), [])
        return self._each(values, headers, shape)

    def _all_plain(self, values: Sequence[bytes | None], shape: Shape | None) -> list[Event] | None:
        """Every record an event by msgspec, or None."""
        fast = shape.decode if shape else self._plain
        try:
            if max(map(len, values), default=0) > self._limit:  # type: ignore[arg-type]
                return None
            return list(map(fast, values))  # type: ignore[arg-type]
        except UNREADABLE:
            return None

    def _each(
        self, values: Sequence[bytes | None], headers: Sequence[Headers | None] | None, shape: Shape | None
    ) -> Read:
        events: list[Event] = []
        counts = np.zeros(len(values), np.int64)
        rejects: list[Reject] = []
        strange: dict[int, int] = {}
        for i, value in enumerate(values):
            try:
                found, reasons = self._one(value, headers[i] if headers is not None else None, shape)
            except Unusable as unusable:
                rejects.append(Reject(i, unusable.reason))
                continue
            if shape is not None:
                more = {len(events) + j: n for j, event in enumerate(found) if (n := retyped(event, shape))}
                strange |= more
            events.extend(found)
            rejects.extend(Reject(i, reason) for reason in reasons)
            counts[i] = len(found)
        return Read(events, np.repeat(np.arange(len(values)), counts), rejects, strange)

    def _one(
        self, value: bytes | None, headers: Headers | None, shape: Shape | None
    ) -> tuple[Sequence[Event], Sequence[str]]:
        if value is None:
            raise Unusable("empty")
        if len(value) > self._limit:
            raise Unusable("too_large")
        content, structured = _describe(headers) if headers else (b"", False)
        if is_arrow(value) or content.startswith(_ARROW):
            return read_events(value, self._kind)
        if not structured:
            try:
                return ((shape.decode if shape else self._plain)(value),), ()
            except UNREADABLE:
                pass
        if not value.strip():
            raise Unusable("empty")
        return (self._carefully(value, structured),), ()

    def _carefully(self, value: bytes, structured: bool) -> Event:
        """What no shape fits may still be plain; the strict reader looks at all else."""
        if not structured:
            try:
                return self._plain(value)
            except UNREADABLE:
                pass
        return read_strictly(value, self._kind, envelope=structured)


def _describe(headers: Headers) -> tuple[bytes, bool]:
    """The content type, and whether it says that the value is a structured CloudEvent."""
    content = b""
    for name, value in headers:
        if name == "ce_specversion" and value != b"1.0":
            raise Unusable("bad_cloudevent")
        if name.lower() == "content-type":
            content = value or b""
    content = content.lower()
    return content, content.startswith(_STRUCTURED)
