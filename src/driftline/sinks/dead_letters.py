"""An event that cannot be used, with where it stood and why."""

from __future__ import annotations

from driftline.records import Message, RawBatch, Reject, TopicPartition

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


def place_of(message: Message) -> TopicPartition | None:
    """The partition that a dead letter came from; None: it is none."""
    headers = dict(message.headers)
    if not {"driftline_topic", "driftline_partition"} <= headers.keys():
        return None
    return headers["driftline_topic"].decode(), int(headers["driftline_partition"])
