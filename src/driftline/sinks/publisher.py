"""The idempotent producer behind the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaException, Producer

from driftline.ports import Delivery
from driftline.records import Message


class KafkaPublisher:
    """Sends, and tells afterwards what arrived."""

    def __init__(self, bootstrap_servers: str, properties: Mapping[str, str]) -> None:
        own = {
            "bootstrap.servers": bootstrap_servers, "enable.idempotence": True, "acks": "all", "linger.ms": 5, "log_level": 0,
            "compression.type": "lz4", "message.timeout.ms": 30_000,
        }  # fmt: skip
        self._producer = Producer({**properties, **own})
        self._done: list[Delivery] = []

    def publish(self, messages: Sequence[Message]) -> None:
        """Hand messages to the producer's queue; what does not fit comes back as a failure."""
        for m in messages:
            try:
                self._producer.produce(
                    m.topic,
                    value=m.value,
                    key=m.key,
                    headers=list(m.headers),
                    on_delivery=partial(self._report, m.id),
                )
            except BufferError:
                self._done.append(Delivery(m.id, "the producer's queue is full"))
            except KafkaException as error:
                self._done.append(Delivery(m.id, error.args[0].str()))
        self._producer.poll(0)

    def _report(self, id_: str, error: Any, _message: Any) -> None:
        self._done.append(Delivery(id_, None if error is None else error.str()))

    def poll(self) -> list[Delivery]:
        """Deliveries and failures since the last call."""
        self._producer.poll(0)
        done, self._done = self._done, []
        return done

    def flush(self, timeout_s: float) -> int:
        """Wait; returns what is still open."""
        return int(self._producer.flush(timeout_s))
