"""What the daemon needs of the outside world: a source, a publisher, a clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from driftline.records import Message, RawBatch, TopicPartition

UNKNOWN_OFFSET = -1


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """Where reading stands in one partition."""

    topic: str
    partition: int
    position: int
    high_watermark: int | None
    low_watermark: int | None
    at_end: bool
    """Everything that can be read now was read: position at the high watermark."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Records that were not read and are gone."""

    topic: str
    partition: int
    stored: int
    low: int
    high: int
    why: str


class Source(Protocol):
    """Records of a stream's topics, with their offsets."""

    @property
    def up(self) -> bool:
        """Whether the other side can be reached."""

    def open(
        self, positions: Mapping[TopicPartition, int], topic_ids: Mapping[str, str] | None = None
    ) -> None:
        """Start reading: stored positions first, new partitions from the configured start."""

    def poll(self, timeout_s: float, max_records: int) -> list[RawBatch]:
        """What came within the timeout: one batch per kind, each partition in offset order."""

    def partitions(self) -> list[PartitionStatus]:
        """All partitions that are read."""

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Stop fetching from partitions."""

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Go on fetching from paused partitions."""

    def refresh(self) -> list[TopicPartition]:
        """Look for new topics and partitions; they are read from now on."""

    def verify(self) -> list[Loss]:
        """Compare positions, and the topics' identity, with what the other side holds now.

        To be asked before a commit: without a loss, what was read so far may be committed.
        """

    def skip(self, losses: Collection[Loss]) -> Mapping[TopicPartition, int]:
        """Give lost records up; returns where each partition is read on from."""

    def report(self, positions: Mapping[TopicPartition, int]) -> None:
        """Tell tools that show lag where the committed state stands; never waits and never raises."""

    @property
    def report_failures(self) -> int:
        """How often they could not be told."""

    def warnings(self) -> list[str]:
        """What an operator should know, since the last call."""

    def topic_ids(self) -> Mapping[str, str]:
        """Identity of each topic, where the other side tells it."""

    def close(self) -> None:
        """Let go."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The fate of a published message."""

    id: str
    error: str | None = None


class Publisher(Protocol):
    """Sends messages; reports later."""

    def publish(self, messages: Sequence[Message]) -> None:
        """Hand messages over; never blocks for the network."""

    def poll(self) -> list[Delivery]:
        """Deliveries and failures since the last call."""

    def flush(self, timeout_s: float) -> int:
        """Wait for what is under way; returns how many are still open."""


class Clock(Protocol):
    """The wall clock."""

    def now_ms(self) -> int:
        """Epoch milliseconds."""
