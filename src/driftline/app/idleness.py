"""Which partitions are idle: read to their end, and without a new record for a while of wall time."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field

from driftline.ports import PartitionStatus
from driftline.records import TopicPartition
from driftline.stamp.watermark import UNSET_MS

PROOF_S = 2.0
"""When one idle partition speaks again, the others prove once more for so long that they have nothing."""


@dataclass(slots=True)
class Idleness:
    """Since when each partition has been quiet. ``now_s`` is a clock that never runs backwards."""

    idle: frozenset[TopicPartition] = frozenset()
    _quiet: dict[TopicPartition, tuple[int, float]] = field(default_factory=dict)
    """Watermark, and since when it has stood there at the end of the partition."""
    _doubtful_until_s: float = 0.0

    def doubt(self, now_s: float) -> None:
        """An idle partition spoke: what was written to the others meanwhile may be just about to be seen.

        After a standstill of everything, one poll of the first partition could else carry W past records of the
        others that are there already.
        """
        self._doubtful_until_s = now_s + PROOF_S

    def look(
        self, partitions: Iterable[PartitionStatus], watermarks: MutableMapping[TopicPartition, int],
        idle_after_s: float, now_s: float, *, up: bool,
    ) -> None:  # fmt: skip
        """Decide anew. A partition that was never seen holds W where it stands."""
        idle = set()
        for status in partitions:
            key = (status.topic, status.partition)
            mark = watermarks.setdefault(key, UNSET_MS)
            known, since = self._quiet.get(key, (None, now_s))
            if known != mark or not status.at_end:
                self._quiet[key] = (mark, now_s)
            elif now_s - since >= idle_after_s and up and now_s >= self._doubtful_until_s:
                idle.add(key)
        self.idle = frozenset(idle)
