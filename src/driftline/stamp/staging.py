"""What waits for W to pass its effective time, in the order (eff, topic, partition, offset)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.records import Codes32

Columns = dict[str, NDArray[Any]]


class Staging:
    """Rows of plain columns, ordered by ``eff_ms`` and the further keys given, the first row first.

    ``order`` names the columns that break a tie of ``eff_ms``; equal rows stay in the order of reading,
    which within one record is its own order.
    """

    def __init__(self, order: tuple[str, ...]) -> None:
        self._order = order
        self._chunks: list[Columns] = []
        self.rows = 0

    def add(self, columns: Columns) -> None:
        """Stage rows; all calls give the same columns."""
        count = len(columns["eff_ms"])
        if count:
            self._chunks.append(columns)
            self.rows += count

    def _all(self) -> Columns:
        if len(self._chunks) > 1:
            names = self._chunks[0]
            self._chunks = [{n: np.concatenate([c[n] for c in self._chunks]) for n in names}]
        return self._chunks[0]

    def take(self, before_ms: int, ranks: Mapping[str, Codes32] | None = None) -> Columns | None:
        """Take out the rows with an effective time before ``before_ms``, in order; None: no row.

        ``ranks`` tells how the codes of a column are ordered, where the code itself does not.
        """
        if not self.rows:
            return None
        columns = self._all()
        due = columns["eff_ms"] < before_ms
        count = int(due.sum())
        if not count:
            return None
        taken = {n: c[due] for n, c in columns.items()}
        kept = {n: c[~due] for n, c in columns.items()}
        self._chunks = [kept] if count < self.rows else []
        self.rows -= count
        ranked = ranks or {}
        keys = [ranked[n][taken[n]] if n in ranked else taken[n] for n in reversed(self._order)]
        order = np.lexsort([*keys, taken["eff_ms"]])
        return {n: c[order] for n, c in taken.items()}

    def snapshot(self) -> Columns:
        """All rows, as columns."""
        return dict(self._all()) if self.rows else {}

    def restore(self, columns: Columns) -> None:
        """Stage what a snapshot held."""
        if columns:
            self.add(columns)
