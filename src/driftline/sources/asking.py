"""A cluster that is asked and read without a trace: no group is joined, nothing is committed, no topic is made."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from driftline.errors import DriftlineError, SourceRefused, UsageError
from driftline.records import TopicPartition as Key
from driftline.sources.discovery import refusal
from driftline.sources.properties import consumer

LOOK_UP_S = 10.0
_ONE_LOOK_S = 1.0


class Cluster:
    """A consumer without a group of its own, and what can be asked through it.

    Raises
    ------
    UsageError
        No server is named, or librdkafka does not take ``properties``.
    """

    def __init__(self, bootstrap_servers: str, name: str, properties: Mapping[str, Any] | None) -> None:
        if not bootstrap_servers.strip():
            raise UsageError("no bootstrap servers are named; host:port, several with commas")
        self.servers = bootstrap_servers
        self._refused: str | None = None
        self._said: str | None = None
        settings = consumer(bootstrap_servers, name, properties or {}) | {"error_cb": self.note}
        try:
            self.consumer = Consumer(settings)
        except (KafkaException, ValueError, TypeError) as error:
            raise UsageError(f"kafka.properties: {error}") from error

    def partitions(self, topics: Iterable[str]) -> dict[str, list[int]]:
        """Partitions of each topic; UsageError where one is not there."""
        there, wanted = self.topics(), list(dict.fromkeys(topics))
        for topic in wanted:
            if topic not in there:
                near = get_close_matches(topic, there, n=1)
                known = f"there are: {', '.join(sorted(there)) or 'none'}"
                hint = f'did you mean "{near[0]}"?' if near else known
                raise UsageError(f"Kafka at {self.servers} has no topic {topic}; {hint}")
        return {topic: there[topic] for topic in wanted}

    def topics(self) -> dict[str, list[int]]:
        """Partitions of all topics of the cluster: asking for one by name may create it."""
        found = self._metadata().topics
        return {
            name: sorted(t.partitions)
            for name, t in found.items()
            if t.error is None and not name.startswith("__")
        }

    def _metadata(self) -> Any:
        """In short waits: a broker that refuses is not waited for as one that is starting is."""
        end_s = time.monotonic() + LOOK_UP_S
        while True:
            try:
                return self.consumer.list_topics(timeout=_ONE_LOOK_S)
            except KafkaException as error:
                reason = self._unreachable(error)
                if isinstance(reason, SourceRefused) or time.monotonic() > end_s:
                    raise reason from error

    def marks(self, key: Key) -> tuple[int, int]:
        """(low, end): with committed records only, the end is the last stable offset."""
        try:
            low, high = self.consumer.get_watermark_offsets(TopicPartition(*key), timeout=LOOK_UP_S)
        except KafkaException as error:
            raise self._unreachable(error) from error
        return int(low), int(high)

    def _unreachable(self, error: KafkaException) -> DriftlineError:
        self.consumer.poll(0)  # librdkafka tells why by a callback: what it returns is "transport failure"
        self.note(error.args[0])
        if self._refused:
            return SourceRefused(f"Kafka refuses for good: {self._refused}")
        return DriftlineError(f"Kafka at {self.servers} cannot be reached: {self._said}")

    def check(self) -> None:
        """SourceRefused where the broker has refused for good."""
        if self._refused:
            raise SourceRefused(f"Kafka refuses for good: {self._refused}")

    def note(self, error: KafkaError) -> None:
        """An error that librdkafka told of; the first that says something stands."""
        self._refused = self._refused or refusal(error)
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - librdkafka's own codes are public under this name
            self._said = self._said or error.str()

    def close(self) -> None:
        """Let go."""
        self.consumer.close()
