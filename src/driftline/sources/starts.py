"""Where a partition is read from when it is taken up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet

from driftline.records import TopicPartition
from driftline.sources.offsets import Offsets, Watermarks

AskAtTime = Callable[[list[TopicPartition], int], Mapping[TopicPartition, int]]
"""The first offset at or after an instant, -1 where there is none; partitions that could not be asked are left out."""


def starts(
    start: str | int,
    fresh: Watermarks,
    stored: Offsets,
    appeared: AbstractSet[TopicPartition],
    at_time: AskAtTime,
) -> dict[TopicPartition, int]:
    """The state's offset where there is one; else ``earliest``, ``latest``, or the first at epoch milliseconds.

    What ``appeared`` while running is read from its first record. A partition whose time could not be asked is
    left out: it is taken up at a later look.
    """
    known = {key: stored.get(key, low) for key, (low, _) in fresh.items()}
    unread = [key for key in fresh if key not in stored and key not in appeared]
    if start == "earliest" or not unread:
        return known
    if start == "latest":
        return known | {key: fresh[key][1] for key in unread}
    found = at_time(unread, int(start))
    known |= {key: offset if offset >= 0 else fresh[key][1] for key, offset in found.items()}
    return {key: at for key, at in known.items() if key not in unread or key in found}
