"""Categorical columns as counts per known value; unseen values are kept by name, within a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from driftline.aggregates.numeric import Rows
from driftline.aggregates.totals import Totals, Unseen, keep_unseen, merge_unseen
from driftline.records import Coded, Ints

EXTRAS = 3
MISSING_AT, INVALID_AT, UNSEEN_AT = range(EXTRAS)
"""Counts after a column's known values, in this order."""


@dataclass(frozen=True, slots=True, eq=False)
class CategoricalPart:
    """The columns of a part as positions; ``unseen`` has the columns that hold unknown values."""

    position: Ints
    """[C, k]"""
    unseen: dict[int, tuple[Ints, tuple[str, ...]]]
    """Per column: codes (-1 where known, missing or invalid) and their values."""


@dataclass(frozen=True, slots=True, eq=False)
class CategoricalLayout:
    """Where each categorical column's counts stand in the flat vector, from ``start`` on."""

    names: tuple[str, ...]
    known: tuple[dict[str, int], ...]
    """Position of each known value."""
    sizes: Ints
    """[C] known values of each column."""
    starts: Ints
    """[C] position of each column's first known value."""
    size: int

    @classmethod
    def of(cls, columns: Sequence[tuple[str, Sequence[str]]], start: int) -> CategoricalLayout:
        """Of (name, known values) of each column."""
        sizes = np.array([len(values) for _, values in columns], np.int64)
        starts = start + np.cumsum(sizes + EXTRAS) - sizes - EXTRAS
        known = tuple(
            {value: int(at) + k for k, value in enumerate(values)}
            for at, (_, values) in zip(starts, columns, strict=True)
        )
        return cls(tuple(n for n, _ in columns), known, sizes, starts, int((sizes + EXTRAS).sum()))

    def extra(self, which: int) -> Ints:
        """[C] positions of one of the counts after the known values."""
        return self.starts + self.sizes + which

    def prepare(self, columns: Sequence[Coded], rows: int) -> CategoricalPart:
        """Look up the columns' values, each distinct one once."""
        position = np.empty((len(columns), rows), np.int64)
        unseen: dict[int, tuple[Ints, tuple[str, ...]]] = {}
        for c, column in enumerate(columns):
            after = int(self.starts[c] + self.sizes[c])
            known = self.known[c]
            positions = [known.get(value, after + UNSEEN_AT) for value in column.values]
            # Codes -1 (missing) and -2 (invalid) index from the end.
            lookup = np.array([*positions, after + INVALID_AT, after + MISSING_AT], np.int64)
            position[c] = lookup[column.codes]
            if after + UNSEEN_AT in positions:
                codes = np.where(position[c] == after + UNSEEN_AT, column.codes, -1).astype(np.int64)
                unseen[c] = codes, column.values
        return CategoricalPart(position, unseen)

    def add(self, part: CategoricalPart, rows: Rows, totals: Totals) -> None:
        """Add the given rows of a prepared part to totals."""
        if not self.names:
            return
        first = int(self.starts[0])
        flat = part.position[:, rows].ravel() - first
        totals.counts[first : first + self.size] += np.bincount(flat, minlength=self.size)
        if part.unseen:
            found = tuple(_unseen(part.unseen.get(c), rows) for c in range(len(self.names)))
            totals.unseen = merge_unseen(totals.unseen, found)


def _unseen(column: tuple[Ints, tuple[str, ...]] | None, rows: Rows) -> Unseen:
    if column is None:
        return {}
    codes, values = column
    counts = np.bincount(codes[rows] + 1, minlength=len(values) + 1)[1:]
    return keep_unseen({values[k]: int(counts[k]) for k in np.flatnonzero(counts)})
