"""Offsets committed to the consumer group, for tools that show lag. The daemon never reads on from them.

One commit is under way at a time, and only the newest offsets are worth sending; a failure is counted, told
once in a row, and has no other effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from driftline.records import TopicPartition as Key

MARK = "driftline"
"""The metadata of our own commits: an offset without it was set by somebody else."""


@dataclass(slots=True)
class GroupOffsets:
    """What the group was told. ``done`` is librdkafka's ``on_commit``, called from within ``poll``."""

    failures: int = 0
    warnings: list[str] = field(default_factory=list)
    _told: dict[Key, int] = field(default_factory=dict)
    _sent: dict[Key, int] = field(default_factory=dict)
    _failing: bool = False

    def tell(self, consumer: Consumer, positions: Mapping[Key, int]) -> None:
        """Send what changed, without waiting; nothing while an earlier commit is under way."""
        changed = {key: at for key, at in positions.items() if self._told.get(key) != at}
        if self._sent or not changed:
            return
        offsets = [TopicPartition(*key, at, MARK) for key, at in changed.items()]
        self._sent = changed
        try:
            consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self._failed(error.args[0])

    def done(self, error: KafkaError | None, partitions: Sequence[TopicPartition]) -> None:
        """How the commit under way ended."""
        error = error or next((tp.error for tp in partitions if tp.error is not None), None)
        if error is not None:
            self._failed(error)
            return
        self._told.update(self._sent)
        self._sent, self._failing = {}, False

    def _failed(self, error: KafkaError) -> None:
        self.failures += 1
        self._sent = {}
        if not self._failing:
            self.warnings.append(
                f"the group's offsets were not committed: {error.str()}; only tools that show lag read them"
            )
        self._failing = True


def foreign(stored: Mapping[Key, int], found: Mapping[Key, tuple[int, str]]) -> list[str]:
    """Warnings of offsets that somebody else set. ``found``: (offset, metadata) of each partition."""
    return [
        f"somebody set the group's offset of {key[0]}[{key[1]}] to {offset}; the state's own is {stored[key]}, and counts"
        for key, (offset, metadata) in sorted(found.items())
        if key in stored and offset >= 0 and offset != stored[key] and metadata != MARK
    ]
