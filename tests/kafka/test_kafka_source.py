"""What only a real Kafka shows: compression, transactions, compaction, topic ids, death and return."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from tests.reading import eventually, known, rows, values

from driftline.records import Kind
from driftline.sources.kafka import KafkaSource

pytestmark = pytest.mark.kafka

CODECS = ("gzip", "snappy", "lz4", "zstd")


class Topic:
    """A topic of this test's own, with what a test does to it."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self.name = f"t-{uuid.uuid4().hex[:8]}"
        self._admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})
        self._made: list[KafkaSource] = []

    def create(self, partitions: int = 1, **config: str) -> None:
        """Also where a topic of this name is still being deleted."""
        settings = {name.replace("_", "."): value for name, value in config.items()}
        _again(
            lambda: self._admin.create_topics([NewTopic(self.name, partitions, 1, config=settings)])[
                self.name
            ]
        )

    def delete(self) -> None:
        self._admin.delete_topics([self.name])[self.name].result(20)

    def grow(self, partitions: int) -> None:
        self._admin.create_partitions([NewPartitions(self.name, partitions)])[self.name].result(20)

    def write(self, *records: bytes, partition: int = 0, key: bytes | None = None, **settings: Any) -> None:
        settings = {name.replace("_", "."): value for name, value in settings.items()}
        producer = Producer({"bootstrap.servers": self.servers, "log_level": 0, **settings})
        for value in records:
            producer.produce(self.name, value, key, partition)
        assert 0 == producer.flush(20)

    def source(self, group: str = "g") -> KafkaSource:
        source = KafkaSource(
            bootstrap_servers=self.servers, topics={self.name: Kind.LABEL}, group_id=group, discovery_s=0.3
        )
        self._made.append(source)
        return source

    def close(self) -> None:
        for source in self._made:
            source.close()


def _again(ask: Callable[[], Any]) -> None:
    """Ask until it is done; a topic that is being deleted cannot be made yet."""
    for _ in range(40):
        try:
            ask().result(20)
        except KafkaException:
            time.sleep(0.25)
            continue
        return
    raise AssertionError("the topic was not made within 10 s")


@pytest.fixture
def topic(any_kafka: Any) -> Iterator[Topic]:
    made = Topic(any_kafka.bootstrap_servers)
    yield made
    made.close()


def test_batches_of_every_codec_are_read(topic: Topic) -> None:
    """gzip, snappy, lz4 and zstd, one after the other in one partition."""
    topic.create()
    expected = []
    for codec in CODECS:
        batch = [f"{codec}-{i}".encode() * 50 for i in range(20)]
        topic.write(*batch, compression_type=codec, linger_ms=50)
        expected += batch
    source = topic.source()
    source.open({})
    assert expected == values(source, len(expected))


def test_aborted_records_are_invisible_and_open_ones_are_lag(topic: Topic) -> None:
    """An open transaction is no idleness; aborted records and markers are no loss (Faults 32, 33)."""
    topic.create()
    source = topic.source()
    source.open({})
    producer = Producer({"bootstrap.servers": topic.servers, "transactional.id": topic.name, "log_level": 0})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic.name, b"aborted", partition=0)
    assert 0 == producer.flush(10)
    assert eventually(source, lambda: [p.high_watermark for p in source.partitions()] == [1])
    assert [] == values(source, 1, 1)
    assert [False] == [p.at_end for p in source.partitions()], "an open transaction is lag"
    producer.abort_transaction(20)
    assert eventually(source, lambda: [p.at_end for p in source.partitions()] == [True])
    producer.begin_transaction()
    producer.produce(topic.name, b"committed", partition=0)
    producer.commit_transaction(20)
    topic.write(b"plain")
    assert [b"committed", b"plain"] == values(source, 2)
    assert eventually(source, lambda: [p.at_end for p in source.partitions()] == [True])
    assert [] == source.verify()


def test_what_compaction_took_is_no_loss(topic: Topic) -> None:
    """Offsets with holes are read as they are; a stored offset inside a hole is read on from (Fault 33)."""
    settings = {"segment_ms": "100", "min_cleanable_dirty_ratio": "0.01", "max_compaction_lag_ms": "200"}
    topic.create(cleanup_policy="compact", **settings)
    for i in range(8):
        topic.write(b"%d" % i, key=b"same")
        time.sleep(0.03)
    topic.write(b"other", key=b"other")
    time.sleep(0.15)
    topic.write(b"last", key=b"last")
    found: list[Any] = []
    for _ in range(30):
        reader = topic.source(uuid.uuid4().hex)
        reader.open({})
        found = rows(reader, 10, 2)
        assert [] == reader.verify()
        if len(found) < 10:
            break
    else:
        pytest.skip("KAFKA DID NOT COMPACT: its cleaner did not run within the time")
    offsets = [row[2] for row in found]
    assert sorted(set(offsets)) == offsets
    assert [b"other", b"last"] == [row[3] for row in found][-2:]
    hole = next(i for i in range(10) if i not in offsets)
    source = topic.source()
    source.open({(topic.name, 0): hole})
    assert [offset for offset in offsets if offset > hole] == [r[2] for r in rows(source, 9, 2)]
    assert [] == source.verify()


def test_a_topic_made_anew_is_told_by_its_id_at_the_start(topic: Topic) -> None:
    """Already longer than before, so that no offset tells it (Fault 25)."""
    topic.create()
    topic.write(b"old-0", b"old-1")
    first = topic.source()
    first.open({})
    assert 2 == len(values(first, 2))
    ids = dict(first.topic_ids())
    assert ids[topic.name]
    first.close()
    topic.delete()
    topic.create()
    topic.write(*[b"new-%d" % i for i in range(9)])
    second = topic.source("second")
    second.open({(topic.name, 0): 2}, ids)
    assert ["the topic was deleted and made anew"] == [loss.why for loss in second.verify()]
    assert [] == values(second, 1, 1)
    assert {(topic.name, 0): 0} == second.skip(second.verify())
    assert [b"new-%d" % i for i in range(9)] == values(second, 9)
    assert ids[topic.name] != second.topic_ids()[topic.name]
    assert [] == second.verify()


def test_a_topic_made_anew_is_found_while_running(topic: Topic) -> None:
    """Lost whenever a look comes: while it is away, while it is shorter, or by its id (Fault 25)."""
    topic.create()
    topic.write(b"old-0", b"old-1")
    source = topic.source()
    source.open({})
    assert 2 == len(values(source, 2))
    topic.delete()
    topic.create()
    topic.write(*[b"new-%d" % i for i in range(9)])
    assert eventually(source, source.verify)
    assert source.verify()[0].why.startswith(
        ("the topic was deleted", "the topic is gone", "offset 2 is above")
    )
    assert [] == values(source, 1, 1)


def test_no_record_of_a_topic_made_anew_passes_a_check_before_the_commit(topic: Topic) -> None:
    """Looks are too far apart to notice it; whatever was read since, the next check tells (Fault 25)."""
    topic.create()
    topic.write(b"old-0", b"old-1")
    source = KafkaSource(bootstrap_servers=topic.servers, topics={topic.name: Kind.LABEL}, discovery_s=600)
    source.open({})
    assert known(source, 1)
    assert [b"old-0", b"old-1"] == values(source, 2)
    assert [] == source.verify()
    topic.delete()
    topic.create()
    topic.write(*[b"new-%d" % i for i in range(9)])
    values(source, 1, 3)
    assert ["the topic was deleted and made anew"] == [loss.why for loss in source.verify()]
    assert [] == values(source, 1, 0.5)
    source.close()


def test_a_topic_deleted_while_running_is_a_loss_of_all_partitions(topic: Topic) -> None:
    """The source says so and stays usable; `up` stays true (Fault 26)."""
    topic.create(2)
    topic.write(b"a")
    source = topic.source()
    source.open({})
    assert [b"a"] == values(source, 1)
    topic.delete()
    assert eventually(source, source.verify)
    assert {("the topic is gone", 0), ("the topic is gone", 1)} == {
        (x.why, x.partition) for x in source.verify()
    }
    assert source.up
    assert [] == source.poll(0.1, 10)


def test_new_partitions_are_read_from_their_start_with_a_warning(topic: Topic) -> None:
    """Also where new partitions start at the end at first (Fault 28)."""
    topic.create()
    source = KafkaSource(
        bootstrap_servers=topic.servers, topics={topic.name: Kind.LABEL}, start="latest", discovery_s=0.3
    )
    source.open({})
    assert eventually(source, source.partitions)
    topic.grow(3)
    topic.write(b"in-1", partition=1)
    topic.write(b"in-2", partition=2)
    assert {b"in-1", b"in-2"} == set(values(source, 2))
    told = source.warnings()
    assert told
    assert all(f"topic {topic.name} has more partitions than before" in text for text in told)
    source.close()


def test_a_topic_that_comes_late_is_read_from_its_first_record(topic: Topic) -> None:
    """Nothing makes it in the meantime, not even the asking (Fault 27)."""
    source = topic.source()
    source.open({})
    assert [] == values(source, 1, 1)
    assert topic.name not in AdminClient({"bootstrap.servers": topic.servers}).list_topics(timeout=10).topics
    topic.create()
    topic.write(b"first")
    assert [b"first"] == values(source, 1)


@pytest.mark.parametrize("codec", ["none", "gzip"])
def test_a_message_of_10_mb_comes_through(topic: Topic, codec: str) -> None:
    """Larger than every default of fetching; what follows it too (Fault 41)."""
    topic.create(max_message_bytes="20000000")
    big = bytes(range(256)) * 40_000
    topic.write(big, b"small", compression_type=codec, message_max_bytes=20_000_000)
    source = topic.source()
    source.open({})
    assert [len(big), 5] == [len(value or b"") for value in values(source, 2)]


def test_a_lag_tool_sees_what_the_state_has(topic: Topic) -> None:
    """The last report before the end is committed to the group too (Fault 19)."""
    topic.create()
    topic.write(b"a", b"b", b"c")
    group = f"g-{topic.name}"
    source = topic.source(group)
    source.open({})
    assert 3 == len(values(source, 3))
    assert eventually(source, lambda: source._group_compared)
    source.report({(topic.name, 0): 3})
    source.close()
    tool = Consumer({"bootstrap.servers": topic.servers, "group.id": group, "log_level": 0})
    (found,) = tool.committed([TopicPartition(topic.name, 0)], timeout=10)
    tool.close()
    assert (3, "driftline") == (found.offset, found.metadata)


def test_a_broker_killed_and_started_again_loses_nothing(java_kafka: Any) -> None:
    """`up` is false meanwhile; positions, ids and the open source stay good (Fault 17)."""
    topic = Topic(java_kafka.bootstrap_servers)
    topic.create()
    topic.write(b"before")
    source = topic.source()
    source.open({})
    assert [b"before"] == values(source, 1)
    java_kafka.kill()
    assert eventually(source, lambda: not source.up)
    java_kafka.start()
    topic.write(b"back")
    assert [b"back"] == values(source, 1, 40)
    assert eventually(source, lambda: source.up)
    assert [] == source.verify()
    topic.close()
