"""From librdkafka's messages to batches of columns, with a step in Python a run of messages, not a message.

A run is a stretch of messages of one partition: a fetch hands over hundreds at once. In a run whose first and
last offset are as far apart as it is long, every offset is known without asking the messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, pairwise
from operator import itemgetter
from typing import Any

import numpy as np
from confluent_kafka import Message

from driftline.records import Codes32, Headers, Ints, Kind, RawBatch, TopicPartition

_stamp = itemgetter(1)


@dataclass(frozen=True, slots=True)
class Run:
    """Messages ``start`` to ``stop`` (exclusive) of a list: all of one partition."""

    key: TopicPartition
    start: int
    stop: int


def split(messages: Sequence[Message]) -> tuple[Sequence[Message], list[Message]]:
    """(records, events): events carry an error, such as the end of a partition."""
    if not any(map(Message.error, messages)):
        return messages, []
    records = [m for m in messages if m.error() is None]
    return records, [m for m in messages if m.error() is not None]


def batches(records: Sequence[Message], topics: Mapping[str, Kind]) -> list[RawBatch]:
    """One batch a kind; ``records`` have no errors and stand in offset order within a partition."""
    runs = runs_of(records)
    kinds = [topics[run.key[0]] for run in runs]
    made = []
    for kind in Kind:
        mine = [run for run, of in zip(runs, kinds, strict=True) if of is kind]
        if mine:
            made.append(_batch(kind, mine, records if len(mine) == len(runs) else _of(mine, records)))
    return made


def next_offsets(batch: RawBatch) -> dict[TopicPartition, int]:
    """Where each partition of the batch is read on: behind its last record."""
    ends = np.append(np.flatnonzero(np.diff(batch.source)), len(batch) - 1)
    codes, offsets = batch.source[ends].tolist(), batch.offsets[ends].tolist()
    return {batch.sources[code]: offset + 1 for code, offset in zip(codes, offsets, strict=True)}


def runs_of(records: Sequence[Message]) -> list[Run]:
    """The longest stretches of one partition, in order."""
    count = len(records)
    partitions = np.fromiter(map(Message.partition, records), np.int32, count)
    bounds = [0, *(np.flatnonzero(np.diff(partitions)) + 1).tolist(), count]
    names: list[Any] = list(map(Message.topic, records))
    runs = []
    for start, stop in pairwise(bounds):
        partition = int(partitions[start])
        for name, at, end in _same_name(names, start, stop):
            runs.append(Run((name, partition), at, end))
    return runs


def _same_name(names: list[str], start: int, stop: int) -> Iterable[tuple[str, int, int]]:
    """Two topics can follow each other with the same partition number."""
    stretch = names[start:stop]
    if stretch.count(stretch[0]) == len(stretch):
        return [(stretch[0], start, stop)]
    found = []
    for name, group in groupby(stretch):
        end = start + sum(1 for _ in group)
        found.append((name, start, end))
        start = end
    return found


def _of(runs: list[Run], records: Sequence[Message]) -> list[Message]:
    return list(chain.from_iterable(records[run.start : run.stop] for run in runs))


def _batch(kind: Kind, runs: list[Run], records: Sequence[Message]) -> RawBatch:
    """``records`` are those of the runs, one run after the other."""
    sources = tuple(dict.fromkeys(run.key for run in runs))
    code = {key: i for i, key in enumerate(sources)}
    lengths = np.array([run.stop - run.start for run in runs], np.int64)
    codes = np.array([code[run.key] for run in runs], np.int32)
    count = len(records)
    source: Codes32 = np.repeat(codes, lengths)
    stamps = np.fromiter(map(_stamp, map(Message.timestamp, records)), np.int64, count)
    values = list(map(Message.value, records))
    return RawBatch(kind, sources, source, _offsets(records, lengths), stamps, values, _headers(records))


def _offsets(records: Sequence[Message], lengths: Ints) -> Ints:
    """The offsets, asked of each run's first and last message; of all where a run has a gap.

    Offsets of a partition rise strictly, so a run as long as its offsets are apart leaves no choice.
    """
    stops = np.cumsum(lengths)
    starts = stops - lengths
    firsts = _asked(records, starts)
    lasts = _asked(records, stops - 1)
    if np.array_equal(lasts - firsts, lengths - 1):
        return np.repeat(firsts - starts, lengths) + np.arange(len(records))
    return np.fromiter(map(Message.offset, records), np.int64, len(records))


def _asked(records: Sequence[Message], rows: Ints) -> Ints:
    found: Iterable[Any] = (records[row].offset() for row in rows.tolist())
    return np.fromiter(found, np.int64, len(rows))


def _headers(records: Sequence[Message]) -> list[Headers | None] | None:
    try:
        if not any(map(Message.headers, records)):
            return None
        return list(map(Message.headers, records))  # type: ignore[arg-type]
    except ValueError:
        return [_readable(m) for m in records]


def _readable(message: Message) -> Any:
    """Headers whose names are no UTF-8 are as none: the value is still the record."""
    try:
        return message.headers()
    except ValueError:
        return None
