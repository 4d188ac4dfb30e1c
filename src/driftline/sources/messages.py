"""From librdkafka's messages to batches of columns, without a Python step a message where C can do it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from confluent_kafka import Message

from driftline.records import Headers, Kind, RawBatch

_stamp = itemgetter(1)


def split(messages: Sequence[Message]) -> tuple[list[Message], list[Message]]:
    """(records, events): events carry an error, such as the end of a partition."""
    errors = list(map(Message.error, messages))
    if not any(e is not None for e in errors):
        return list(messages), []
    pairs = list(zip(messages, errors, strict=True))
    return [m for m, e in pairs if e is None], [m for m, e in pairs if e is not None]


def batches(records: Sequence[Message], topics: Mapping[str, Kind]) -> list[RawBatch]:
    """One batch a kind; ``records`` have no errors and stand in offset order within a partition."""
    names: list[Any] = list(map(Message.topic, records))
    kinds = {topics[name] for name in dict.fromkeys(names)}
    if len(kinds) == 1:
        return [_batch(kinds.pop(), records, names)]
    made = []
    for kind in Kind:
        if kind in kinds:
            rows = [i for i, name in enumerate(names) if topics[name] is kind]
            made.append(_batch(kind, [records[i] for i in rows], [names[i] for i in rows]))
    return made


def _batch(kind: Kind, records: Sequence[Message], names: list[Any]) -> RawBatch:
    partitions: Iterable[Any] = map(Message.partition, records)
    keys = list(zip(names, partitions, strict=True))
    sources = tuple(dict.fromkeys(keys))
    code = {key: i for i, key in enumerate(sources)}
    count = len(records)
    return RawBatch(
        kind,
        sources,
        np.fromiter(map(code.__getitem__, keys), np.int32, count),
        np.fromiter(map(Message.offset, records), np.int64, count),
        np.fromiter(map(_stamp, map(Message.timestamp, records)), np.int64, count),
        list(map(Message.value, records)),
        _headers(records),
    )


def _headers(records: Sequence[Message]) -> list[Headers | None] | None:
    try:
        headers = list(map(Message.headers, records))
    except ValueError:
        headers = [_readable(m) for m in records]
    return headers if any(headers) else None  # type: ignore[return-value]


def _readable(message: Message) -> Any:
    """Headers whose names are no UTF-8 are as none: the value is still the record."""
    try:
        return message.headers()
    except ValueError:
        return None
