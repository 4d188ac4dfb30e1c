"""When a partition must pause for its dead letters: too many that nobody took yet, or too many a second.

A decision only; who pauses is the application. Nothing is dropped: what was read is written, and no more is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from driftline.records import TopicPartition


@dataclass(frozen=True, slots=True)
class LetterLimits:
    """Per partition. A pause ends at half of what began it."""

    pending: int = 1_000
    """Dead letters that the dead-letter topic has not taken yet."""
    a_second: float = 100.0
    """Rate that may last; ``burst`` above it at once."""
    burst: int = 5_000


@dataclass(slots=True)
class Breaker:
    """Dead letters of one stream: ids under way, and a bucket a partition that leaks at the rate allowed."""

    limits: LetterLimits = LetterLimits()
    tripped: frozenset[TopicPartition] = frozenset()
    _pending: dict[str, TopicPartition] = field(default_factory=dict)
    _level: dict[TopicPartition, float] = field(default_factory=dict)
    _at_s: float | None = None

    def written(self, letters: Mapping[str, TopicPartition]) -> None:
        """New dead letters: id, and the partition of the event."""
        self._pending.update(letters)
        for key, count in Counter(letters.values()).items():
            self._level[key] = self._level.get(key, 0.0) + count

    def delivered(self, id_: str) -> None:
        """The topic has it; ids of other messages are none of ours."""
        self._pending.pop(id_, None)

    def step(self, now_s: float) -> frozenset[TopicPartition]:
        """The partitions that must pause now. ``now_s`` never runs backwards."""
        leaked = 0.0 if self._at_s is None else (now_s - self._at_s) * self.limits.a_second
        self._at_s = now_s
        self._level = {key: level - leaked for key, level in self._level.items() if level > leaked}
        waiting = Counter(self._pending.values())
        keys = self.tripped | self._level.keys() | waiting.keys()
        self.tripped = frozenset(key for key in keys if self._trips(key, waiting[key]))
        return self.tripped

    def _trips(self, key: TopicPartition, waiting: int) -> bool:
        share = 0.5 if key in self.tripped else 1.0
        level = self._level.get(key, 0.0)
        return waiting > self.limits.pending * share or level > self.limits.burst * share
