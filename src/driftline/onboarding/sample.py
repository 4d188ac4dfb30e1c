"""A sample of a topic's events as rows: what was answered beside what turned out to be true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from driftline.decode.events import LabelEvent, PredictionEvent
from driftline.decode.mapped import MappedReader
from driftline.decode.reader import Reader
from driftline.decode.times import parse_time
from driftline.instants import rfc3339
from driftline.records import Headers, Kind
from driftline.settings import FieldPlace, TimeSettings

Places = Sequence[tuple[str, FieldPlace]]
"""Where fields stand in JSON of one's own; empty: the events are canonical."""
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
    """Records that are no predictions, by reason."""
    unread: Counter[str]
    """Records of the labels that are none, by reason."""
    from_record: bool
    """Whether there are events without a time of their own."""


def sample_of(
    predictions: Sequence[Record],
    labels: Sequence[Record],
    message_bytes: int,
    model: str | None,
    version: str | None,
    places: Places = (),
) -> Sample:
    """The most frequent version, unless one is given; the first of each prediction id, as the daemon counts them."""
    timed, rejected = _read(predictions, _reader(Kind.PREDICTION, message_bytes, places))
    versions = Counter(_name(e) for e, _ in timed)
    fitting = Counter(
        {k: c for k, c in versions.items() if model in (None, k[0]) and version in (None, k[1])}
    )
    chosen = fitting.most_common(1)[0][0] if fitting else (model or "", version or "")
    truth, unread = _truth(labels, _reader(Kind.LABEL, message_bytes, places), chosen[0])
    rows = {str(e.prediction_id): (e, time_ms) for e, time_ms in reversed(timed) if _name(e) == chosen}
    others = _other_keys(places)
    lines = tuple(_line(event, time_ms, truth, others) for event, time_ms in reversed(rows.values()))
    from_record = any(event.time is None for event, _ in rows.values())
    return Sample(lines, *chosen, versions, len(rows.keys() & truth.keys()), rejected, unread, from_record)


def _reader(kind: Kind, message_bytes: int, places: Places) -> Reader | MappedReader:
    return MappedReader(kind, message_bytes, places) if places else Reader(kind, message_bytes)


def _read(
    predictions: Sequence[Record], reader: Reader | MappedReader
) -> tuple[list[tuple[PredictionEvent, int]], Counter[str]]:
    """Events with their times, and how many records the daemon would reject, by reason."""
    read = reader.read([r.value for r in predictions], [r.headers for r in predictions])
    rejected = Counter(r.reason for r in read.rejects)
    timed = []
    for event, record in zip(read.events, read.record.tolist(), strict=True):
        if isinstance(event, PredictionEvent):
            stamp_ms = predictions[record].timestamp_ms
            time_ms = stamp_ms if event.time is None else parse_time(event.time)
            reason = _no_answer(event) or _bad_time(time_ms, stamp_ms)
            if reason is None:
                timed.append((event, time_ms))
            else:
                rejected[reason] += 1
    return timed, rejected


def _no_answer(event: PredictionEvent) -> str | None:
    """Why an event says nothing, whatever the task of its model is."""
    answers = (event.prediction, event.score, event.scores)
    return "missing_field" if all(answer is None for answer in answers) else None


def _bad_time(time_ms: int, stamp_ms: int) -> str | None:
    """Why an event's time is no time, by what a configuration without ``max_future`` says."""
    if time_ms <= 0:
        return "bad_time"
    ahead = stamp_ms > 0 and time_ms > stamp_ms + (TimeSettings().max_future_ms or 0)
    return "future" if ahead else None


def _name(event: PredictionEvent) -> tuple[str, str]:
    return event.model, UNVERSIONED if event.version is None else str(event.version)


def _truth(
    labels: Sequence[Record], reader: Reader | MappedReader, model: str
) -> tuple[dict[str, Any], Counter[str]]:
    read = reader.read([r.value for r in labels], [r.headers for r in labels])
    found = [e for e in read.events if isinstance(e, LabelEvent) and e.model == model]
    truth = {str(e.prediction_id): e.label for e in found if e.label is not None}
    return truth, Counter(r.reason for r in read.rejects)


def _other_keys(places: Places) -> frozenset[str | int]:
    """Where all of a document is taken as its features: its keys that have another meaning."""
    paths = [place.path for name, place in places if name != "features"]
    whole = dict(places).get("features") == FieldPlace()
    return frozenset(path[0] for path in paths if path) if whole else frozenset()


def _line(event: PredictionEvent, time_ms: int, truth: dict[str, Any], others: frozenset[str | int]) -> bytes:
    ident = str(event.prediction_id)
    features = {name: value for name, value in (event.features or {}).items() if name not in others}
    row = {
        "prediction_id": ident, "time": rfc3339(time_ms), "features": features,
        "prediction": event.prediction, "score": event.score, "label": truth.get(ident),
    }  # fmt: skip
    return msgspec.json.encode({name: value for name, value in row.items() if value is not None}) + b"\n"
