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
    read = Reader(Kind.PREDICTION, message_bytes).read(
        [r.value for r in predictions], [r.headers for r in predictions]
    )
    stamps = [predictions[i].timestamp_ms for i in read.record.tolist()]
    timed = [
        (e, stamp if e.time is None else parse_time(e.time))
        for e, stamp in zip(read.events, stamps, strict=True) if isinstance(e, PredictionEvent)
    ]  # fmt: skip
    rejected = Counter(r.reason for r in read.rejects)
    if bad := sum(time_ms <= 0 for _, time_ms in timed):
        rejected["bad_time"] = bad
    versions = Counter(_name(e) for e, time_ms in timed if time_ms > 0)
    fitting = Counter(
        {k: c for k, c in versions.items() if model in (None, k[0]) and version in (None, k[1])}
    )
    chosen = fitting.most_common(1)[0][0] if fitting else (model or "", version or "")
    truth = _truth(labels, message_bytes, chosen[0])
    rows = {
        str(e.prediction_id): (e, time_ms)
        for e, time_ms in reversed(timed)
        if time_ms > 0 and _name(e) == chosen
    }
    lines = tuple(_line(event, time_ms, truth) for event, time_ms in reversed(rows.values()))
    return Sample(lines, *chosen, versions, len(rows.keys() & truth.keys()), rejected)


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
