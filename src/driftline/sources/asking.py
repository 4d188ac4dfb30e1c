"""A cluster that is asked and read without a trace: no group is joined, nothing is committed, no topic is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from driftline.errors import DriftlineError, SourceRefused, UsageError
from driftline.records import TopicPartition as Key
from driftline.sources.discovery import refusal
from driftline.sources.properties import consumer

LOOK_UP_S = 10.0


class Cluster:
    """A consumer without a group of its own, and what can be asked through it.

    Raises
    ------
    UsageError
        librdkafka does not take ``properties``.
    """

    def __init__(self, bootstrap_servers: str, name: str, properties: Mapping[str, Any] | None) -> None:
        self.servers = bootstrap_servers
        self._refused: str | None = None
        settings = consumer(bootstrap_servers, name, properties or {}) | {"error_cb": self.note}
        try:
            self.consumer = Consumer(settings)
        except (KafkaException, ValueError, TypeError) as error:
            raise UsageError(f"kafka.properties: {error}") from error

    def partitions(self, topics: Iterable[str]) -> dict[str, list[int]]:
        """Partitions of each topic, of the whole cluster's: asking for one by name may create it."""
        there, wanted = self._topics(), list(dict.fromkeys(topics))
        for topic in wanted:
            if topic not in there:
                near = get_close_matches(topic, there, n=1)
                known = f"there are: {', '.join(sorted(there)) or 'none'}"
                hint = f'did you mean "{near[0]}"?' if near else known
                raise UsageError(f"Kafka at {self.servers} has no topic {topic}; {hint}")
        return {topic: there[topic] for topic in wanted}

    def _topics(self) -> dict[str, list[int]]:
        try:
            found = self.consumer.list_topics(timeout=LOOK_UP_S).topics
        except KafkaException as error:
            raise self._unreachable(error) from error
        return {
            name: sorted(t.partitions)
            for name, t in found.items()
            if t.error is None and not name.startswith("__")
        }

    def marks(self, key: Key) -> tuple[int, int]:
        """(low, end): with committed records only, the end is the last stable offset."""
        try:
            low, high = self.consumer.get_watermark_offsets(TopicPartition(*key), timeout=LOOK_UP_S)
        except KafkaException as error:
            raise self._unreachable(error) from error
        return int(low), int(high)

    def _unreachable(self, error: KafkaException) -> DriftlineError:
        why = self._refused or refusal(error.args[0])
        if why:
            return SourceRefused(f"Kafka refuses for good: {why}")
        return DriftlineError(f"Kafka at {self.servers} cannot be asked: {error.args[0].str()}")

    def check(self) -> None:
        """SourceRefused where the broker has refused for good."""
        if self._refused:
            raise SourceRefused(f"Kafka refuses for good: {self._refused}")

    def note(self, error: KafkaError) -> None:
        """An error that librdkafka told of by itself."""
        self._refused = self._refused or refusal(error)

    def close(self) -> None:
        """Let go."""
        self.consumer.close()
