"""A hash index over rows of 128-bit keys: open addressing with linear probing, a batch at a time."""

from __future__ import annotations

import numpy as np

from driftline.records import Bools, Ints, Words

_EMPTY = np.int32(-1)
_LEAST = 1024


class KeyIndex:
    """Finds the row of a key. Rows are never taken out one by one: the owner rebuilds the index."""

    def __init__(self, capacity: int = _LEAST) -> None:
        self._slots = np.full(capacity, _EMPTY, np.int32)

    def fits(self, rows: int) -> bool:
        """Whether ``rows`` rows keep the load at or under 0.6, where probes stay short."""
        return rows * 5 <= len(self._slots) * 3

    @property
    def nbytes(self) -> int:
        """Memory of the index."""
        return self._slots.nbytes

    @classmethod
    def build(cls, keys: Words, rows: Ints, expected: int) -> KeyIndex:
        """An index of ``rows`` (distinct keys) with room for ``expected`` rows."""
        capacity = _LEAST
        while expected * 5 > capacity * 3:
            capacity *= 2
        index = cls(capacity)
        index.insert(keys, rows)
        return index

    def find(self, table: Words, keys: Words) -> Ints:
        """Row of each key, or -1. ``table`` [rows, 2] are the keys of all rows."""
        mask = len(self._slots) - 1
        found = np.full(len(keys), -1, np.int64)
        open_ = np.arange(len(keys))
        spot = (keys[:, 1] & np.uint64(mask)).astype(np.int64)
        while len(open_):
            rows = self._slots[spot]
            used = rows >= 0
            open_, spot, rows = open_[used], spot[used], rows[used]
            wanted = keys[open_]
            here = table[rows]
            same = (here[:, 0] == wanted[:, 0]) & (here[:, 1] == wanted[:, 1])
            found[open_[same]] = rows[same]
            other = ~same
            open_, spot = open_[other], (spot[other] + 1) & mask
        return found

    def insert(self, keys: Words, rows: Ints) -> None:
        """Add rows whose keys are distinct and not in the index yet."""
        mask = len(self._slots) - 1
        rows32 = rows.astype(np.int32)
        spot = (keys[:, 1] & np.uint64(mask)).astype(np.int64)
        while len(rows32):
            free = self._slots[spot] == _EMPTY
            self._slots[spot[free]] = rows32[free]
            lost = self._slots[spot] != rows32  # taken before, or by another row of this batch
            rows32, spot = rows32[lost], (spot[lost] + 1) & mask


def first_of_each(keys: Words) -> Bools:
    """True where a key stands for the first time in the batch."""
    n = len(keys)
    first = np.ones(n, np.bool_)
    words = np.sort(keys[:, 1])
    if not (words[1:] == words[:-1]).any():
        return first
    order = np.lexsort((np.arange(n), keys[:, 1], keys[:, 0]))
    ordered = keys[order]
    first[order[1:]] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return first
