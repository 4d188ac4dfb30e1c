"""The Kafka source under the faults that librdkafka's mock cluster can show."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from driftline.errors import SourceRefused
from driftline.records import Kind
from driftline.sources.embedded import EmbeddedBroker
from driftline.sources.kafka import KafkaSource
from driftline.sources.mock_cluster import Api
from tests.kafka.damaged import GZIP, ZSTD, batch, record, send
from tests.reading import eventually, values

RETRIABLE_FETCH = (
    KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.BROKER_NOT_AVAILABLE,
    KafkaError.REPLICA_NOT_AVAILABLE, KafkaError.REQUEST_TIMED_OUT, KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.UNKNOWN, KafkaError.KAFKA_STORAGE_ERROR,
    KafkaError._TRANSPORT,
)  # fmt: skip
RETRIABLE_METADATA = (
    KafkaError.BROKER_NOT_AVAILABLE, KafkaError.REQUEST_TIMED_OUT, KafkaError.LEADER_NOT_AVAILABLE, KafkaError._TRANSPORT,
)  # fmt: skip


class Cluster:
    """Three brokers, one topic, a producer and the sources that a test opened."""

    def __init__(self) -> None:
        self.broker = EmbeddedBroker({"t": 2}, brokers=3)
        self._producer = Producer({
            "bootstrap.servers": self.broker.bootstrap_servers, "log_level": 0, "reconnect.backoff.max.ms": 500,
        })  # fmt: skip
        self._made: list[KafkaSource] = []

    def write(self, *values: bytes, partition: int = 0, topic: str = "t") -> None:
        for value in values:
            self._producer.produce(topic, value, partition=partition)
        assert 0 == self._producer.flush(15)

    def open(self, at: int | None = None, **properties: object) -> KafkaSource:
        quick = {"reconnect.backoff.max.ms": 500, **properties}
        source = KafkaSource(
            bootstrap_servers=self.broker.bootstrap_servers, topics={"t": Kind.LABEL}, group_id="g",
            properties=quick, discovery_s=0.2, ids_s=0.1,
        )  # fmt: skip
        self._made.append(source)
        source.open({} if at is None else {("t", 0): at})
        return source

    def group_offset(self) -> tuple[int, str]:
        """(offset, metadata) of the first partition, as a lag tool sees it."""
        consumer = Consumer(
            {"bootstrap.servers": self.broker.bootstrap_servers, "group.id": "g", "log_level": 0}
        )
        (found,) = consumer.committed([TopicPartition("t", 0)], timeout=10)
        consumer.close()
        return found.offset, found.metadata

    def close(self) -> None:
        for source in self._made:
            source.close()
        self.broker.close()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.close()


def test_all_brokers_down_is_shown_and_nothing_is_lost(cluster: Cluster) -> None:
    """`up` is false meanwhile, no call raises, and reading goes on where it was (Fault 17)."""
    cluster.write(b"a")
    source = cluster.open()
    assert [b"a"] == values(source, 1)
    cluster.broker.set_down(down=True)
    assert eventually(source, lambda: not source.up)
    assert [] == values(source, 1, 1)
    assert not any(p.at_end for p in source.partitions()), "nobody knows what is written meanwhile"
    cluster.broker.set_down(down=False)
    cluster.write(b"b")
    assert [b"b"] == values(source, 1)
    assert eventually(source, lambda: source.up)
    assert [] == source.verify()


def test_a_process_that_stood_still_does_not_take_old_ends_for_ends(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After minutes without a look no partition is at its end, so that none passes as idle (Fault 22)."""
    cluster.write(b"a")
    source = cluster.open()
    assert [b"a"] == values(source, 1)
    assert eventually(source, lambda: all(p.at_end for p in source.partitions()))
    monkeypatch.setattr("driftline.sources.discovery.FRESH_S", 0.0)
    assert not any(p.at_end for p in source.partitions())
    monkeypatch.undo()
    assert eventually(source, lambda: all(p.at_end for p in source.partitions()))


def test_brokers_that_come_after_the_start_are_met(cluster: Cluster) -> None:
    """A start without Kafka waits a bounded time, then goes on looking (Fault 17)."""
    cluster.write(b"a")
    cluster.broker.set_down(down=True)
    began = time.monotonic()
    source = cluster.open(**{"socket.connection.setup.timeout.ms": 1000})
    assert time.monotonic() - began < 10
    assert not source.up
    cluster.broker.set_down(down=False)
    assert [b"a"] == values(source, 1)
    assert source.up


def test_a_leader_that_moves_is_followed(cluster: Cluster) -> None:
    """Leader changes, and a broker down that leads nothing, change nothing (Fault 18)."""
    expected = []
    source = cluster.open()
    for turn in range(3):
        cluster.broker.set_leader("t", 0, 1 + turn)
        value = b"%d" % turn
        cluster.write(value)
        expected.append(value)
        assert [value] == values(source, 1)
    cluster.broker.set_leader("t", 0, 1)
    cluster.broker.set_leader("t", 1, 1)
    cluster.broker.set_down(down=True, broker=3)
    cluster.write(b"last")
    assert [b"last"] == values(source, 1)
    assert [] == source.verify()


def test_a_coordinator_that_is_down_stops_no_reading(cluster: Cluster) -> None:
    """Reading goes on and is exact; offsets for lag tools wait (Fault 19)."""
    cluster.broker.set_leader("t", 0, 1)
    cluster.broker.set_coordinator("g", 3)
    cluster.broker.set_down(down=True, broker=3)
    source = cluster.open()
    for i in range(5):
        cluster.write(b"%d" % i)
        assert [b"%d" % i] == values(source, 1)
        source.report({("t", 0): i + 1})
    assert source.up
    assert [] == source.verify()


def test_group_offsets_that_cannot_be_committed_are_counted_and_told_once(cluster: Cluster) -> None:
    """A refused offset commit is a warning and a number, and the next one is tried (Faults 19, 23)."""
    cluster.write(b"a", b"b")
    source = cluster.open()
    assert [b"a", b"b"] == values(source, 2)
    assert eventually(source, lambda: source._group_compared)
    refused = KafkaError.GROUP_AUTHORIZATION_FAILED
    for failures in (1, 2):
        cluster.broker.fail(Api.OFFSET_COMMIT, refused)
        source.report({("t", 0): failures})
        assert eventually(source, lambda: source.report_failures)
        assert eventually(source, lambda n=failures: source.report_failures == n)
    told = source.warnings()
    assert 1 == len(told), told
    assert "the group's offsets were not committed" in told[0]
    source.report({("t", 0): 2})
    assert eventually(source, lambda: cluster.group_offset()[0] == 2)
    assert 2 == source.report_failures
    cluster.write(b"c")
    assert [b"c"] == values(source, 1)


def test_the_group_is_told_where_the_state_stands(cluster: Cluster) -> None:
    """Only what was reported as committed, not what was read (Fault 19)."""
    cluster.write(b"a", b"b", b"c")
    source = cluster.open()
    assert 3 == len(values(source, 3))
    assert eventually(source, lambda: source._group_compared)
    source.report({("t", 0): 2, ("elsewhere", 0): 7})
    assert eventually(source, lambda: cluster.group_offset() == (2, "driftline"))


def test_an_operator_who_moves_the_groups_offsets_moves_nothing(cluster: Cluster) -> None:
    """The stored offset wins, and a warning says so; our own commit gives none (Fault 29)."""
    cluster.write(b"a", b"b", b"c")
    operator = Consumer(
        {"bootstrap.servers": cluster.broker.bootstrap_servers, "group.id": "g", "log_level": 0}
    )
    operator.commit(offsets=[TopicPartition("t", 0, 0)], asynchronous=False)
    operator.close()
    source = cluster.open(at=2)
    assert [b"c"] == values(source, 1)
    assert eventually(source, lambda: source._group_compared)
    assert [
        "somebody set the group's offset of t[0] to 0; the state's own is 2, and counts"
    ] == source.warnings()
    source.report({("t", 0): 3})
    assert eventually(source, lambda: cluster.group_offset()[0] == 3)
    again = cluster.open(at=2)
    assert eventually(again, lambda: again._group_compared)
    assert [] == again.warnings()


def test_a_fetch_that_fails_for_a_while_is_repeated(cluster: Cluster) -> None:
    """Each retriable code on fetch: nothing lost, nothing twice (Fault 23)."""
    source = cluster.open()
    for code in RETRIABLE_FETCH:
        cluster.broker.fail(Api.FETCH, code)
        value = b"%d" % code
        cluster.write(value, value)
        assert [value, value] == values(source, 2), KafkaError(code)
    assert [] == values(source, 1, 0.5)
    assert [] == source.verify()


def test_a_look_at_the_cluster_that_fails_is_repeated(cluster: Cluster) -> None:
    """Each retriable code on metadata and watermarks, also at the start: what is there is found (Fault 23)."""
    for code in RETRIABLE_METADATA:
        cluster.broker.fail(Api.METADATA, code, code)
        cluster.broker.fail(Api.LIST_OFFSETS, code, code)
    source = cluster.open()
    cluster.write(b"a")
    assert [b"a"] == values(source, 1)
    assert eventually(source, lambda: len(source.partitions()) == 2)
    assert [] == source.verify()


def test_a_topic_that_we_may_not_read_ends_the_daemon(cluster: Cluster) -> None:
    """The fatal code on fetch: exit 5, with the reason (Fault 23)."""
    source = cluster.open()
    cluster.broker.fail(Api.FETCH, *[KafkaError.TOPIC_AUTHORIZATION_FAILED] * 20)
    with pytest.raises(SourceRefused, match="Topic authorization failed") as refused:
        values(source, 1)
    assert 5 == refused.value.exit_code


def test_records_deleted_before_they_were_read_are_a_loss_while_running(cluster: Cluster) -> None:
    """Retention overtakes a paused reader; the other partition goes on; skipping counts from the stored offset (Fault 24)."""
    cluster.write(b"0", b"1", b"2", b"3")
    source = cluster.open()
    assert 4 == len(values(source, 4))
    source.pause([("t", 0)])
    cluster.write(b"4", b"5", b"6")
    cluster.broker.delete_records("t", 0, 6)
    assert eventually(source, source.verify)
    (loss,) = source.verify()
    assert ("t", 0, 4, 6, 7) == (loss.topic, loss.partition, loss.stored, loss.low, loss.high)
    source.resume([("t", 0)])
    cluster.write(b"other", partition=1)
    assert [b"other"] == values(source, 1)
    assert [] == values(source, 1, 0.5), "the other partition gives nothing"
    assert {("t", 0): 6} == source.skip([loss])
    assert [b"6"] == values(source, 1)
    assert [] == source.verify()


def test_a_shorter_topic_of_the_same_name_is_found_while_running(cluster: Cluster) -> None:
    """Deleted and made anew, not yet as long: the old offset is above its end (Fault 25)."""
    cluster.write(b"0", b"1", b"2")
    source = cluster.open()
    assert 3 == len(values(source, 3))
    cluster.broker.delete_topic("t")
    cluster.broker.create_topic("t", 2)
    cluster.write(b"new")
    assert eventually(source, lambda: [x for x in source.verify() if x.partition == 0])
    assert [] == values(source, 1, 0.5)
    loss = source.verify()[0]
    assert ("t", 0, 3) == (loss.topic, loss.partition, loss.stored)
    assert {("t", 0): 0} == source.skip([loss])
    assert [b"new"] == values(source, 1)


def test_a_deleted_topic_holds_all_its_partitions(cluster: Cluster) -> None:
    """Found within some looks; skipping does nothing before the topic is there again (Fault 26)."""
    cluster.write(b"a")
    source = cluster.open()
    assert [b"a"] == values(source, 1)
    cluster.broker.delete_topic("t")
    # A partition that was just being asked for its offset says so, and not that the topic is gone.
    both = {("t", 0), ("t", 1)}
    assert eventually(source, lambda: both == {(x.topic, x.partition) for x in source.verify()})
    assert "the topic is gone" in {x.why for x in source.verify()}
    cluster.broker.create_topic("t", 2)
    cluster.write(b"new")
    assert eventually(source, lambda: source.skip(source.verify()))
    assert [b"new"] == values(source, 1)


def test_a_topic_that_comes_late_is_read_from_its_first_record() -> None:
    """It is waited for; `up` is true, no partition is shown before (Fault 27)."""
    with EmbeddedBroker({"other": 1}) as broker:
        source = KafkaSource(
            bootstrap_servers=broker.bootstrap_servers,
            topics={"late": Kind.LABEL},
            start="latest",
            discovery_s=0.2,
            ids_s=0.1,
        )
        source.open({})
        assert source.up
        assert [] == source.partitions()
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        broker.create_topic("late", 1)
        producer.produce("late", b"first", partition=0)
        assert 0 == producer.flush(10)
        assert [b"first"] == values(source, 1)
        source.close()


@pytest.mark.parametrize(
    ("made", "why"),
    [(batch(b"no gzip at all", 4, GZIP), "Decompression"), (batch(record(b"x") * 4, 4, checksum_off_by=1), "CRC")],
    ids=["undecompressable", "checksum"],
)  # fmt: skip
def test_a_damaged_batch_is_tried_again_then_lost_and_skipped_exactly(
    cluster: Cluster, made: bytes, why: str
) -> None:
    """Bounded retries, then the policy; skipping ends at the next record that can be read (Fault 30)."""
    cluster.broker.set_leader("t", 0, 1)
    cluster.write(b"before")
    assert 1 == send(cluster.broker.bootstrap_servers.split(",")[0], "t", 0, made)
    cluster.write(b"after", b"last")
    source = cluster.open()
    assert [b"before"] == values(source, 1)
    assert eventually(source, source.verify)
    (loss,) = source.verify()
    assert ("t", 0, 1) == (loss.topic, loss.partition, loss.stored)
    assert why in loss.why
    cluster.write(b"other", partition=1)
    assert [b"other"] == values(source, 1)
    assert {("t", 0): 5} == source.skip([loss])
    assert [b"after", b"last"] == values(source, 2)
    assert [] == source.verify()


def test_a_damaged_batch_at_the_end_is_skipped_to_the_end(cluster: Cluster) -> None:
    """Nothing readable stands behind it yet; what comes next is read (Fault 30)."""
    cluster.broker.set_leader("t", 0, 1)
    send(cluster.broker.bootstrap_servers.split(",")[0], "t", 0, batch(b"no gzip", 3, GZIP))
    source = cluster.open()
    assert eventually(source, source.verify)
    assert {("t", 0): 3} == source.skip(source.verify())
    cluster.write(b"next")
    assert [b"next"] == values(source, 1)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_a_message_of_10_mb_comes_through(cluster: Cluster, codec: str) -> None:
    """Larger than every default of fetching; the decoder decides what is too large (Fault 41)."""
    big = bytes(range(256)) * 40_000
    producer = Producer({
        "bootstrap.servers": cluster.broker.bootstrap_servers, "log_level": 0, "compression.type": codec,
        "message.max.bytes": 20_000_000,
    })  # fmt: skip
    producer.produce("t", big, partition=0)
    producer.produce("t", b"small", partition=0)
    assert 0 == producer.flush(15)
    source = cluster.open()
    assert [len(big), 5] == [len(value or b"") for value in values(source, 2)]


def _bomb(size: int) -> bytes:
    """One record of zeros, compressed piece by piece, so that making it costs no memory either."""
    whole = record(b"\0" * 64, length=size)
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as packed:
        packed.write(whole[:-65])
        for _ in range(size // 1_000_000):
            packed.write(b"\0" * 1_000_000)
        packed.write(b"\0")
    return out.getvalue().to_pybytes()


def test_a_bomb_is_not_inflated_beyond_what_the_client_may_receive(cluster: Cluster) -> None:
    """20 kB that would be 1 GB: refused by its size, lost by policy, memory bounded (Fault 42)."""
    cluster.broker.set_leader("t", 0, 1)
    bomb = _bomb(1_000_000_000)
    assert len(bomb) < 100_000
    send(cluster.broker.bootstrap_servers.split(",")[0], "t", 0, batch(bomb, 1, ZSTD))
    cluster.write(b"after")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source = cluster.open()
    assert eventually(source, source.verify)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024
    assert {("t", 0): 1} == source.skip(source.verify())
    assert [b"after"] == values(source, 1)
