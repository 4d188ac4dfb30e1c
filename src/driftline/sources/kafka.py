"""Kafka as a source: one consumer a stream, own offsets, own discovery, no membership of a group.

It never resets an offset; where reading cannot go on, ``verify`` says what was lost. The group is told offsets
for tools that show lag, and its own are never read on from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from driftline.errors import SourceRefused, UsageError
from driftline.ports import Loss, PartitionStatus
from driftline.records import Kind, RawBatch
from driftline.records import TopicPartition as Key
from driftline.sources import properties as props
from driftline.sources.discovery import IDS_S, Discovery, refusal
from driftline.sources.group import GroupOffsets, foreign
from driftline.sources.ledger import Ledger
from driftline.sources.messages import batches, next_offsets, split
from driftline.sources.offsets import UNKNOWN_OFFSET, loss_reason
from driftline.sources.picture import Picture
from driftline.sources.starts import starts
from driftline.sources.unreadable import CODES as UNREADABLE
from driftline.sources.unreadable import Failures, Probe, next_readable

CONSUME_MOST = 10_000
OPEN_WAIT_S = 6.0
DISCOVERY_S = 2.0


class KafkaSource:
    """The topics of one stream.

    Parameters
    ----------
    start
        For a partition never read before and there at the start: ``earliest``, ``latest``, or epoch
        milliseconds. One that appears later is read from its first record.
    discovery_s, ids_s
        Seconds between two looks at the cluster, and for one question about topic ids.
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
        discovery_s: float = DISCOVERY_S, ids_s: float = IDS_S,
    ) -> None:  # fmt: skip
        self._settings = props.consumer(bootstrap_servers, group_id, properties or {})
        self._topics = dict(topics)
        self._start = start
        self._discovery_s, self._ids_s = discovery_s, ids_s
        self._ledger = Ledger(self._topics.keys())
        self._failures = Failures()
        self._group = GroupOffsets()
        self._group_compared = False
        self._warnings: list[str] = []
        self._applied = 0
        self._there_at_first: frozenset[Key] | None = None
        self._reachable = True
        self._refused: str | None = None
        self._told: set[int] = set()
        """Codes of the errors that a warning has told of since Kafka answered last."""
        self._discovery: Discovery | None = None
        calls = {"error_cb": self._note, "on_commit": self._group.done}
        try:
            self._consumer = Consumer({**self._settings, **calls})
        except (KafkaException, ValueError, TypeError) as error:
            raise UsageError(f"kafka.properties: {error}") from error

    @property
    def up(self) -> bool:
        """The last look found the cluster, and not all brokers have gone since."""
        return self._reachable and self._discovery is not None and self._discovery.up

    def open(self, positions: Mapping[Key, int], topic_ids: Mapping[str, str] | None = None) -> None:
        """Begin. Waits at most ``OPEN_WAIT_S`` for the cluster; then ``refresh`` takes up what comes."""
        self._ledger.open(positions, topic_ids or {})
        known = self._ledger.positions
        self._discovery = Discovery(self._settings, self._topics, known.copy, self._discovery_s, self._ids_s)
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
        made = self._take(records) if records else []
        for event in (
            events
        ):  # after the records: the end of a partition, markers included, is behind the last of them
            self._on_event(event)
        return made

    def partitions(self) -> list[PartitionStatus]:
        """Of all partitions read so far, paused and lost ones too."""
        fresh = self.up and self._discovery is not None and self._discovery.fresh
        return [self._ledger.status(k, *self._marks(k), fresh=fresh) for k in self._ledger.positions]

    def pause(self, partitions: Collection[Key]) -> None:
        """Unassign: what was fetched ahead is thrown away."""
        self._leave(self._ledger.pause(partitions))

    def resume(self, partitions: Collection[Key]) -> None:
        """Assign again, at our own positions."""
        self._read(self._ledger.resume(partitions))

    def refresh(self) -> list[Key]:
        """Take up what the newest look found, without waiting for a look."""
        self._raise_refused()
        self._compare_group()
        picture = self._picture
        if picture is None or picture.number == self._applied:
            return []
        self._applied = picture.number
        self._reachable = True
        self._lose(self._ledger.compare(picture))
        return self._take_up(picture)

    def verify(self) -> list[Loss]:
        """All losses known; each stays until it is skipped. Lost partitions are not read.

        Asks for the topics' ids anew where the broker tells any, so that what was read before the call, and is
        committed after it, is known to be of the topics that the state means.
        """
        if self._discovery is not None:
            ids = self._discovery.ids_now({topic for topic, _ in self._ledger.positions})
            self._lose(self._ledger.compare_ids(ids, {}))
        self._lose(self._ledger.absent())
        return [loss for _, loss in sorted(self._ledger.lost.items())]

    def skip(self, losses: Collection[Loss]) -> dict[Key, int]:
        """Give lost records up: read on from the first that can be read. Returns the new positions.

        A topic that is gone stays lost until it is there again.
        """
        if (picture := self._picture) is None:
            return {}
        named = {(loss.topic, loss.partition): loss for loss in losses}
        fresh = {
            key: self._first_readable(loss, *picture.watermarks[key])
            for key, loss in named.items()
            if key in self._ledger.lost and key in picture.watermarks
        }
        self._read(self._ledger.give_up(fresh, picture.topic_ids))
        return fresh

    def report(self, positions: Mapping[Key, int]) -> None:
        """Tell the group; ``positions`` are those that are committed to the state."""
        if self._group_compared:
            found = self._ledger.positions
            self._group.tell(self._consumer, {key: at for key, at in positions.items() if key in found})

    def warnings(self) -> list[str]:
        """What somebody should know, since the last call."""
        told = [*self._warnings, *self._group.warnings]
        self._warnings, self._group.warnings = [], []
        return told

    @property
    def report_failures(self) -> int:
        """How often the group could not be told."""
        return self._group.failures

    def topic_ids(self) -> Mapping[str, str]:
        """Topic: its id, empty where the broker tells none."""
        return dict(self._ledger.ids)

    def close(self) -> None:
        """Close both clients."""
        if self._discovery is not None:
            self._discovery.close()
        self._consumer.close()

    # -- records -------------------------------------------------------------------------------------

    def _take(self, records: Sequence[Message]) -> list[RawBatch]:
        self._reachable = True
        self._told.clear()
        made = batches(records, self._topics)
        for batch in made:
            self._ledger.positions.update(next_offsets(batch))
            if self._failures:
                self._failures.passed(batch.sources)
        return made

    def _on_event(self, message: Message) -> None:
        error = message.error()
        key = (message.topic() or "", message.partition() or 0)
        if error is None or not key[0]:
            return
        code = error.code()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes are public
            known = self._ledger.positions
            known[key] = max(known.get(key, 0), message.offset() or 0)
            self._failures.passed([key])
        elif code in {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}:  # noqa: SLF001
            self._lose([self._loss(key, str(error.str()))])
            if self._discovery is not None:
                self._discovery.ask()
        elif code in UNREADABLE:
            if self._failures.failed(key):
                self._lose([self._loss(key, f"what comes next cannot be read: {error.str()}")])
        else:
            self._note(error)

    def _loss(self, key: Key, why: str) -> Loss:
        low, high = self._marks(key)
        position = self._ledger.positions.get(key, UNKNOWN_OFFSET)
        return Loss(*key, position, low, high, loss_reason(position, low, high) or why)

    def _first_readable(self, loss: Loss, low: int, high: int) -> int:
        key = (loss.topic, loss.partition)
        if key not in self._failures.given_up or loss_reason(loss.stored, low, high):
            return low
        self._failures.passed([key])
        with closing(Probe(self._settings, key)) as probe:
            return next_readable(loss.stored, high, probe.readable)

    # -- partitions ----------------------------------------------------------------------------------

    def _take_up(self, picture: Picture) -> list[Key]:
        new = {k: marks for k, marks in picture.watermarks.items() if k not in self._ledger.positions}
        if self._there_at_first is None:
            self._there_at_first = picture.partitions
        appeared = new.keys() - self._there_at_first
        found = starts(self._start, new, self._ledger.stored, appeared, self._at_time)
        self._warnings += self._ledger.grown(found)
        self._lose(self._ledger.take_up(found, picture))
        self._read([key for key in found if key not in self._ledger.lost], new)
        return list(found)

    def _at_time(self, keys: list[Key], at_ms: int) -> Mapping[Key, int]:
        try:
            return self._discovery.start_offsets(keys, at_ms) if self._discovery else {}
        except KafkaException:
            return {}

    def _read(self, keys: Iterable[Key], fresh: Mapping[Key, tuple[int, int]] | None = None) -> None:
        """From our own positions; a partition never read before from its first record, whatever that is by now."""
        stored, assigned = self._ledger.stored, []
        for key in keys:
            at = self._ledger.positions[key]
            new = fresh is not None and key not in stored and at == fresh[key][0]
            assigned.append(TopicPartition(*key, OFFSET_BEGINNING if new else at))
        if assigned:
            self._consumer.incremental_assign(assigned)

    def _leave(self, keys: Iterable[Key]) -> None:
        assigned = {(tp.topic, tp.partition) for tp in self._consumer.assignment()}
        leaving = [TopicPartition(*key) for key in keys if key in assigned]
        if leaving:
            self._consumer.incremental_unassign(leaving)

    def _lose(self, losses: Iterable[Loss]) -> None:
        if leaving := self._ledger.lose(losses):
            self._leave(leaving)

    # -- what is known -------------------------------------------------------------------------------

    @property
    def _picture(self) -> Picture | None:
        return self._discovery.picture if self._discovery else None

    def _marks(self, key: Key) -> tuple[int, int]:
        """(low, high): the newer of the last look and what came with the records."""
        picture = self._picture
        low, high = (picture.watermarks if picture else {}).get(key, (UNKNOWN_OFFSET, UNKNOWN_OFFSET))
        if not self._ledger.reads(key):
            return low, high
        cached = self._consumer.get_watermark_offsets(TopicPartition(*key), cached=True)
        return low, max(high, cached[1] if cached else UNKNOWN_OFFSET)

    def _compare_group(self) -> None:
        """Once: the group's offsets with the state's, which count."""
        found = self._discovery.group if self._discovery else None
        if found is not None and not self._group_compared:
            self._group_compared = True
            self._warnings += foreign(self._ledger.stored, found)

    def _note(self, error: KafkaError) -> None:
        self._refused = self._refused or refusal(error)
        if (
            error.code() not in self._told
        ):  # each kind once, until Kafka answers again: librdkafka says it every second
            self._told.add(error.code())
            self._warnings.append(f"Kafka: {error.str()}")
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._reachable = False

    def _raise_refused(self) -> None:
        why = self._refused or (self._discovery.refused if self._discovery else None)
        if why:
            raise SourceRefused(f"Kafka refuses for good: {why}")
