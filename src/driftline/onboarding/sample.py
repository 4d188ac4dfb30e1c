"""A sample of a topic's events as rows: what was answered beside what turned out to be true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from driftline.decode.events import LabelEvent, PredictionEvent
from driftline.decode.reader import Reader
from driftline.decode.times import parse_time
from driftline.instants import rfc3339
from driftline.records import Headers, Kind
from driftline.settings import TimeSettings

UNVERSIONED = "unversioned"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a topic."""

    value: bytes | None
    headers: Headers | None
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Sample:
    """JSON lines of one model version's predictions, with their labels where those were found."""

    lines: tuple[bytes, ...]
    model: str
    version: str
    versions: Counter[tuple[str, str]]
    """Events of each (model, version) of the sample."""
    labelled: int
    rejected: Counter[str]
    """Records that are no events, by reason."""


def sample_of(
    predictions: Sequence[Record],
    labels: Sequence[Record],
    message_bytes: int,
    model: str | None,
    version: str | None,
) -> Sample:
    """The most frequent version, unless one is given; the first of each prediction id, as the daemon counts them."""
    timed, rejected = _read(predictions, message_bytes)
    versions = Counter(_name(e) for e, _ in timed)
    fitting = Counter(
        {k: c for k, c in versions.items() if model in (None, k[0]) and version in (None, k[1])}
    )
    chosen = fitting.most_common(1)[0][0] if fitting else (model or "", version or "")
    truth = _truth(labels, message_bytes, chosen[0])
    rows = {str(e.prediction_id): (e, time_ms) for e, time_ms in reversed(timed) if _name(e) == chosen}
    lines = tuple(_line(event, time_ms, truth) for event, time_ms in reversed(rows.values()))
    return Sample(lines, *chosen, versions, len(rows.keys() & truth.keys()), rejected)


def _read(
    predictions: Sequence[Record], message_bytes: int
) -> tuple[list[tuple[PredictionEvent, int]], Counter[str]]:
    """Events with their times, and how many records the daemon would reject, by reason."""
    read = Reader(Kind.PREDICTION, message_bytes).read(
        [r.value for r in predictions], [r.headers for r in predictions]
    )
    rejected = Counter(r.reason for r in read.rejects)
    timed = []
    for event, record in zip(read.events, read.record.tolist(), strict=True):
        if isinstance(event, PredictionEvent):
            stamp_ms = predictions[record].timestamp_ms
            time_ms = stamp_ms if event.time is None else parse_time(event.time)
            reason = _bad_time(time_ms, stamp_ms)
            if reason is None:
                timed.append((event, time_ms))
            else:
                rejected[reason] += 1
    return timed, rejected


def _bad_time(time_ms: int, stamp_ms: int) -> str | None:
    """Why an event's time is no time, by what a configuration without ``max_future`` says."""
    if time_ms <= 0:
        return "bad_time"
    ahead = stamp_ms > 0 and time_ms > stamp_ms + (TimeSettings().max_future_ms or 0)
    return "future" if ahead else None


def _name(event: PredictionEvent) -> tuple[str, str]:
    return event.model, UNVERSIONED if event.version is None else str(event.version)


def _truth(labels: Sequence[Record], message_bytes: int, model: str) -> dict[str, Any]:
    read = Reader(Kind.LABEL, message_bytes).read([r.value for r in labels], [r.headers for r in labels])
    found = [e for e in read.events if isinstance(e, LabelEvent) and e.model == model]
    return {str(e.prediction_id): e.label for e in found if e.label is not None}


def _line(event: PredictionEvent, time_ms: int, truth: dict[str, Any]) -> bytes:
    ident = str(event.prediction_id)
    row = {
        "prediction_id": ident, "time": rfc3339(time_ms), "features": event.features or {},
        "prediction": event.prediction, "score": event.score, "label": truth.get(ident),
    }  # fmt: skip
    return msgspec.json.encode({name: value for name, value in row.items() if value is not None}) + b"\n"
