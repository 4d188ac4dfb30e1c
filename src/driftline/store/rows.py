"""What goes into the state file and comes out of it, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from driftline.records import Blob, BlobKey, Message

StreamKey = tuple[str, str, str]
"""(stream, table, key)."""


@dataclass(frozen=True, slots=True)
class PartitionRow:
    """Where reading goes on, and up to which event time the partition is complete."""

    stream: str
    topic: str
    partition: int
    next_offset: int
    watermark_ms: int | None
    topic_id: str = ""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message that waits to be sent; ``seq`` is never used twice."""

    seq: int
    stream: str
    message: Message
    created_ms: int


@dataclass(frozen=True, slots=True)
class ControlRow:
    """A decision that the logs alone do not tell: idle, wake, discovery, reload, a new reference."""

    stream: str
    at_ms: int
    kind: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class Commit:
    """What changed since the last commit; all of it is stored, or nothing."""

    partitions: list[PartitionRow] = field(default_factory=list)
    blobs: dict[StreamKey, Blob | None] = field(default_factory=dict)
    """None deletes."""
    controls: list[tuple[str, int, str, dict[str, Any]]] = field(default_factory=list)
    """(stream, at_ms, kind, data)."""
    outbox: list[tuple[str, Message]] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    """Outbox rows that the broker has acknowledged; they are dropped."""
    now_ms: int = 0
    """When the outbox rows are written."""


class Committed(NamedTuple):
    """What a commit did: the numbers of its new outbox rows, in order, and the bytes of its blocks."""

    seqs: list[int]
    bytes_written: int


@dataclass(frozen=True, slots=True)
class Stored:
    """All that the file holds."""

    partitions: list[PartitionRow]
    blobs: dict[str, dict[BlobKey, Blob]]
    outbox: list[OutboxRow]
    controls: list[ControlRow]


@dataclass(frozen=True, slots=True)
class Summary:
    """What ``state show`` prints."""

    format_version: int
    size_bytes: int
    blocks: list[tuple[str, str, int, int]]
    """(stream, table, blocks, bytes)."""
    stored: Stored
