"""The idempotent producer behind the outbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from driftline.ports import Delivery
from driftline.records import Message

OWN: Mapping[str, Any] = {
    "enable.idempotence": True, "acks": "all", "linger.ms": 5, "log_level": 0, "compression.type": "lz4",
    "message.timeout.ms": 30_000,
}  # fmt: skip
RENEW_S = 1.0
"""How long a producer that has failed for good is given to report what it held."""


class KafkaPublisher:
    """Sends, and tells afterwards what arrived.

    Every message ends as one ``Delivery``; one that failed is the caller's to send again. An idempotent producer
    that met a fatal error (its epoch was fenced, its sequence was lost) never sends again: it is replaced, and
    what it held fails, so that the caller repeats it under the same ids.
    """

    def __init__(self, bootstrap_servers: str, properties: Mapping[str, str]) -> None:
        self._settings: dict[str, Any] = {**properties, "bootstrap.servers": bootstrap_servers, **OWN}
        self._done: list[Delivery] = []
        self._failed_for_good = False
        self._producer = self._make()

    def publish(self, messages: Sequence[Message]) -> None:
        """Hand messages to the producer's queue; what does not fit comes back as a failure."""
        if self._failed_for_good:
            self._renew()
        for message in messages:
            self._send(message)
        self._serve(0)

    def poll(self) -> list[Delivery]:
        """Deliveries and failures since the last call."""
        self._serve(0)
        done, self._done = self._done, []
        return done

    def flush(self, timeout_s: float) -> int:
        """Wait; returns what is still open."""
        try:
            return int(self._producer.flush(timeout_s))
        except KafkaException as error:
            self._note(error.args[0])
            return len(self._producer)

    def _serve(self, timeout_s: float) -> None:
        """Call back what is due. A fatal error is raised from here by confluent-kafka, not called back."""
        try:
            self._producer.poll(timeout_s)
        except KafkaException as error:
            self._note(error.args[0])

    def _make(self) -> Producer:
        return Producer({**self._settings, "error_cb": self._note})

    def _send(self, message: Message) -> None:
        report = partial(self._report, message.id)
        try:
            self._producer.produce(
                message.topic, value=message.value, key=message.key, headers=list(message.headers), on_delivery=report
            )  # fmt: skip
        except BufferError:
            self._done.append(Delivery(message.id, "the producer's queue is full"))
        except KafkaException as error:
            self._report(message.id, error.args[0], None)

    def _report(self, id_: str, error: KafkaError | None, _message: Any) -> None:
        self._note(error)
        self._done.append(Delivery(id_, None if error is None else error.str()))

    def _note(self, error: KafkaError | None) -> None:
        if error is not None and (error.fatal() or error.code() == KafkaError._FATAL):  # noqa: SLF001
            self._failed_for_good = True

    def _renew(self) -> None:
        self._producer.purge()
        self.flush(RENEW_S)
        self._failed_for_good = False
        self._producer = self._make()
