"""Kafka as a source: one consumer a stream, own offsets, own discovery, no consumer group.

It never commits and never resets an offset; where reading cannot go on, ``verify`` says what was lost.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from driftline.errors import SourceRefused, UsageError
from driftline.ports import Loss, PartitionStatus
from driftline.records import Kind, RawBatch
from driftline.records import TopicPartition as Key
from driftline.sources.discovery import Discovery, Picture, refusal
from driftline.sources.messages import batches, next_offsets, split
from driftline.sources.offsets import UNKNOWN_OFFSET, loss_reason

OWNED: Mapping[str, Any] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "allow.auto.create.topics": False,
}
"""What the daemon must own; the configuration refuses them in ``properties``."""
CONSUME_MOST = 10_000
OPEN_WAIT_S = 6.0
DISCOVERY_S = 2.0
GONE_AFTER = 2
"""A topic is gone when so many looks in a row did not find it: one may be from a broker just starting."""


class KafkaSource:
    """The topics of one stream.

    Parameters
    ----------
    start
        For a partition never read before and there at the start: ``earliest``, ``latest``, or epoch
        milliseconds. One that appears later is read from its first record.
    topics
        Topic: the kind of its events. A topic that is missing is waited for.

    Raises
    ------
    UsageError
        librdkafka does not take ``properties``.
    SourceRefused
        From ``poll`` and ``refresh``: the broker refuses for good.
    """

    def __init__(
        self, *, bootstrap_servers: str, topics: Mapping[str, Kind], group_id: str = "driftline",
        properties: Mapping[str, Any] | None = None, start: str | int = "earliest",
        discovery_s: float = DISCOVERY_S,
    ) -> None:  # fmt: skip
        self._settings: dict[str, Any] = {
            **(properties or {}), "bootstrap.servers": bootstrap_servers, "group.id": group_id, **OWNED,
        }  # fmt: skip
        self._topics = dict(topics)
        self._start = start
        self._discovery_s = discovery_s
        self._stored: dict[Key, int] = {}
        self._positions: dict[Key, int] = {}
        self._lost: dict[Key, Loss] = {}
        self._paused: set[Key] = set()
        self._ids: dict[str, str] = {}
        self._missed: dict[str, int] = {}
        self._applied = 0
        self._began = False
        self._reachable = True
        self._refused: str | None = None
        try:
            self._consumer = Consumer({**self._settings, "error_cb": self._note, "log_level": 0})
            self._discovery: Discovery | None = None
        except (KafkaException, ValueError, TypeError) as error:
            raise UsageError(f"kafka.properties: {error}") from error

    @property
    def up(self) -> bool:
        """The last look found the cluster, and not all brokers have gone since."""
        return self._reachable and self._discovery is not None and self._discovery.up

    def open(self, positions: Mapping[Key, int], topic_ids: Mapping[str, str] | None = None) -> None:
        """Begin. Waits at most ``OPEN_WAIT_S`` for the cluster; then ``refresh`` takes up what comes."""
        self._stored = dict(positions)
        self._ids = {topic: name for topic, name in (topic_ids or {}).items() if name}
        self._discovery = Discovery(self._settings, self._topics, self._copy, self._discovery_s)
        self._discovery.wait(OPEN_WAIT_S)
        self.refresh()

    def poll(self, timeout_s: float, max_records: int) -> list[RawBatch]:
        """Wait for the first record only, then take what is there."""
        first = self._consumer.poll(timeout_s)
        self._raise_refused()
        if first is None:
            return []
        room = min(CONSUME_MOST, max_records - 1)
        more = self._consumer.consume(room, 0) if room > 0 else []
        records, events = split([first, *more])
        for event in events:
            self._on_event(event)
        return self._take(records) if records else []

    def partitions(self) -> list[PartitionStatus]:
        """Of all partitions read so far, paused and lost ones too."""
        return [self._status(key, position) for key, position in self._positions.items()]

    def pause(self, partitions: Collection[Key]) -> None:
        """Unassign: what was fetched ahead is thrown away."""
        known = [k for k in partitions if k in self._positions.keys() - self._paused - self._lost.keys()]
        self._paused.update(k for k in partitions if k in self._positions)
        self._leave(known)

    def resume(self, partitions: Collection[Key]) -> None:
        """Assign again, at our own positions."""
        back = [k for k in partitions if k in self._paused]
        self._paused.difference_update(back)
        self._assign({k: self._positions[k] for k in back if k not in self._lost})

    def refresh(self) -> list[Key]:
        """Take up what the newest look found, without waiting for a look."""
        self._raise_refused()
        picture = self._discovery.picture if self._discovery else None
        if picture is None or picture.number == self._applied:
            return []
        self._applied = picture.number
        self._reachable = True
        self._compare(picture)
        return self._take_up(picture)

    def verify(self) -> list[Loss]:
        """All losses known; each stays until the source is opened anew. Lost partitions are not read."""
        self._lose(self._absent())
        return list(self._lost.values())

    def skip(self, losses: Collection[Loss]) -> dict[Key, int]:
        """Give lost records up: read on from the first that is there. Returns the new positions."""
        picture = self._discovery.picture if self._discovery else None
        fresh = {}
        for loss in losses:
            key = (loss.topic, loss.partition)
            if key not in self._lost or picture is None or key not in picture.watermarks:
                continue
            fresh[key] = picture.watermarks[key][0]
            self._ids[loss.topic] = picture.topic_ids.get(loss.topic, self._ids.get(loss.topic, ""))
            del self._lost[key]
        self._positions.update(fresh)
        self._assign({k: p for k, p in fresh.items() if k not in self._paused})
        return fresh

    def topic_ids(self) -> Mapping[str, str]:
        """Topic: its id, empty where the broker tells none."""
        return dict(self._ids)

    def close(self) -> None:
        """Close both clients."""
        if self._discovery is not None:
            self._discovery.close()
        self._consumer.close()

    # -- records -------------------------------------------------------------------------------------

    def _take(self, records: Sequence[Message]) -> list[RawBatch]:
        self._reachable = True
        made = batches(records, self._topics)
        for batch in made:
            self._positions.update(next_offsets(batch))
        return made

    def _on_event(self, message: Message) -> None:
        error = message.error()
        topic, partition = message.topic(), message.partition()
        if error is None or topic is None or partition is None:
            return
        key, code = (topic, partition), error.code()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes are public
            self._positions[key] = max(self._positions.get(key, 0), message.offset() or 0)
        elif code in {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001
            self._out_of_range(key, str(error.str()))
        else:
            self._note(error)

    def _out_of_range(self, key: Key, why: str) -> None:
        low, high = self._marks(key)
        position = self._positions.get(key, UNKNOWN_OFFSET)
        self._lose([Loss(*key, position, low, high, loss_reason(position, low, high) or why)])
        if self._discovery is not None:
            self._discovery.ask()

    # -- partitions ----------------------------------------------------------------------------------

    def _take_up(self, picture: Picture) -> list[Key]:
        new = {k: marks for k, marks in picture.watermarks.items() if k not in self._positions}
        starts = self._starts(new)
        self._positions.update(starts)
        losses = []
        for key, position in starts.items():
            if key in self._stored and (why := loss_reason(position, *new[key])):
                losses.append(Loss(*key, position, *new[key], why))
        self._lose(losses)
        fresh = {k: p if k in self._stored or p != new[k][0] else OFFSET_BEGINNING for k, p in starts.items()}
        self._assign({k: p for k, p in fresh.items() if k not in self._lost})
        self._began = True
        return list(starts)

    def _starts(self, new: Mapping[Key, tuple[int, int]]) -> dict[Key, int]:
        starts = {k: self._stored.get(k, low) for k, (low, _) in new.items()}
        unread = [k for k in new if k not in self._stored]
        if self._began or self._start == "earliest":
            return starts
        if self._start == "latest":
            return starts | {k: new[k][1] for k in unread}
        try:
            found = self._discovery.start_offsets(unread, int(self._start)) if self._discovery else {}
        except KafkaException:
            found = {}
        starts |= {k: offset if offset >= 0 else new[k][1] for k, offset in found.items()}
        return {k: v for k, v in starts.items() if k in self._stored or k in found}

    def _assign(self, offsets: Mapping[Key, int]) -> None:
        if offsets:
            self._consumer.incremental_assign([TopicPartition(*k, o) for k, o in offsets.items()])

    def _leave(self, keys: Iterable[Key]) -> None:
        leaving = [TopicPartition(*key) for key in keys]
        if leaving:
            self._consumer.incremental_unassign(leaving)

    # -- losses --------------------------------------------------------------------------------------

    def _compare(self, picture: Picture) -> None:
        """Against what the look saw: positions of when it began, and the topics' ids."""
        losses = [
            Loss(*key, position, low, high, why)
            for key, position in picture.asked_at.items()
            if key in picture.watermarks
            for low, high in [picture.watermarks[key]]
            if (why := loss_reason(self._settled(key, position, low), low, high))
        ]
        for topic, name in picture.topic_ids.items():
            if self._ids.setdefault(topic, name) != name:
                losses += self._of_topic(topic, picture, "the topic was deleted and made anew")
        known = {topic for topic, _ in (*self._positions, *self._stored)} & self._topics.keys()
        self._missed = {t: self._missed.get(t, 0) + 1 for t in known - picture.topics}
        self._lose(losses)

    def _settled(self, key: Key, position: int, low: int) -> int:
        """Records fetched before they were deleted count as read when they were."""
        return max(position, min(self._positions[key], low))

    def _of_topic(self, topic: str, picture: Picture, why: str) -> list[Loss]:
        keys = {k for k in (*self._positions, *self._stored) if k[0] == topic}
        unknown = (UNKNOWN_OFFSET, UNKNOWN_OFFSET)
        positions = {**self._stored, **self._positions}
        return [Loss(*k, positions[k], *picture.watermarks.get(k, unknown), why) for k in sorted(keys)]

    def _absent(self) -> list[Loss]:
        gone = {t for t, count in self._missed.items() if count >= GONE_AFTER}
        positions = {**self._stored, **self._positions}
        why = "the topic is gone"
        return [
            Loss(*k, p, UNKNOWN_OFFSET, UNKNOWN_OFFSET, why) for k, p in positions.items() if k[0] in gone
        ]

    def _lose(self, losses: Iterable[Loss]) -> None:
        for loss in losses:
            key = (loss.topic, loss.partition)
            if key in self._lost:
                continue
            self._lost[key] = loss
            if key in self._positions and key not in self._paused and self._assigned(key):
                self._leave([key])

    def _assigned(self, key: Key) -> bool:
        return any((tp.topic, tp.partition) == key for tp in self._consumer.assignment())

    # -- what is known -------------------------------------------------------------------------------

    def _status(self, key: Key, position: int) -> PartitionStatus:
        low, high = self._marks(key)
        at_end = high != UNKNOWN_OFFSET and position >= high and key not in self._lost
        return PartitionStatus(*key, position, _known(high), _known(low), at_end)

    def _marks(self, key: Key) -> tuple[int, int]:
        """(low, high): the newer of the last look and what came with the records."""
        picture = self._discovery.picture if self._discovery else None
        low, high = (picture.watermarks if picture else {}).get(key, (UNKNOWN_OFFSET, UNKNOWN_OFFSET))
        if key in self._paused or key in self._lost:
            return low, high
        cached = self._consumer.get_watermark_offsets(TopicPartition(*key), cached=True)
        return low, max(high, cached[1] if cached else UNKNOWN_OFFSET)

    def _copy(self) -> dict[Key, int]:
        return self._positions.copy()

    def _note(self, error: KafkaError) -> None:
        self._refused = self._refused or refusal(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._reachable = False

    def _raise_refused(self) -> None:
        why = self._refused or (self._discovery.refused if self._discovery else None)
        if why:
            raise SourceRefused(f"Kafka refuses for good: {why}")


def _known(offset: int) -> int | None:
    return None if offset == UNKNOWN_OFFSET else offset
