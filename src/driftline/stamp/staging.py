"""What waits for W to pass its effective time, in the order (eff, topic, partition, offset).

For the state file it is a log of append-only blocks: a commit writes what was staged since the last one.
What took effect is written nowhere: the last bound tells it, so a block is dropped when all its rows are
through, and never rewritten for those that are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.ledger import Ledger
from driftline.records import Codes32

Columns = dict[str, NDArray[Any]]

COLUMN_BYTES = 4
"""About what one value takes in a block."""

UNWRITTEN = 0
"""Number of the block of rows that no block has yet."""


@dataclass(slots=True)
class StagedBlock:
    """Rows as they were staged; ``takes`` is how often rows had been taken out when it was written."""

    number: int
    takes: int
    columns: Columns


class Staging:
    """Rows of plain columns, ordered by ``eff_ms`` and the further keys given, the first row first.

    ``order`` names the columns that break a tie of ``eff_ms``; equal rows stay in the order of reading,
    which within one record is its own order.
    """

    def __init__(self, order: tuple[str, ...]) -> None:
        self._order = order
        self._chunks: list[tuple[int, Columns]] = []
        """(number of the block, its rows that still wait)."""
        self.rows = 0
        self.ledger = Ledger()
        self.takes = 0
        self.taken_ms = -(1 << 62)
        """Bound of the last ``take``; bounds never fall."""
        self.unwritten_bytes = 0
        """About what the next commit has to write."""

    def add(self, columns: Columns) -> None:
        """Stage rows; all calls give the same columns."""
        count = len(columns["eff_ms"])
        if count:
            self._chunks.append((UNWRITTEN, columns))
            self.rows += count
            self.unwritten_bytes += count * COLUMN_BYTES * len(columns)

    def take(self, before_ms: int, ranks: Mapping[str, Codes32] | None = None) -> Columns | None:
        """Take out the rows with an effective time before ``before_ms``, in order; None: no row.

        ``ranks`` tells how the codes of a column are ordered, where the code itself does not.
        """
        self.takes += 1
        self.taken_ms = max(self.taken_ms, before_ms)
        taken, kept = [], []
        for number, columns in self._chunks:
            due = columns["eff_ms"] < before_ms
            count = int(due.sum())
            if count:
                taken.append(columns if count == len(due) else {n: c[due] for n, c in columns.items()})
                self.ledger.free(number, count)
            if count < len(due):
                kept.append((number, {n: c[~due] for n, c in columns.items()} if count else columns))
        self._chunks = kept
        if not taken:
            return None
        rows = _joined(taken)
        self.rows -= len(rows["eff_ms"])
        ranked = ranks or {}
        keys = [ranked[n][rows[n]] if n in ranked else rows[n] for n in reversed(self._order)]
        order = np.lexsort([*keys, rows["eff_ms"]])
        return {n: c[order] for n, c in rows.items()}

    def write(self) -> tuple[list[StagedBlock], list[int]]:
        """The blocks to add, and the numbers of those to delete, so that the log holds what is staged."""
        gone = self.ledger.sweep()
        blocks = []
        for run in [*self.ledger.due(), [UNWRITTEN]]:
            moved = [columns for number, columns in self._chunks if number in run]
            self._chunks = [(number, columns) for number, columns in self._chunks if number not in run]
            if run != [UNWRITTEN]:
                gone += run
                self.ledger.drop(run)
            if moved:
                blocks.append(self._block(_joined(moved)))
        self.unwritten_bytes = 0
        return blocks, gone

    def _block(self, columns: Columns) -> StagedBlock:
        number = self.ledger.add(len(columns["eff_ms"]))
        self._chunks.append((number, columns))
        return StagedBlock(number, self.takes, columns)

    def read(self, blocks: Iterable[StagedBlock], takes: int, taken_ms: int) -> None:
        """Bring an empty staging to what blocks hold; ``takes`` and ``taken_ms`` are those of the commit."""
        self.takes, self.taken_ms = takes, taken_ms
        for block in sorted(blocks, key=lambda b: b.number):
            eff_ms = block.columns["eff_ms"]
            waits = ~((eff_ms < taken_ms) & (block.takes < takes))
            count = int(waits.sum())
            self.ledger.know(block.number, 0, len(eff_ms), count)
            if count:
                self._chunks.append((block.number, {n: c[waits] for n, c in block.columns.items()}))
                self.rows += count


def _joined(chunks: list[Columns]) -> Columns:
    """All rows as one."""
    if len(chunks) == 1:
        return chunks[0]
    return {n: np.concatenate([c[n] for c in chunks]) for n in chunks[0]}
