"""When an offset cannot be read on: the one rule of loss, for Kafka and the fake alike."""

from __future__ import annotations

from collections.abc import Mapping

from driftline.ports import Loss
from driftline.records import TopicPartition

UNKNOWN_OFFSET = -1
"""A watermark that was not learned yet."""
GONE = "the topic is gone"
RECREATED = "the topic was deleted and made anew"

Offsets = Mapping[TopicPartition, int]
Watermarks = Mapping[TopicPartition, tuple[int, int]]
"""(low, high) of each partition."""


def loss_reason(position: int, low: int, high: int) -> str | None:
    """Why a position cannot be read on; None: it can."""
    if position < low:
        return f"offset {position} is below the oldest record, {low}"
    if position > high:
        return f"offset {position} is above the end, {high}"
    return None


def out_of_range(positions: Offsets, watermarks: Watermarks) -> list[Loss]:
    """The positions that cannot be read on; a partition without known watermarks is not judged."""
    return [
        Loss(*key, position, *watermarks[key], why)
        for key, position in positions.items()
        if key in watermarks and (why := loss_reason(position, *watermarks[key]))
    ]


def of_topic(topic: str, positions: Offsets, watermarks: Watermarks, why: str) -> list[Loss]:
    """All partitions of a topic, for one reason."""
    unknown = (UNKNOWN_OFFSET, UNKNOWN_OFFSET)
    mine = sorted(key for key in positions if key[0] == topic)
    return [Loss(*key, positions[key], *watermarks.get(key, unknown), why) for key in mine]
