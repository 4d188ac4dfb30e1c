"""What is known of each partition: where reading stands, what is paused, what is lost. No client, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from driftline.ports import Loss, PartitionStatus
from driftline.records import TopicPartition
from driftline.sources.offsets import GONE, RECREATED, UNKNOWN_OFFSET, Watermarks, of_topic, out_of_range
from driftline.sources.picture import Picture

GONE_AFTER = 2
"""A topic is gone when so many looks in a row did not find it: one may be from a broker just starting."""
GREW = (
    "topic {} has more partitions than before: copies of one prediction id may now stand in two,"
    " and the last word among them is the order of reading"
)


@dataclass(slots=True)
class Ledger:
    """The partitions of a stream's topics."""

    topics: Collection[str]
    stored: dict[TopicPartition, int] = field(default_factory=dict)
    """Where the state says that reading stands: the truth at the start."""
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    """Where it stands now, of partitions that were found."""
    lost: dict[TopicPartition, Loss] = field(default_factory=dict)
    paused: set[TopicPartition] = field(default_factory=set)
    ids: dict[str, str] = field(default_factory=dict)
    _missed: dict[str, int] = field(default_factory=dict)

    def open(self, stored: Mapping[TopicPartition, int], ids: Mapping[str, str]) -> None:
        """Begin where the state stands."""
        self.stored = dict(stored)
        self.ids = {topic: name for topic, name in ids.items() if name}

    def compare(self, picture: Picture) -> list[Loss]:
        """Losses against what a look saw: positions of when it began, and the topics' ids."""
        asked = {key: at for key, at in picture.asked_at.items() if key in picture.watermarks}
        settled = {key: self._settled(key, at, picture.watermarks[key][0]) for key, at in asked.items()}
        losses = out_of_range(settled, picture.watermarks)
        losses += self.compare_ids(picture.topic_ids, picture.watermarks)
        known = {topic for topic, _ in self._known} & set(self.topics)
        self._missed = {t: self._missed.get(t, 0) + 1 for t in known - picture.topics}
        return losses

    def compare_ids(self, ids: Mapping[str, str], watermarks: Watermarks) -> list[Loss]:
        """Everything of topics whose id is another by now; an id met for the first time is learned."""
        other = [topic for topic, name in ids.items() if self.ids.setdefault(topic, name) != name]
        return [loss for topic in other for loss in of_topic(topic, self._known, watermarks, RECREATED)]

    def absent(self) -> list[Loss]:
        """Everything of topics that are gone."""
        gone = sorted(topic for topic, count in self._missed.items() if count >= GONE_AFTER)
        return [loss for topic in gone for loss in of_topic(topic, self._known, {}, GONE)]

    def take_up(self, starts: Mapping[TopicPartition, int], picture: Picture) -> list[Loss]:
        """Read these partitions too; returns those of which the stored offset cannot be read on."""
        self.positions.update(starts)
        return out_of_range({k: p for k, p in starts.items() if k in self.stored}, picture.watermarks)

    def grown(self, fresh: Iterable[TopicPartition]) -> list[str]:
        """A warning for each topic that is read already and of which these partitions are new."""
        read = {topic for topic, _ in self.positions}
        return [GREW.format(topic) for topic in sorted({topic for topic, _ in fresh} & read)]

    def lose(self, losses: Iterable[Loss]) -> list[TopicPartition]:
        """Write losses down, the first of each partition; returns the partitions to leave."""
        leaving = []
        for loss in losses:
            key = (loss.topic, loss.partition)
            if self.reads(key):
                leaving.append(key)
            self.lost.setdefault(key, loss)
        return leaving

    def give_up(self, fresh: Mapping[TopicPartition, int], ids: Mapping[str, str]) -> list[TopicPartition]:
        """Forget the losses of these partitions and stand at the offsets given; returns those to read."""
        for key, position in fresh.items():
            del self.lost[key]
            self.positions[key] = position
            if name := ids.get(key[0]):
                self.ids[key[0]] = name
        return [key for key in fresh if key not in self.paused]

    def pause(self, partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
        """Returns the partitions to leave: those that are read."""
        fresh = [key for key in partitions if key in self.positions and key not in self.paused]
        self.paused.update(fresh)
        return [key for key in fresh if key not in self.lost]

    def resume(self, partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
        """Returns the partitions to read."""
        back = [key for key in partitions if key in self.paused]
        self.paused.difference_update(back)
        return [key for key in back if key not in self.lost]

    def reads(self, key: TopicPartition) -> bool:
        """Whether the partition is read now."""
        return key in self.positions and key not in self.paused and key not in self.lost

    def status(self, key: TopicPartition, low: int, high: int, *, fresh: bool) -> PartitionStatus:
        """Where reading stands against what the broker holds; a stale high watermark tells no end."""
        position = self.positions[key]
        at_end = fresh and high != UNKNOWN_OFFSET and position >= high and key not in self.lost
        return PartitionStatus(*key, position, _learned(high), _learned(low), at_end)

    @property
    def _known(self) -> dict[TopicPartition, int]:
        return {**self.stored, **self.positions}

    def _settled(self, key: TopicPartition, position: int, low: int) -> int:
        """Records fetched before they were deleted count as read when they were."""
        return max(position, min(self.positions[key], low))


def _learned(offset: int) -> int | None:
    return None if offset == UNKNOWN_OFFSET else offset
