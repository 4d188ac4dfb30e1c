"""Partition watermarks and effective times: a function of each partition's log alone.

A partition watermark w is the running maximum of ``time - out_of_orderness``; it moves per record,
never per batch, so no result depends on how a log was cut into batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass

import numpy as np

from driftline.records import Bools, Codes32, Ints, TopicPartition

UNSET_MS = -(1 << 62)
"""The watermark of a partition that has shown no time yet."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """Effective time of each row, and the partition watermark just before it."""

    effective_ms: Ints
    before_ms: Ints


def in_future(time_ms: Ints, record_ms: Ints, max_future_ms: int | None) -> Bools:
    """Rows more than ``max_future`` ahead of their own record's timestamp (no wall clock in it)."""
    if max_future_ms is None:
        return np.zeros(len(time_ms), np.bool_)
    return (record_ms >= 0) & (time_ms > record_ms + max_future_ms)


def stamp(
    time_ms: Ints,
    source: Codes32,
    sources: tuple[TopicPartition, ...],
    watermarks: MutableMapping[TopicPartition, int],
    out_of_orderness_ms: int,
) -> Stamps:
    """Effective times ``max(time, w before)``; ``watermarks`` is moved on to the end of the rows."""
    effective_ms = np.empty_like(time_ms)
    before_ms = np.empty_like(time_ms)
    for index, key in enumerate(sources):
        rows = slice(None) if len(sources) == 1 else np.flatnonzero(source == index)
        times = time_ms[rows]
        if not len(times):
            continue
        marks = np.empty(len(times) + 1, np.int64)
        marks[0] = watermarks.get(key, UNSET_MS)
        marks[1:] = times - out_of_orderness_ms
        np.maximum.accumulate(marks, out=marks)
        before_ms[rows] = marks[:-1]
        effective_ms[rows] = np.maximum(times, marks[:-1])
        watermarks[key] = int(marks[-1])
    return Stamps(effective_ms, before_ms)


def stream_watermark(
    watermarks: Mapping[TopicPartition, int], idle: Iterable[TopicPartition], current_ms: int
) -> int:
    """W: the least watermark of the partitions that are not idle; of all idle ones, the greatest."""
    resting = frozenset(idle)
    awake = [mark for key, mark in watermarks.items() if key not in resting]
    candidate = min(awake) if awake else max(watermarks.values(), default=UNSET_MS)
    return max(current_ms, candidate)
