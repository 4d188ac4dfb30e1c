"""The publisher under the faults that librdkafka's mock cluster can show: every message has a fate, none is lost."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from driftline.ports import Delivery
from driftline.records import Message
from driftline.sinks.publisher import KafkaPublisher
from driftline.sources.embedded import EmbeddedBroker
from driftline.sources.mock_cluster import Api

RETRIABLE = (
    KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND, KafkaError._TRANSPORT,
)  # fmt: skip
REFUSED = (
    KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.INVALID_REQUIRED_ACKS,
    KafkaError.INVALID_RECORD, KafkaError.NETWORK_EXCEPTION,
)  # fmt: skip
"""Those that librdkafka does not repeat by itself."""
FATAL = (KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, KafkaError.INVALID_PRODUCER_EPOCH)


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker({"out": 1}) as made:
        yield made


def _message(number: int, size: int = 10) -> Message:
    return Message("out", b"m", b"v" * size, (("ce_id", b"%d" % number),), f"id-{number}")


def _fates(publisher: KafkaPublisher, count: int, timeout_s: float = 20) -> list[Delivery]:
    """The deliveries until ``count`` came, or the time is over."""
    found: list[Delivery] = []
    end = time.monotonic() + timeout_s
    while len(found) < count and time.monotonic() < end:
        publisher.flush(0.1)
        found += publisher.poll()
    return found


def _until_sent(publisher: KafkaPublisher, message: Message) -> None:
    """Send again and again, as the outbox does: a topic that was refused stays so until the client asks anew."""
    for _ in range(20):
        publisher.publish([message])
        if [Delivery(message.id)] == _fates(publisher, 1):
            return
        time.sleep(0.5)
    raise AssertionError(f"{message.id} was never taken")


def _arrived(broker: EmbeddedBroker) -> list[bytes]:
    """The ids in the topic, in order."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap_servers,
            "group.id": "r",
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    consumer.assign([TopicPartition("out", 0, 0)])
    ids: list[bytes] = []
    for _ in range(200):
        message = consumer.poll(0.1)
        if message is not None and message.error() is not None:
            break
        if message is not None:
            ids.append(dict(message.headers())["ce_id"])
    consumer.close()
    return ids


def test_what_arrived_is_told_by_id(broker: EmbeddedBroker) -> None:
    """One delivery a message, in the order of sending."""
    publisher = KafkaPublisher(broker.bootstrap_servers, {})
    publisher.publish([_message(i) for i in range(3)])
    assert [Delivery(f"id-{i}") for i in range(3)] == _fates(publisher, 3)
    assert [b"0", b"1", b"2"] == _arrived(broker)
    assert [] == publisher.poll()


def test_passing_errors_are_repeated_without_a_second_copy(broker: EmbeddedBroker) -> None:
    """Each retriable code on produce ends in one delivery and one record (Faults 23, 31)."""
    publisher = KafkaPublisher(
        broker.bootstrap_servers, {"retry.backoff.ms": "20", "retry.backoff.max.ms": "50"}
    )
    for number, code in enumerate(RETRIABLE):
        broker.fail(Api.PRODUCE, code, code)
        publisher.publish([_message(number)])
        assert [Delivery(f"id-{number}")] == _fates(publisher, 1), KafkaError(code)
    assert [b"%d" % i for i in range(len(RETRIABLE))] == _arrived(broker)


@pytest.mark.parametrize("code", REFUSED)
def test_a_refused_message_is_a_failure_and_can_be_sent_again(broker: EmbeddedBroker, code: int) -> None:
    """Too large, no right, invalid: told once with the reason, and nothing is tried meanwhile (Faults 23, 31)."""
    publisher = KafkaPublisher(broker.bootstrap_servers, {})
    publisher.publish([_message(0)])
    _fates(publisher, 1)
    broker.fail(Api.PRODUCE, code)
    publisher.publish([_message(1)])
    (fate,) = _fates(publisher, 1)
    assert ("id-1", True) == (fate.id, bool(fate.error))
    assert [] == _fates(publisher, 1, 0.3), "no second fate, no second try"
    _until_sent(publisher, _message(1))
    assert [b"0", b"1"] == _arrived(broker)


@pytest.mark.parametrize("code", FATAL)
def test_a_producer_that_failed_for_good_is_replaced(broker: EmbeddedBroker, code: int) -> None:
    """A fatal error of the idempotent producer costs a failure, not the publisher (Faults 23, 31)."""
    publisher = KafkaPublisher(broker.bootstrap_servers, {})
    publisher.publish([_message(0)])
    assert [Delivery("id-0")] == _fates(publisher, 1)
    broker.fail(Api.PRODUCE, *[code] * 3)
    publisher.publish([_message(1)])
    (fate,) = _fates(publisher, 1)
    broker.heal(Api.PRODUCE)
    assert ("id-1", True) == (fate.id, bool(fate.error))
    _until_sent(publisher, _message(1))
    assert [b"0", b"1"] == _arrived(broker)


def test_a_message_too_large_for_the_producer_fails_alone(broker: EmbeddedBroker) -> None:
    """It is refused before it is sent; the others go (Fault 31)."""
    publisher = KafkaPublisher(broker.bootstrap_servers, {})
    publisher.publish([_message(0), _message(1, 2_000_000), _message(2)])
    fates = {fate.id: fate.error for fate in _fates(publisher, 3)}
    assert {"id-0": None, "id-2": None} == {id_: error for id_, error in fates.items() if error is None}
    assert "too large" in str(fates["id-1"])


def test_without_a_broker_nothing_blocks_and_everything_arrives_later(broker: EmbeddedBroker) -> None:
    """Handing over and asking return at once; after the return each message is there once (Faults 17, 31)."""
    publisher = KafkaPublisher(broker.bootstrap_servers, {"reconnect.backoff.max.ms": "500"})
    publisher.publish([_message(0)])
    _fates(publisher, 1)
    broker.set_down(down=True)
    began = time.monotonic()
    publisher.publish([_message(1), _message(2)])
    assert [] == publisher.poll()
    assert 2 == publisher.flush(0.2)
    assert time.monotonic() - began < 5
    broker.set_down(down=False)
    assert [Delivery("id-1"), Delivery("id-2")] == _fates(publisher, 2)
    assert [b"0", b"1", b"2"] == _arrived(broker)
