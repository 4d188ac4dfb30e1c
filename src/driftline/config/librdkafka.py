"""The librdkafka properties that the daemon itself must set, and why; and how others are refused by librdkafka."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

_OFFSETS = "offsets are committed with the state"
_ASSIGNED = "partitions are assigned, without a group"
_SENT = "triggers are always sent idempotently, all replicas acknowledging"

OWNED = {
    "bootstrap.servers": "write it as kafka.bootstrap_servers",
    "metadata.broker.list": "write it as kafka.bootstrap_servers",
    "auto.offset.reset": "write kafka.start and kafka.on_data_loss",
    "enable.auto.commit": _OFFSETS,
    "enable.auto.offset.store": _OFFSETS,
    "auto.commit.interval.ms": _OFFSETS,
    "isolation.level": "only committed records are read",
    "group.id": _ASSIGNED,
    "group.instance.id": _ASSIGNED,
    "group.protocol": _ASSIGNED,
    "partition.assignment.strategy": _ASSIGNED,
    "enable.partition.eof": "idleness depends on it",
    "allow.auto.create.topics": "topics are made by whoever owns them",
    "enable.idempotence": _SENT,
    "acks": _SENT,
    "message.timeout.ms": _SENT,
    "linger.ms": _SENT,
    "compression.type": _SENT,
    "transactional.id": "triggers are sent from the outbox",
    "log_level": "librdkafka's own lines are not logged; errors are events",
}
"""Property: where it is written instead, or why it is not anybody's to change."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A property that librdkafka does not take."""

    key: str
    """Empty where it is about several."""
    message: str
    doubtful: bool = False
    """It is taken all the same, or may be where the daemon runs."""


Refusals = Callable[[Mapping[str, str], Collection[str]], Iterable[Refusal]]
"""Asks librdkafka about properties, of which those named second are not to be shown: whoever knows Kafka gives it."""
