"""The same small world on each kind of source: topics ``p`` and ``l`` that a test writes and grows."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from confluent_kafka import Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from driftline.ports import Source
from driftline.records import Headers, Kind, TopicPartition
from driftline.sources.embedded import EmbeddedBroker
from driftline.sources.files import FileSource
from driftline.sources.kafka import KafkaSource
from driftline.testing.source import FakeSource

PARTITIONS = 2


class World(Protocol):
    """Where records are written and read. ``p`` and ``l`` are the names of its two topics."""

    p: str
    l: str

    def source(self) -> Source: ...
    def write(
        self, topic: str, partition: int, value: bytes | None, headers: Headers | None = None
    ) -> None: ...
    def close(self) -> None: ...


class LiveWorld(World, Protocol):
    """A world that can be written to while it is read."""

    def grow(self) -> TopicPartition:
        """Add a partition or a topic; returns what is new."""

    def trim(self, topic: str, partition: int, low: int) -> None:
        """Delete the records below an offset."""


def _kinds(p: str, l: str) -> dict[str, Kind]:
    return {p: Kind.PREDICTION, l: Kind.LABEL}


class FakeWorld:
    p, l = "p", "l"

    def __init__(self) -> None:
        self._source = FakeSource(_kinds("p", "l"), PARTITIONS)

    def source(self) -> Source:
        return self._source

    def write(self, topic: str, partition: int, value: bytes | None, headers: Headers | None = None) -> None:
        self._source.append(topic, partition, value, 1000, headers)

    def grow(self) -> TopicPartition:
        self._source.grow("p", PARTITIONS + 1)
        return "p", PARTITIONS

    def trim(self, topic: str, partition: int, low: int) -> None:
        self._source.trim(topic, partition, low)

    def close(self) -> None:
        pass


class FileWorld:
    """One file a partition. A line is text, so a value is written as the JSON string of it."""

    p, l = "p", "l"

    def __init__(self, folder: Path) -> None:
        self._paths = {
            (topic, i): folder / f"{topic}-{i}.jsonl" for topic in ("p", "l") for i in range(PARTITIONS)
        }
        for path in self._paths.values():
            path.touch()

    def source(self) -> Source:
        kinds = _kinds("p", "l")
        return FileSource([(kinds[topic], topic, i, path) for (topic, i), path in self._paths.items()])

    def write(self, topic: str, partition: int, value: bytes | None, headers: Headers | None = None) -> None:
        assert value is not None, "a line of a file is a value"
        assert headers is None, "a line of a file has no headers"
        with self._paths[topic, partition].open("ab") as lines:
            lines.write(value + b"\n")

    def close(self) -> None:
        pass


class _BrokerWorld:
    """What the embedded broker and a real one have in common."""

    def __init__(self, servers: str, topics: Mapping[str, Kind], ids_s: float = 1.0) -> None:
        self._ids_s = ids_s
        self._servers = servers
        self._topics = topics
        self._producer = Producer({"bootstrap.servers": servers, "log_level": 0})
        self._made: list[KafkaSource] = []

    def source(self) -> Source:
        self._made.append(
            KafkaSource(
                bootstrap_servers=self._servers, topics=self._topics, discovery_s=0.2, ids_s=self._ids_s
            )
        )
        return self._made[-1]

    def write(self, topic: str, partition: int, value: bytes | None, headers: Headers | None = None) -> None:
        self._producer.produce(topic, value, partition=partition, headers=list(headers or []))
        assert 0 == self._producer.flush(10)

    def close(self) -> None:
        for source in self._made:
            source.close()


class EmbeddedWorld(_BrokerWorld):
    p, l = "p", "l"

    def __init__(self) -> None:
        self._broker = EmbeddedBroker({"p": PARTITIONS, "l": PARTITIONS})
        super().__init__(self._broker.bootstrap_servers, {**_kinds("p", "l"), "later": Kind.LABEL}, ids_s=0.1)

    def grow(self) -> TopicPartition:
        self._broker.create_topic("later", 1)
        return "later", 0

    def trim(self, topic: str, partition: int, low: int) -> None:
        self._broker.delete_records(topic, partition, low)

    def close(self) -> None:
        super().close()
        self._broker.close()


class KafkaWorld(_BrokerWorld):
    """On a real Kafka that others use too: its topics have names of their own."""

    def __init__(self, servers: str) -> None:
        own = uuid.uuid4().hex[:8]
        self.p, self.l = f"p-{own}", f"l-{own}"
        super().__init__(servers, _kinds(self.p, self.l))
        self._admin = AdminClient({"bootstrap.servers": servers})
        made = self._admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in (self.p, self.l)])
        for done in made.values():
            done.result(20)

    def grow(self) -> TopicPartition:
        self._admin.create_partitions([NewPartitions(self.p, PARTITIONS + 1)])[self.p].result(20)
        return self.p, PARTITIONS

    def trim(self, topic: str, partition: int, low: int) -> None:
        for done in self._admin.delete_records([Place(topic, partition, low)]).values():
            done.result(20)
