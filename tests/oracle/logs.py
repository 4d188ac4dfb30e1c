"""§3 and §4 as a loop: records become events with effective times, one partition after the other.

Each partition is read alone and in offset order, so nothing here can depend on how partitions interleave.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from tests.oracle.setup import Setup


class Record(NamedTuple):
    """A record as a topic holds it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None


class Unusable(Exception):
    """A record for the dead letters; the text is the reason."""


@dataclass
class Event:
    """A usable event of a known model."""

    place: tuple[str, int, int]
    """(topic, partition, offset)"""
    model: str
    version: str
    id: str
    time: int
    eff: int
    """max(time, the partition's watermark before it)"""
    on_time: bool
    data: dict[str, Any]

    @property
    def answer(self) -> tuple[Any, ...]:
        """What two copies of a prediction must agree on."""
        return self.time, self.data.get("prediction"), self.data.get("score")


@dataclass
class Logs:
    """What the logs held."""

    predictions: list[Event] = field(default_factory=list)
    """The first of each id, in no particular order."""
    features: list[Event] = field(default_factory=list)
    labels: list[Event] = field(default_factory=list)
    """In the order of their effect: (eff, topic, partition, offset)."""
    watermarks: dict[tuple[str, int], int] = field(default_factory=dict)
    counts: Counter[tuple[str, ...]] = field(default_factory=Counter)


def read_logs(setup: Setup, records: Iterable[Record]) -> Logs:
    """All partitions. A record that is delivered twice (same offset) counts once."""
    partitions: dict[tuple[str, int], dict[int, Record]] = defaultdict(dict)
    for record in records:
        partitions[record.topic, record.partition].setdefault(record.offset, record)
    logs = Logs()
    for key in sorted(partitions):
        _read_partition(setup, key, [r for _, r in sorted(partitions[key].items())], logs)
    logs.labels.sort(key=lambda e: (e.eff, *e.place))
    return logs


def _read_partition(setup: Setup, key: tuple[str, int], records: list[Record], logs: Logs) -> None:
    kind, watermark = setup.kinds[key[0]], None
    seen: dict[tuple[str, str], Event] = {}
    for record in records:
        logs.counts["events_consumed", key[0], kind.removesuffix("s") if kind != "features" else kind] += 1
        try:
            data, time = _usable(setup, record, kind)
        except Unusable as reason:
            logs.counts["events_rejected", key[0], str(reason)] += 1
            continue
        before = watermark
        mark = time - setup.out_of_orderness
        watermark = mark if watermark is None else max(watermark, mark)
        if data["model"] not in setup.models:
            logs.counts["events_unmonitored", key[0]] += 1
            continue
        event = Event(
            record[:3], data["model"], str(data.get("version") or "unversioned"), str(data.get("prediction_id")),
            time, time if before is None else max(time, before), before is None or time >= before, data,
        )  # fmt: skip
        if kind == "labels":
            logs.labels.append(event)
        elif before is not None and time < before - setup.allowed_lateness:
            logs.counts["events_late", "dropped"] += 1
        elif kind == "features" or _is_first(event, seen, logs.counts):
            (logs.features if kind == "features" else logs.predictions).append(event)
            logs.counts["events_late", "staged"] += not event.on_time
    if watermark is not None:
        logs.watermarks[key] = watermark


def _is_first(event: Event, seen: dict[tuple[str, str], Event], counts: Counter[tuple[str, ...]]) -> bool:
    """The lowest offset of an id wins; copies of it stand in one partition."""
    first = seen.setdefault((event.model, event.id), event)
    if first is event:
        return True
    counts["duplicate",] += 1
    counts["conflict",] += first.answer != event.answer
    return False


def _usable(setup: Setup, record: Record, kind: str) -> tuple[dict[str, Any], int]:
    if not record.value or not record.value.strip():
        raise Unusable("empty")
    try:
        data = json.loads(record.value.decode(), parse_constant=_no_json)
    except UnicodeDecodeError as error:
        raise Unusable("not_utf8") from error
    except ValueError as error:
        raise Unusable("not_json") from error
    if not isinstance(data, dict):
        raise Unusable("wrong_type")
    needed = {"predictions": ("prediction_id", "model"), "labels": ("prediction_id", "model")}
    if any(data.get(name) is None for name in needed.get(kind, ("model", "features"))):
        raise Unusable("missing_field")
    time = _time(data.get("time"), record.timestamp if kind == "labels" else None)
    if setup.max_future is not None and time > record.timestamp + setup.max_future:
        raise Unusable("future")
    return data, time


def _no_json(constant: str) -> None:
    raise ValueError(constant)


def _time(value: Any, otherwise: int | None) -> int:
    if value is None and otherwise is not None:
        return otherwise
    if value is None:
        raise Unusable("missing_field")
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError as error:
            raise Unusable("bad_time") from error
        if at.tzinfo is None:
            raise Unusable("bad_time")
        value = round(at.timestamp() * 1000)
    if value <= 0:
        raise Unusable("bad_time")
    return int(value)
