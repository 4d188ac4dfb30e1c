"""One record as the daemon would read it: its events, or why there are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from driftline.decode import make_decoder
from driftline.decode.decoder import Decoder
from driftline.decode.events import Event, LabelEvent
from driftline.decode.mapped import MappedReader
from driftline.decode.reader import Reader
from driftline.instants import rfc3339
from driftline.onboarding.parts import label_of, prediction_of
from driftline.records import (
    Decoded,
    Headers,
    Kind,
    LabelPart,
    PredictionPart,
    RawBatch,
    Schema,
    SchemaOf,
)
from driftline.settings import FieldPlace, Limits, StreamSettings, Task

_FUTURE = "future"


@dataclass(frozen=True, slots=True)
class Read:
    """What became of a record. ``rejected``: the reason, as in the dead-letter topic."""

    events: tuple[dict[str, Any], ...] = ()
    rejected: str | None = None


@dataclass(slots=True)
class Lens:
    """Reads records of one topic one at a time.

    With ``schema_of`` as the configuration has it; without, each event by its own names, and nothing is monitored.
    """

    kind: Kind
    limits: Limits
    stream: StreamSettings | None = None
    schema_of: SchemaOf | None = None
    _reader: Reader | MappedReader = field(init=False)

    def __post_init__(self) -> None:
        size, places = self.limits.message_bytes, self._places
        self._reader = MappedReader(self.kind, size, places) if places else Reader(self.kind, size)

    @property
    def _places(self) -> tuple[tuple[str, FieldPlace], ...]:
        return self.stream.places if self.stream is not None else ()

    def read(self, value: bytes | None, headers: Headers | None, timestamp_ms: int) -> Read:
        """A record's events, or the reason for which it is rejected."""
        batch = _batch(self.kind, value, headers, timestamp_ms)
        raw = self._reader.read(batch.values, batch.headers).events
        decoded = self._decoder(raw).decode(batch)
        events = tuple(self._event(decoded, raw, row, timestamp_ms) for row in range(len(decoded.time_ms)))
        reasons = [r.reason for r in decoded.rejects]
        if self._in_the_future(decoded, timestamp_ms):
            reasons.append(_FUTURE)
        return Read(events, reasons[0] if reasons else None)

    def _decoder(self, raw: Any) -> Decoder:
        schema_of = self.schema_of or _own_schema(raw)
        from_record = self.stream is not None and self.stream.time.from_record
        return make_decoder(
            "driftline", self.kind, schema_of=schema_of, limits=self.limits, from_record=from_record,
            places=self._places,
        )  # fmt: skip

    def _in_the_future(self, decoded: Decoded, timestamp_ms: int) -> bool:
        most = self.stream.time.max_future_ms if self.stream is not None else None
        return most is not None and timestamp_ms > 0 and bool((decoded.time_ms > timestamp_ms + most).any())

    def _event(self, decoded: Decoded, raw: Any, row: int, timestamp_ms: int) -> dict[str, Any]:
        """One row: what was read of it, in the order in which people look at it."""
        known = self.schema_of is not None
        parts: list[PredictionPart | LabelPart] = [*decoded.predictions, *decoded.labels]
        for part in parts:
            at = np.flatnonzero(part.rows == row)
            if len(at):
                time = {"time": rfc3339(int(decoded.time_ms[row]))}
                read = (
                    label_of(part, int(at[0]))
                    if isinstance(part, LabelPart)
                    else prediction_of(part, int(at[0]))
                )
                unknown = _unknown(part, raw, row) if known and isinstance(part, PredictionPart) else {}
                return {
                    **_names(part, known=known),
                    **time,
                    **read,
                    **unknown,
                    **_ahead(decoded, row, timestamp_ms),
                }
        model, version = _of_raw(raw, row)
        return {
            "model": model,
            "version": version,
            "monitored": False,
            "time": rfc3339(int(decoded.time_ms[row])),
        }


def _batch(kind: Kind, value: bytes | None, headers: Headers | None, timestamp_ms: int) -> RawBatch:
    one = np.zeros(1, np.int64)
    return RawBatch(
        kind,
        (("", 0),),
        np.zeros(1, np.int32),
        one,
        one + timestamp_ms,
        [value],
        None if headers is None else [headers],
    )


def _own_schema(raw: Any) -> Callable[[str, str], Schema]:
    """Of the names that the events themselves have: numbers are numeric."""
    numeric: dict[str, None] = {}
    other: dict[str, None] = {}
    score = False
    for event in raw:
        for name, value in (getattr(event, "features", None) or {}).items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            (numeric if is_number else other)[name] = None
        score = score or getattr(event, "score", None) is not None
    names = tuple(n for n in numeric if n not in other), tuple(other)
    task = Task.BINARY if score else Task.MULTICLASS
    return lambda _model, _version: Schema(task, *names, positive="positive", negative="negative")


def _names(part: PredictionPart | LabelPart, *, known: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"model": part.model}
    if isinstance(part, PredictionPart):
        found["version"] = part.version
    return {**found, "monitored": True} if known else found


def _unknown(part: PredictionPart, raw: Any, row: int) -> dict[str, Any]:
    """Names that the event has and the reference has not: they are not read."""
    if row >= len(raw) or isinstance(raw[row], LabelEvent):
        return {}
    known = {*part.schema.numeric, *part.schema.categorical, *part.schema.segments}
    strange = sorted(set(getattr(raw[row], "features", None) or {}) - known)
    return {"not_read": strange} if strange else {}


def _ahead(decoded: Decoded, row: int, timestamp_ms: int) -> dict[str, Any]:
    """How far event time lies behind the record's own, when that is told."""
    if timestamp_ms <= 0:
        return {}
    return {"behind_s": round((timestamp_ms - int(decoded.time_ms[row])) / 1000, 3)}


def _of_raw(raw: Any, row: int) -> tuple[str, str]:
    event: Event | None = raw[row] if row < len(raw) else None
    version = getattr(event, "version", None)
    return getattr(event, "model", "?"), "unversioned" if version is None else str(version)
