"""An event that cannot be used, with where it stood and why."""

from __future__ import annotations

from dataclasses import dataclass

from driftline.records import Headers, Message, RawBatch, Reject, TopicPartition

CARRIED_BYTES = 900_000
"""What fits into a message of Kafka's default size, with its headers."""


def dead_letter(raw: RawBatch, reject: Reject, topic: str, limit_bytes: int) -> Message:
    """The message for the dead-letter topic: original bytes up to the limit, a mere reference beyond it."""
    source, partition = raw.sources[raw.source[reject.index]]
    offset = int(raw.offsets[reject.index])
    value = raw.values[reject.index]
    headers = [
        ("driftline_topic", source.encode()), ("driftline_partition", str(partition).encode()),
        ("driftline_offset", str(offset).encode()), ("driftline_reason", reject.reason.encode()),
    ]  # fmt: skip
    if value is not None and len(value) > min(limit_bytes, CARRIED_BYTES):
        headers.append(("driftline_size", str(len(value)).encode()))
        value = b""
    return Message(topic, None, value, tuple(headers), f"{source}/{partition}/{offset}/{reject.reason}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a dead letter came from, and why it is one."""

    topic: str
    partition: int
    offset: int
    reason: str


def origin_of(headers: Headers) -> Origin | None:
    """By its headers; None: it is no dead letter."""
    told = {name: value.decode("utf-8", "replace") for name, value in headers if value is not None}
    try:
        numbers = int(told["driftline_partition"]), int(told["driftline_offset"])
        return Origin(told["driftline_topic"], *numbers, told["driftline_reason"])
    except (KeyError, ValueError):
        return None


def place_of(message: Message) -> TopicPartition | None:
    """The partition that a dead letter came from; None: it is none."""
    origin = origin_of(message.headers)
    return (origin.topic, origin.partition) if origin else None
