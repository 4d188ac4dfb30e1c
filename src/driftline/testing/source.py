"""Partitions in memory: a source whose log a test writes, cuts and deletes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from driftline.ports import Loss, PartitionStatus
from driftline.records import Headers, Kind, RawBatch, TopicPartition
from driftline.sources.batches import Piece, gather
from driftline.sources.offsets import loss_reason


class Record(NamedTuple):
    """One record of a partition's log."""

    key: TopicPartition
    offset: int
    timestamp_ms: int
    value: bytes | None
    headers: Headers | None = None


@dataclass(slots=True)
class _Log:
    kind: Kind
    records: list[Record] = field(default_factory=list)
    low: int = 0
    high: int = 0


class FakeSource:
    """The fake of ``ports.Source``: what ``append`` wrote is read, from offset 0 unless ``open`` tells."""

    def __init__(self, topics: Mapping[str, Kind], partitions: int = 1) -> None:
        self._topics = dict(topics)
        self._logs: dict[TopicPartition, _Log] = {}
        self._positions: dict[TopicPartition, int] = {}
        self._stored: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._ids = {topic: f"id-of-{topic}" for topic in topics}
        self._known_ids: dict[str, str] = {}
        self._up = True
        self.reported: dict[TopicPartition, int] = {}
        self.report_failures = 0
        self.told: list[str] = []
        for topic in topics:
            self.grow(topic, partitions)

    # -- what a test does ----------------------------------------------------------------------------

    def append(
        self, topic: str, partition: int, value: bytes | None,
        timestamp_ms: int = -1, headers: Headers | None = None,
    ) -> int:  # fmt: skip
        """Write a record; returns its offset."""
        log = self._logs[topic, partition]
        record = Record((topic, partition), log.high, timestamp_ms, value, headers)
        log.records.append(record)
        log.high += 1
        return record.offset

    def grow(self, topic: str, partitions: int) -> None:
        """Let the topic have at least so many partitions."""
        for partition in range(partitions):
            self._logs.setdefault((topic, partition), _Log(self._topics[topic]))

    def trim(self, topic: str, partition: int, low: int) -> None:
        """Retention deletes what is below ``low``."""
        log = self._logs[topic, partition]
        log.records = [r for r in log.records if r.offset >= low]
        log.low, log.high = low, max(log.high, low)

    def recreate(self, topic: str) -> None:
        """Delete the topic and make it anew, under another id and empty."""
        self._ids[topic] += "'"
        for key, log in self._logs.items():
            if key[0] == topic:
                self._logs[key] = _Log(log.kind)

    def set_up(self, *, up: bool) -> None:
        """Let the source be reachable or not."""
        self._up = up

    # -- the port ------------------------------------------------------------------------------------

    @property
    def up(self) -> bool:
        """Whether the source can be reached."""
        return self._up

    def open(
        self, positions: Mapping[TopicPartition, int], topic_ids: Mapping[str, str] | None = None
    ) -> None:
        """Begin at the next offsets given."""
        self._stored = dict(positions)
        self._known_ids = dict(self._ids) | {t: i for t, i in (topic_ids or {}).items() if i}
        self.refresh()

    def poll(self, timeout_s: float, max_records: int) -> list[RawBatch]:
        """At most ``max_records``; a lost partition is not read."""
        del timeout_s
        lost = {(loss.topic, loss.partition) for loss in self.verify()}
        records: list[Record] = []
        for key, position in self._positions.items():
            if self._up and key not in self._paused and key not in lost:
                found = [r for r in self._logs[key].records if r.offset >= position]
                records += found[: max_records - len(records)]
        self._positions.update({r.key: r.offset + 1 for r in records})
        return gather([_piece(r) for r in records], self._topics)

    def partitions(self) -> list[PartitionStatus]:
        """The status of every known partition."""
        return [
            PartitionStatus(*key, position, log.high, log.low, position >= log.high)
            for key, position in self._positions.items()
            for log in [self._logs[key]]
        ]

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Read nothing of these."""
        self._paused.update(partitions)

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Read on."""
        self._paused.difference_update(partitions)

    def refresh(self) -> list[TopicPartition]:
        """Take up partitions that appeared."""
        new = [key for key in self._logs if key not in self._positions]
        self._positions.update({key: self._stored.get(key, self._logs[key].low) for key in new})
        return new

    def verify(self) -> list[Loss]:
        """What was lost."""
        return [loss for key in self._positions if (loss := self._loss(key))]

    def skip(self, losses: Collection[Loss]) -> Mapping[TopicPartition, int]:
        """Give lost records up: read on from the first that is there."""
        fresh = {(x.topic, x.partition): self._logs[x.topic, x.partition].low for x in losses}
        self._positions.update(fresh)
        return fresh

    def report(self, positions: Mapping[TopicPartition, int]) -> None:
        """What tools that show lag would see."""
        self.reported.update(positions)

    def warnings(self) -> list[str]:
        """The texts that a test put into ``told``."""
        told, self.told = self.told, []
        return told

    def topic_ids(self) -> Mapping[str, str]:
        """The identity of each topic."""
        return dict(self._ids)

    def close(self) -> None:
        """Nothing to let go of."""

    def _loss(self, key: TopicPartition) -> Loss | None:
        position, log = self._positions[key], self._logs[key]
        why = loss_reason(position, log.low, log.high)
        if self._known_ids.get(key[0], self._ids[key[0]]) != self._ids[key[0]]:
            why = "the topic was deleted and made anew"
        return Loss(*key, position, log.low, log.high, why) if why else None


def _piece(record: Record) -> Piece:
    headers = None if record.headers is None else [record.headers]
    offset, stamp = np.array([record.offset], np.int64), np.array([record.timestamp_ms], np.int64)
    return record.key, offset, stamp, [record.value], headers
