"""One contract of the Source port, on the fake and on the embedded broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from confluent_kafka import Producer

from driftline.ports import Source
from driftline.records import Headers, Kind, TopicPartition
from driftline.sources.embedded import EmbeddedBroker
from driftline.sources.kafka import KafkaSource
from driftline.testing.source import FakeSource

Topics = {"p": Kind.PREDICTION, "l": Kind.LABEL}


class World(Protocol):
    def source(self) -> Source: ...
    def write(
        self, topic: str, partition: int, value: bytes | None, headers: Headers | None = None
    ) -> None: ...
    def grow(self) -> TopicPartition: ...


class FakeWorld:
    def __init__(self) -> None:
        self._source = FakeSource(Topics, 2)

    def source(self) -> Source:
        return self._source

    def write(self, topic: str, partition: int, value: bytes | None, headers: Headers | None = None) -> None:
        self._source.append(topic, partition, value, 1000, headers)

    def grow(self) -> TopicPartition:
        self._source.grow("p", 3)
        return "p", 2


class EmbeddedWorld:
    def __init__(self, broker: EmbeddedBroker) -> None:
        self._broker = broker
        self._producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        self._made: list[Source] = []

    def source(self) -> Source:
        self._made.append(
            KafkaSource(
                bootstrap_servers=self._broker.bootstrap_servers,
                topics={**Topics, "later": Kind.LABEL}, discovery_s=0.2,
            )
        )  # fmt: skip
        return self._made[-1]

    def write(self, topic: str, partition: int, value: bytes | None, headers: Headers | None = None) -> None:
        self._producer.produce(topic, value, partition=partition, headers=list(headers or []))
        assert 0 == self._producer.flush(10)

    def grow(self) -> TopicPartition:
        self._broker.create_topic("later", 1)
        return "later", 0

    def close(self) -> None:
        for source in self._made:
            source.close()


@pytest.fixture(params=["fake", "embedded"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        yield FakeWorld()
        return
    with EmbeddedBroker({"p": 2, "l": 2}) as broker:
        made = EmbeddedWorld(broker)
        yield made
        made.close()


def _until(source: Source, count: int, timeout_s: float = 8) -> list[Any]:
    """(topic, partition, offset, value, headers) of what is read until ``count`` came or time is over."""
    rows: list[Any] = []
    end = time.monotonic() + timeout_s
    while len(rows) < count and time.monotonic() < end:
        for b in source.poll(0.1, 1000):
            headers = b.headers or [None] * len(b)
            rows += [
                (*b.sources[b.source[i]], int(b.offsets[i]), b.values[i], headers[i]) for i in range(len(b))
            ]
    return rows


def _eventually(ask: Callable[[], Any], timeout_s: float = 8) -> Any:
    end = time.monotonic() + timeout_s
    while not (answer := ask()) and time.monotonic() < end:
        time.sleep(0.05)
    return answer


def test_each_partition_is_read_in_offset_order_to_its_end(world: World) -> None:
    """Partitions may be mixed; within one the order is the log's, and the end is known."""
    for i in range(5):
        world.write("p", i % 2, b"%d" % i)
    world.write("l", 0, b"l")
    source = world.source()
    source.open({})
    rows = _until(source, 6)
    assert [0, 1, 2] == [r[2] for r in rows if r[:2] == ("p", 0)]
    assert [b"1", b"3"] == [r[3] for r in rows if r[:2] == ("p", 1)]
    assert [("l", 0, 0, b"l", None)] == [r for r in rows if r[0] == "l"]
    source.poll(0.3, 10)
    assert _eventually(lambda: all(p.at_end for p in source.partitions()))
    assert {("p", 0): 3, ("p", 1): 2, ("l", 0): 1, ("l", 1): 0} == {
        (p.topic, p.partition): p.position for p in source.partitions()
    }
    assert [] == source.verify()


def test_reading_resumes_at_the_stored_offset(world: World) -> None:
    """A stored position is the next offset."""
    for i in range(4):
        world.write("p", 0, b"%d" % i)
    source = world.source()
    source.open({("p", 0): 2})
    assert [b"2", b"3"] == [r[3] for r in _until(source, 2)]


def test_tombstones_empty_values_and_headers_come_through(world: World) -> None:
    """A null value is None, an empty one is empty (Fault 35)."""
    world.write("p", 0, None)
    world.write("p", 0, b"")
    world.write("p", 0, b"v", [("ce_id", b"1")])
    source = world.source()
    source.open({})
    rows = _until(source, 3)
    assert [None, b"", b"v"] == [r[3] for r in rows]
    assert [("ce_id", b"1")] == rows[2][4]


def test_a_paused_partition_gives_nothing_and_loses_nothing(world: World) -> None:
    """Resumed, it goes on where it was."""
    world.write("p", 0, b"a")
    source = world.source()
    source.open({})
    assert [b"a"] == [r[3] for r in _until(source, 1)]
    source.pause([("p", 0)])
    world.write("p", 0, b"b")
    world.write("p", 1, b"other")
    assert [b"other"] == [r[3] for r in _until(source, 2, 1)]
    source.resume([("p", 0)])
    assert [b"b"] == [r[3] for r in _until(source, 1)]


def test_what_appears_while_running_is_found_once_and_read_from_its_start(world: World) -> None:
    """A new partition or topic is told by refresh (Faults 27, 28)."""
    source = world.source()
    source.open({})
    key = world.grow()
    world.write(*key, b"new")
    assert [key] == _eventually(source.refresh)
    assert [] == source.refresh()
    assert [b"new"] == [r[3] for r in _until(source, 1)]


def test_a_stored_offset_above_the_end_is_a_loss_and_is_not_read(world: World) -> None:
    """The policy decides; the source only says it (Fault 25)."""
    world.write("p", 0, b"a")
    source = world.source()
    source.open({("p", 0): 7})
    assert [("p", 0, 7)] == [(x.topic, x.partition, x.stored) for x in source.verify()]
    assert [] == _until(source, 1, 0.5)
