"""The oldest or the newest records of topics, for a look: no group is joined, nothing is committed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from driftline.errors import DriftlineError, SourceRefused, UsageError
from driftline.records import TopicPartition as Key
from driftline.sources.discovery import refusal
from driftline.sources.messages import split

LOOK_UP_S = 10.0
POLL_S = 0.5
PATIENCE_S = 30.0
"""Without a record for so long while some are still due, the broker is taken as gone."""
_AT_ONCE = 1000
_OWN: Mapping[str, Any] = {
    "group.id": "driftline-look", "enable.auto.commit": False, "enable.auto.offset.store": False,
    "auto.offset.reset": "error", "enable.partition.eof": True, "isolation.level": "read_committed",
    "allow.auto.create.topics": False, "log_level": 0,
}  # fmt: skip
"""Whatever the user's properties say: a look leaves no trace. librdkafka wants a group's name; none is joined."""

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
        self._servers = bootstrap_servers
        self._refused: str | None = None
        self._start, self._count = start, count
        settings: dict[str, Any] = {
            **(properties or {}), "bootstrap.servers": bootstrap_servers, **_OWN, "error_cb": self._note,
        }  # fmt: skip
        try:
            self._consumer = Consumer(settings)
        except (KafkaException, ValueError, TypeError) as error:
            raise UsageError(f"kafka.properties: {error}") from error
        try:
            self._marks = {key: self._watermarks(key) for key in self._partitions(topics)}
        except BaseException:
            self._consumer.close()
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
            self._check()
            yield from records

    def close(self) -> None:
        """Let go."""
        self._consumer.close()

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
            self._check()
            waited_s = 0.0 if messages else waited_s + POLL_S
            if waited_s > PATIENCE_S:
                raise DriftlineError(f"Kafka at {self._servers} sends nothing for {PATIENCE_S:.0f} s")
            records, events = split(messages)
            for message in records:
                if (offset := message.offset() or 0) < spans[_key(message)][1]:
                    found.append(message)
                if offset + 1 >= spans[_key(message)][1]:
                    due.discard(_key(message))
            due -= {_key(e) for e in events if _ended(e)}
        return found

    def _partitions(self, topics: Iterable[str]) -> list[Key]:
        """Of the whole cluster's topics: asking for one by name may create it."""
        there = self._all_topics()
        for topic in topics:
            if topic not in there:
                near = get_close_matches(topic, there, n=1)
                hint = (
                    f'did you mean "{near[0]}"?'
                    if near
                    else f"there are: {', '.join(sorted(there)) or 'none'}"
                )
                raise UsageError(f"Kafka at {self._servers} has no topic {topic}; {hint}")
        return [(topic, partition) for topic in dict.fromkeys(topics) for partition in there[topic]]

    def _all_topics(self) -> dict[str, list[int]]:
        try:
            found = self._consumer.list_topics(timeout=LOOK_UP_S).topics
        except KafkaException as error:
            raise self._unreachable(error) from error
        return {
            name: sorted(t.partitions)
            for name, t in found.items()
            if t.error is None and not name.startswith("__")
        }

    def _watermarks(self, key: Key) -> tuple[int, int]:
        try:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(*key), timeout=LOOK_UP_S)
        except KafkaException as error:
            raise self._unreachable(error) from error
        return int(low), int(high)

    def _unreachable(self, error: KafkaException) -> DriftlineError:
        why = self._refused or refusal(error.args[0])
        if why:
            return SourceRefused(f"Kafka refuses for good: {why}")
        return DriftlineError(f"Kafka at {self._servers} cannot be asked: {error.args[0].str()}")

    def _check(self) -> None:
        if self._refused:
            raise SourceRefused(f"Kafka refuses for good: {self._refused}")

    def _note(self, error: KafkaError) -> None:
        self._refused = self._refused or refusal(error)


def _key(message: Message) -> Key:
    return str(message.topic()), int(message.partition() or 0)


def _place(message: Message) -> tuple[int, str, int, int]:
    return (message.timestamp()[1], *_key(message), int(message.offset() or 0))


def _ended(message: Message) -> bool:
    """At the end of its partition, or where records were deleted meanwhile."""
    error = message.error()
    ends = {KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET}  # noqa: SLF001 - librdkafka's own codes are public
    return error is not None and error.code() in ends
