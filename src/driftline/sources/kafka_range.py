"""A stretch of Kafka, read once: fixed offsets of each partition, and then the end.

Nothing is committed and no group is joined. Ends are those that a reader of committed records can reach.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, Message, TopicPartition

from driftline.errors import DataLoss, DriftlineError, UsageError
from driftline.ports import PartitionStatus
from driftline.records import Kind, RawBatch
from driftline.records import TopicPartition as Key
from driftline.sources.asking import Cluster
from driftline.sources.messages import batches, split

POLL_S = 1.0
PATIENCE_S = 60.0
"""Without a record for so long while some are still due, the broker is taken as gone."""


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Records ``first`` to ``last`` of a partition, both included."""

    topic: str
    partition: int
    first: int
    last: int

    @property
    def key(self) -> Key:
        """(topic, partition)."""
        return self.topic, self.partition


class KafkaRange:
    """Records of a stream's topics between fixed offsets.

    Parameters
    ----------
    topics
        Topic: the kind of its events.
    ranges
        None: all that is there when the source is made.

    Raises
    ------
    UsageError
        librdkafka does not take ``properties``; a topic, partition or offset is not there.
    DataLoss
        The first offset asked for is no longer there.
    SourceRefused
        The broker refuses for good.
    DriftlineError
        The broker cannot be reached.
    """

    def __init__(
        self, *, bootstrap_servers: str, topics: Mapping[str, Kind], properties: Mapping[str, Any] | None = None,
        ranges: Collection[OffsetRange] | None = None,
    ) -> None:  # fmt: skip
        self._topics = dict(topics)
        self._cluster = Cluster(bootstrap_servers, "driftline-replay", properties)
        self._consumer = self._cluster.consumer
        try:
            wanted = self._everything() if ranges is None else self._checked(ranges)
        except BaseException:
            self._cluster.close()
            raise
        self._ends = {r.key: r.last + 1 for r in wanted}
        self._positions = {r.key: r.first for r in wanted}
        self._due = {r.key for r in wanted if r.first <= r.last}
        self._held: set[Key] = set()
        self._waited_s = 0.0
        self._consumer.assign([TopicPartition(*key, self._positions[key]) for key in sorted(self._due)])

    def poll(self, timeout_s: float, max_records: int) -> list[RawBatch]:  # noqa: ARG002
        """The next records, as they come; nothing when all have been read but those that are held back."""
        while self._due - self._held:
            messages = self._consumer.consume(1, POLL_S)
            messages += self._consumer.consume(max_records - 1, 0) if messages and max_records > 1 else []
            records, events = split(messages)
            self._patience(records)
            made = batches(kept, self._topics) if (kept := self._inside(records)) else []
            for event in events:  # after the records: the end of a partition can come with the last of them
                self._on_event(event)
            self._leave()
            if made:
                return made
        return []

    @property
    def due(self) -> frozenset[Key]:
        """Partitions that have not been read to their end."""
        return frozenset(self._due)

    def hold_back(self, keys: Collection[Key]) -> None:
        """Read these later, and all others now; what was fetched ahead of them is thrown away."""
        wanted = self._due & set(keys)
        fresh, back = wanted - self._held, (self._held & self._due) - wanted
        self._held = wanted
        if fresh:
            self._consumer.incremental_unassign([TopicPartition(*key) for key in sorted(fresh)])
        if back:
            self._consumer.incremental_assign([TopicPartition(*k, self._positions[k]) for k in sorted(back)])

    @property
    def held(self) -> frozenset[Key]:
        """Partitions that are read later."""
        return frozenset(self._held)

    def partitions(self) -> list[PartitionStatus]:
        """All that have a range."""
        return [
            PartitionStatus(*key, position, self._ends[key], None, key not in self._due)
            for key, position in self._positions.items()
        ]

    @staticmethod
    def where(topic: str, partition: int, offset: int) -> str:
        """A record's place: ``labels[0] offset 12``."""
        return f"{topic}[{partition}] offset {offset}"

    def close(self) -> None:
        """Let go."""
        self._cluster.close()

    # -- reading -------------------------------------------------------------------------------------

    def _inside(self, records: Iterable[Message]) -> list[Message]:
        """Records before their partition's end; one at or after it says that the partition has been read."""
        kept = []
        for message in records:
            key = (str(message.topic()), int(message.partition() or 0))
            offset = int(message.offset() or 0)
            if key not in self._due - self._held or offset < self._positions[key]:
                continue
            if offset < self._ends[key]:
                kept.append(message)
            self._positions[key] = min(offset + 1, self._ends[key])
        return kept

    def _on_event(self, message: Message) -> None:
        error = message.error()
        if error is None:
            return
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes are public
            key = (str(message.topic()), int(message.partition() or 0))
            if key in self._due - self._held:
                self._positions[key] = max(
                    self._positions[key], min(int(message.offset() or 0), self._ends[key])
                )
        elif error.code() in {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001
            where = f"{message.topic()}[{message.partition()}]"
            raise DataLoss(f"{where}: records were deleted while they were read: {error.str()}")
        else:
            self._cluster.note(error)

    def _leave(self) -> None:
        """Stop fetching from partitions that have been read."""
        read = {key for key in self._due - self._held if self._positions[key] >= self._ends[key]}
        if read:
            self._due -= read
            self._consumer.incremental_unassign([TopicPartition(*key) for key in sorted(read)])

    def _patience(self, records: Collection[Message]) -> None:
        self._cluster.check()
        self._waited_s = 0.0 if records else self._waited_s + POLL_S
        if self._waited_s > PATIENCE_S:
            open_ = ", ".join(
                f"{t}[{p}] at {self._positions[t, p]} of {self._ends[t, p]}" for t, p in sorted(self._due)
            )
            raise DriftlineError(f"Kafka sends nothing for {PATIENCE_S:.0f} s, with records due: {open_}")

    # -- what is there -------------------------------------------------------------------------------

    def _everything(self) -> list[OffsetRange]:
        return [
            OffsetRange(*key, low, high - 1)
            for topic, there in self._cluster.partitions(self._topics).items()
            for key in ((topic, p) for p in there)
            for low, high in [self._cluster.marks(key)]
        ]

    def _checked(self, ranges: Collection[OffsetRange]) -> list[OffsetRange]:
        there = self._cluster.partitions(r.topic for r in ranges)
        for r in ranges:
            where = f"{r.topic}[{r.partition}]"
            if r.partition not in there[r.topic]:
                known = f"0 to {max(there[r.topic])}" if there[r.topic] else "none"
                raise UsageError(f"{where}: there is no such partition; there are {known}")
            low, high = self._cluster.marks(r.key)
            if r.first < low:
                raise DataLoss(
                    f"{where}: offset {r.first} is no longer there; the oldest that is left is {low}"
                )
            if r.last >= high:
                raise UsageError(f"{where}: offset {r.last} is not there yet; the newest is {high - 1}")
        return list(ranges)
