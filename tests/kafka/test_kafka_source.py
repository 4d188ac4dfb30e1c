"""What only a real Kafka shows: compression, transactions, topic ids, growth, death and return."""

from __future__ import annotations

import time
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from driftline.records import Kind
from driftline.sources.kafka import KafkaSource

pytestmark = pytest.mark.kafka


def _read(source: KafkaSource, count: int, timeout_s: float = 20) -> list[bytes | None]:
    """Values until ``count`` came, or the time is over."""
    values: list[bytes | None] = []
    end = time.monotonic() + timeout_s
    while len(values) < count and time.monotonic() < end:
        source.refresh()
        values += [v for batch in source.poll(0.2, 10_000) for v in batch.values]
    return values


def _lost(source: KafkaSource, partition: int, timeout_s: float = 15) -> str | None:
    """Why a partition is lost, once it is."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        source.refresh()
        for loss in source.verify():
            if loss.partition == partition:
                return loss.why
        source.poll(0.2, 10)
    return None


def _create(broker: Any, name: str, partitions: int = 1) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(10)


def _send(broker: Any, topic: str, values: list[bytes], partition: int = 0, **settings: str) -> None:
    settings = {k.replace("_", "."): v for k, v in settings.items()}
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, **settings})
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert 0 == producer.flush(20)


def _source(broker: Any, topic: str) -> KafkaSource:
    return KafkaSource(
        bootstrap_servers=broker.bootstrap_servers, topics={topic: Kind.LABEL}, discovery_s=0.3
    )


def test_one_life_of_a_topic(java_kafka: Any) -> None:
    """Late topic, codecs, aborted transaction, growth, kill -9, recreation (Faults 17, 25, 27, 28, 32)."""
    source = _source(java_kafka, "t")
    source.open({})
    assert [] == source.poll(0.1, 10)
    _create(java_kafka, "t")
    codecs = ["gzip", "snappy", "lz4", "zstd"]
    for codec in codecs:
        _send(java_kafka, "t", [codec.encode() * 100], compression_type=codec)
    assert [c.encode() * 100 for c in codecs] == _read(source, 4)

    settings = {"bootstrap.servers": java_kafka.bootstrap_servers, "transactional.id": "x"}
    producer = Producer(settings)
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce("t", b"aborted", partition=0)
    producer.flush(10)
    assert [] == _read(source, 1, 2)
    assert [False] == [p.at_end for p in source.partitions()], "an open transaction is lag"
    producer.abort_transaction(20)
    _send(java_kafka, "t", [b"after"])
    assert [b"after"] == _read(source, 1)
    assert [] == source.verify(), "gaps of aborted records are no loss"

    admin = AdminClient({"bootstrap.servers": java_kafka.bootstrap_servers})
    admin.create_partitions([NewPartitions("t", 2)])["t"].result(10)
    _send(java_kafka, "t", [b"grown"], partition=1)
    assert [b"grown"] == _read(source, 1)

    java_kafka.kill()
    assert [] == _read(source, 1, 3)
    java_kafka.start()
    _send(java_kafka, "t", [b"back"])
    assert [b"back"] == _read(source, 1, 40)
    assert [] == source.verify()

    admin.delete_topics(["t"])["t"].result(10)
    time.sleep(0.1)
    _create(java_kafka, "t", 2)
    _send(java_kafka, "t", [b"%d" % i for i in range(50)])
    assert _lost(source, 0) in {"the topic was deleted and made anew", "the topic is gone"}
    source.close()
