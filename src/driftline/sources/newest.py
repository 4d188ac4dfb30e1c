"""The oldest or the newest records of topics, for a look: no group is joined, nothing is committed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal

from confluent_kafka import KafkaError, Message, TopicPartition

from driftline.errors import DriftlineError
from driftline.records import TopicPartition as Key
from driftline.sources.asking import Cluster
from driftline.sources.messages import split

POLL_S = 0.5
PATIENCE_S = 30.0
"""Without a record for so long while some are still due, the broker is taken as gone."""
_AT_ONCE = 1000

Start = Literal["earliest", "latest"]


class Look:
    """A look at some topics.

    Parameters
    ----------
    count
        At most so many records are read at once, of all topics together.

    Raises
    ------
    UsageError
        librdkafka does not take ``properties``, or a topic is not there.
    SourceRefused
        The broker refuses for good.
    DriftlineError
        The broker cannot be reached.
    """

    def __init__(
        self, *, bootstrap_servers: str, topics: Collection[str], properties: Mapping[str, Any] | None = None,
        start: Start = "latest", count: int = 10,
    ) -> None:  # fmt: skip
        self._start, self._count = start, count
        self._cluster = Cluster(bootstrap_servers, "driftline-look", properties)
        self._consumer = self._cluster.consumer
        try:
            there = self._cluster.partitions(topics)
            self._marks = {
                (t, n): self._cluster.marks((t, n)) for t, numbers in there.items() for n in numbers
            }
        except BaseException:
            self._cluster.close()
            raise

    def records(self) -> list[Message]:
        """Those that are there now, by timestamp: the first or the last ``count``."""
        spans = {key: self._span(*marks) for key, marks in self._marks.items()}
        found = sorted(self._read({k: s for k, s in spans.items() if s[0] < s[1]}), key=_place)
        return found[: self._count] if self._start == "earliest" else found[-self._count :]

    def follow(self) -> Iterator[Message]:
        """Those that come from now on, without an end."""
        self._consumer.assign([TopicPartition(*key, high) for key, (_low, high) in self._marks.items()])
        while True:
            records, _events = split(self._consumer.consume(1, POLL_S))
            self._cluster.check()
            yield from records

    def close(self) -> None:
        """Let go."""
        self._cluster.close()

    def _span(self, low: int, high: int) -> tuple[int, int]:
        if self._start == "earliest":
            return low, min(high, low + self._count)
        return max(low, high - self._count), high

    def _read(self, spans: dict[Key, tuple[int, int]]) -> list[Message]:
        """Records of each partition's [first, end)."""
        self._consumer.assign([TopicPartition(*key, first) for key, (first, _end) in sorted(spans.items())])
        due, found, waited_s = set(spans), [], 0.0
        while due:
            messages = self._consumer.consume(1, POLL_S)
            messages += self._consumer.consume(_AT_ONCE, 0) if messages else []
            self._cluster.check()
            waited_s = 0.0 if messages else waited_s + POLL_S
            if waited_s > PATIENCE_S:
                raise DriftlineError(f"Kafka at {self._cluster.servers} sends nothing for {PATIENCE_S:.0f} s")
            records, events = split(messages)
            for message in records:
                if (offset := message.offset() or 0) < spans[_key(message)][1]:
                    found.append(message)
                if offset + 1 >= spans[_key(message)][1]:
                    due.discard(_key(message))
            due -= {_key(e) for e in events if _ended(e)}
        return found


def _key(message: Message) -> Key:
    return str(message.topic()), int(message.partition() or 0)


def _place(message: Message) -> tuple[int, str, int, int]:
    return (message.timestamp()[1], *_key(message), int(message.offset() or 0))


def _ended(message: Message) -> bool:
    """At the end of its partition, or where records were deleted meanwhile."""
    error = message.error()
    ends = {KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET}  # noqa: SLF001 - librdkafka's own codes are public
    return error is not None and error.code() in ends
