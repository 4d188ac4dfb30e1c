"""Batches that cannot be decompressed or whose checksum is wrong: tried again a few times, then lost.

librdkafka asks for such a batch again by itself, after a pause, and tells each failure as an event.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from driftline.records import TopicPartition as Key

TRIES = 3
"""So many failures in a row at one place, and it counts as lost."""
PROBE_S = 5.0
CODES = frozenset({
    KafkaError._BAD_COMPRESSION,  # noqa: SLF001 - librdkafka's own codes are public under this name
    KafkaError._BAD_MSG,  # noqa: SLF001
    KafkaError.INVALID_MSG,
})  # fmt: skip
_END = KafkaError._PARTITION_EOF  # noqa: SLF001


@dataclass(slots=True)
class Failures:
    """How often in a row each partition could not be read on."""

    _counts: dict[Key, int] = field(default_factory=dict)
    given_up: set[Key] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self._counts)

    def failed(self, key: Key) -> bool:
        """Count one failure; whether it is time to give up."""
        self._counts[key] = self._counts.get(key, 0) + 1
        if self._counts[key] >= TRIES:
            self.given_up.add(key)
        return key in self.given_up

    def passed(self, keys: Iterable[Key]) -> None:
        """They were read after all."""
        for key in keys:
            self._counts.pop(key, None)
            self.given_up.discard(key)


def next_readable(first: int, end: int, readable: Callable[[int], bool]) -> int:
    """The lowest offset above ``first`` from which reading works; ``end`` where none below it does.

    A batch is unreadable as a whole, so that from some offset on reading works: searched by doubling steps,
    then by halves. ``readable(end)`` is not asked.
    """
    bad, step = first, 1
    while bad + step < end and not readable(bad + step):
        bad, step = bad + step, 2 * step
    good = min(bad + step, end)
    while good - bad > 1:
        middle = (bad + good) // 2
        if readable(middle):
            good = middle
        else:
            bad = middle
    return good


class Probe:
    """Asks with a consumer of its own whether reading works from an offset."""

    def __init__(self, settings: Mapping[str, Any], key: Key) -> None:
        self._consumer = Consumer(dict(settings))
        self._key = key

    def readable(self, offset: int) -> bool:
        """Whether a record, or the end, comes; no answer within ``PROBE_S`` counts as unreadable."""
        self._consumer.assign([TopicPartition(*self._key, offset)])
        until = time.monotonic() + PROBE_S
        while time.monotonic() < until:
            message = self._consumer.poll(0.1)
            if message is None:
                continue
            error = message.error()
            if error is None or error.code() == _END:
                return True
            if error.code() in CODES:
                return False
        return False

    def close(self) -> None:
        """Let go."""
        self._consumer.close()
