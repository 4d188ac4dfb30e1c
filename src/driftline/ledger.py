"""The ledger of a log of append-only blocks: how much of each is still in use, and what to rewrite.

It knows no rows, only numbers. A block is written once, never changed, and dropped whole when nothing of
it is in use. Small blocks are merged eight at a time, so that their number grows with the logarithm of the
rows; a block that is mostly out of use is written anew, so that the log is at most about twice its rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FAN = 8
SMALL_ROWS = 8192
"""Blocks of this many rows are not merged any more."""
WHOLE_ROWS = 65_536
"""A rewritten block has at most so many rows."""
SPARE_ROWS = 4096
"""Less than this out of use is not worth a rewrite."""


@dataclass(slots=True)
class Entry:
    """One block: what it belongs to, the rows that were written, and those in use."""

    group: int
    written: int
    live: int


class Ledger:
    """Blocks by their number; numbers rise, and are used once. Blocks of different groups are not merged."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.next_id = 1
        self.forced: set[int] = set()
        """Blocks that must be rewritten by the next commit, whatever their size."""

    def add(self, rows: int, group: int = 0) -> int:
        """A new block of so many rows; returns its number."""
        number = self.next_id
        self.next_id += 1
        self.entries[number] = Entry(group, rows, rows)
        return number

    def know(self, number: int, group: int, written: int, live: int) -> None:
        """A block that was read back."""
        self.entries[number] = Entry(group, written, live)
        self.next_id = max(self.next_id, number + 1)

    def release(self, numbers: NDArray[np.int32]) -> None:
        """One row each of these blocks is out of use."""
        found, counts = np.unique(numbers, return_counts=True)
        for number, count in zip(found.tolist(), counts.tolist(), strict=True):
            self.free(number, count)

    def free(self, number: int, rows: int) -> None:
        """So many rows of a block are out of use; 0 is no block, and a dropped one is past counting."""
        if number in self.entries:
            self.entries[number].live -= rows

    def recount(self, live: dict[int, int]) -> None:
        """State the rows in use of all blocks."""
        for number, entry in self.entries.items():
            entry.live = live.get(number, 0)

    def force(self, numbers: Iterable[int]) -> None:
        """Have blocks rewritten by the next commit."""
        self.forced.update(n for n in numbers if n in self.entries)

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget blocks."""
        for number in numbers:
            del self.entries[number]
            self.forced.discard(number)

    def sweep(self) -> list[int]:
        """Forget the blocks that are not in use at all; returns them."""
        gone = [number for number, entry in self.entries.items() if entry.live <= 0]
        self.drop(gone)
        return gone

    def due(self) -> list[list[int]]:
        """Runs of blocks of one group, each to be written anew as one, in rising order."""
        runs = [*([number] for number in sorted(self.forced)), *self._small()]
        taken = {number for run in runs for number in run}
        return [*runs, *([number] for number in self._sparse() if number not in taken)]

    def _small(self) -> list[list[int]]:
        classes: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for number, entry in self.entries.items():
            if entry.live < SMALL_ROWS and number not in self.forced:
                classes[entry.group, entry.live.bit_length() // 3].append(number)
        return [sorted(run) for run in classes.values() if len(run) >= FAN]

    def _sparse(self) -> list[int]:
        """The block with the most rows out of use, once a good half of all are."""
        spare = sum(e.written - e.live for e in self.entries.values())
        if spare < SPARE_ROWS or spare <= sum(e.live for e in self.entries.values()):
            return []
        return [max(self.entries, key=lambda n: self.entries[n].written - self.entries[n].live)]
