"""The join state: one row per outstanding id, columns of plain arrays, near 80 bytes a row.

Rows are appended; expired ones are marked dead and dropped when the table is compacted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.join.index import KeyIndex
from driftline.records import Bools, Ints, Words

PREDICTED = 1
"""The row's prediction was read."""
LABELLED = 2
"""The row has a label in force, or a retraction."""
DEAD = 4
"""The row waits to be dropped."""

_COLUMNS: tuple[tuple[str, type[np.generic], int | float], ...] = (
    ("time_ms", np.int64, 0),
    ("eff_ms", np.int64, 0),
    ("model", np.int32, -1),
    ("slot", np.int32, -1),
    ("predicted", np.int32, -1),
    ("value", np.float64, np.nan),
    ("label", np.int32, -1),
    ("label_value", np.float64, np.nan),
    ("label_ms", np.int64, -1),
    ("revision", np.int64, 0),
    ("flags", np.uint8, 0),
)


class JoinTable:
    """Columns of all outstanding ids, with an index by key."""

    def __init__(self, segments: int = 0) -> None:
        self.segment_width = segments
        self.rows = 0
        self.dead = 0
        self.keys: Words = np.zeros((1024, 2), np.uint64)
        self.columns: dict[str, NDArray[Any]] = {n: np.full(1024, f, t) for n, t, f in _COLUMNS}
        self.columns["segments"] = np.full((1024, segments), -1, np.int32)
        self.scores: dict[int, NDArray[np.float64]] = {}
        self._index = KeyIndex()

    def __getattr__(self, name: str) -> NDArray[Any]:
        try:
            return self.__dict__["columns"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def live(self) -> int:
        """Rows that are not dead."""
        return self.rows - self.dead

    @property
    def row_bytes(self) -> int:
        """Memory of one row's columns, the index aside."""
        wide = sum(c.itemsize * (c.shape[1] if c.ndim > 1 else 1) for c in self.columns.values())
        return wide + self.keys.itemsize * 2

    @property
    def nbytes(self) -> int:
        """Memory that the live rows need, index included."""
        return self.live * (self.row_bytes + 8)

    def find(self, keys: Words) -> Ints:
        """Row of each key, or -1."""
        return self._index.find(self.keys, keys)

    def append(self, keys: Words) -> Ints:
        """New rows for distinct, unknown keys, with every column at its default."""
        count, start = len(keys), self.rows
        self._reserve(start + count)
        rows = np.arange(start, start + count)
        self.keys[start : start + count] = keys
        self.rows = start + count
        if self._index.fits(self.rows):
            self._index.insert(keys, rows)
        else:
            self._reindex()
        return rows

    def kill(self, rows: Ints) -> None:
        """Mark rows dead; their keys are found no more after the next compaction."""
        self.flags[rows] |= DEAD
        self.dead += len(rows)

    def revive(self, rows: Ints) -> None:
        """Dead rows whose keys come again start anew, every column at its default."""
        for name, _type, fill in _COLUMNS:
            self.columns[name][rows] = fill
        self.columns["segments"][rows] = -1
        self.dead -= len(rows)
        if self.scores:
            for row in rows.tolist():
                self.scores.pop(row, None)

    def compact(self) -> None:
        """Drop the dead rows."""
        keep = np.flatnonzero((self.flags[: self.rows] & DEAD) == 0)
        kept_scores = {int(n): self.scores[o] for n, o in enumerate(keep.tolist()) if o in self.scores}
        self.keys[: len(keep)] = self.keys[keep]
        for name, _type, fill in _COLUMNS:
            column = self.columns[name]
            column[: len(keep)] = column[keep]
            column[len(keep) : self.rows] = fill
        self.columns["segments"][: len(keep)] = self.columns["segments"][keep]
        self.columns["segments"][len(keep) : self.rows] = -1
        self.rows, self.dead, self.scores = len(keep), 0, kept_scores
        self._reindex()

    def select(self, where: Callable[[JoinTable], Bools]) -> Ints:
        """Live rows for which ``where`` (over whole columns) holds."""
        live = (self.flags[: self.rows] & DEAD) == 0
        return np.flatnonzero(live & where(self)[: self.rows])

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Copies of the live rows' columns."""
        keep = np.flatnonzero((self.flags[: self.rows] & DEAD) == 0)
        arrays = {name: column[keep] for name, column in self.columns.items()}
        arrays["keys"] = self.keys[keep]
        scored = [i for i, row in enumerate(keep.tolist()) if row in self.scores]
        if scored:
            vectors = [self.scores[int(keep[i])] for i in scored]
            arrays["scored"] = np.array(scored, np.int64)
            arrays["score_lengths"] = np.array([len(v) for v in vectors], np.int64)
            arrays["score_values"] = np.concatenate(vectors)
        return arrays

    @classmethod
    def restore(cls, arrays: dict[str, NDArray[Any]]) -> JoinTable:
        """The table that ``snapshot`` was taken of."""
        table = cls(arrays["segments"].shape[1])
        rows = table.append(arrays["keys"])
        for name in table.columns:
            table.columns[name][rows] = arrays[name]
        if "scored" in arrays:
            pieces = np.split(arrays["score_values"], np.cumsum(arrays["score_lengths"])[:-1])
            table.scores = dict(zip(arrays["scored"].tolist(), pieces, strict=True))
        return table

    def _reserve(self, rows: int) -> None:
        capacity = len(self.keys)
        if rows <= capacity:
            return
        while capacity < rows:
            capacity *= 2
        self.keys = np.concatenate([self.keys, np.zeros((capacity - len(self.keys), 2), np.uint64)])
        for name, type_, fill in _COLUMNS:
            old = self.columns[name]
            self.columns[name] = np.concatenate([old, np.full(capacity - len(old), fill, type_)])
        old = self.columns["segments"]
        fresh = np.full((capacity - len(old), self.segment_width), -1, np.int32)
        self.columns["segments"] = np.concatenate([old, fresh])

    def _reindex(self) -> None:
        rows = np.flatnonzero((self.flags[: self.rows] & DEAD) == 0)
        self._index = KeyIndex.build(self.keys[rows], rows, max(1, self.rows) * 2)
