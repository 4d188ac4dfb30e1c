"""Reading from a source until something is so, or a bounded time is over."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from driftline.ports import Source


def rows(source: Source, count: int, timeout_s: float = 15) -> list[Any]:
    """(topic, partition, offset, value, headers) of what is read until ``count`` came."""
    found: list[Any] = []
    end = time.monotonic() + timeout_s
    while len(found) < count and time.monotonic() < end:
        source.refresh()
        for batch in source.poll(0.1, 10_000):
            headers = batch.headers or [None] * len(batch)
            found += [
                (*batch.sources[batch.source[i]], int(batch.offsets[i]), batch.values[i], headers[i])
                for i in range(len(batch))
            ]
    return found


def values(source: Source, count: int, timeout_s: float = 15) -> list[bytes | None]:
    """The values of what is read until ``count`` came."""
    return [row[3] for row in rows(source, count, timeout_s)]


def eventually(source: Source, ask: Callable[[], Any], timeout_s: float = 15) -> Any:
    """The first true answer, polling in between; the last answer when the time is over. What is read is dropped."""
    end = time.monotonic() + timeout_s
    while not (answer := ask()) and time.monotonic() < end:
        source.poll(0.05, 10_000)
        source.refresh()
    return answer


def known(source: Source, count: int, timeout_s: float = 15) -> bool:
    """Wait until so many partitions were found, reading nothing: a broker may not tell all of a new topic at once."""
    end = time.monotonic() + timeout_s
    while len(source.partitions()) < count and time.monotonic() < end:
        time.sleep(0.05)
        source.refresh()
    return len(source.partitions()) == count
