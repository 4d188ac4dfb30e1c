"""One look at the cluster, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from driftline.records import TopicPartition


@dataclass(frozen=True, slots=True)
class Picture:
    """One look at the cluster. ``asked_at`` are the reader's positions when the look began."""

    number: int
    watermarks: Mapping[TopicPartition, tuple[int, int]]
    """(low, high) of each partition; those that could not be asked are left out."""
    topics: frozenset[str]
    """Those of the wanted topics that exist."""
    partitions: frozenset[TopicPartition] = frozenset()
    """All partitions of these topics, also those whose watermarks could not be asked."""
    topic_ids: Mapping[str, str] = field(default_factory=dict)
    asked_at: Mapping[TopicPartition, int] = field(default_factory=dict)
    begun_s: float = 0.0
    """When the look began, on the clock that never runs backwards."""
