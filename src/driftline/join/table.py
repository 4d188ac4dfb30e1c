"""The join state: one row per outstanding id, columns of plain arrays, near 90 bytes a row.

Rows are appended; expired ones are marked dead and dropped when the table is compacted. Of each row it is
noted where the log of the state file has it (``join.log`` reads and writes these columns).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.join.index import KeyIndex
from driftline.ledger import Ledger
from driftline.records import Bools, Ints, Words

ROW_BYTES = 48
"""About what one row takes in a block."""
CHANGE_BYTES = 32
"""About what one change of a label takes in a block."""

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

CHANGED = 1
"""The label of the row differs from what its blocks say."""
FRESH = 2
"""The row is in no block yet."""
OVER = 4
"""An older block may hold another row of the same key."""

_BOOKS: tuple[tuple[str, type[np.generic], int], ...] = (
    ("home", np.int32, 0),
    ("changed", np.int32, 0),
    ("mark", np.uint8, FRESH),
)
"""The block that has the row, the one that has its label's last change (0: none), and what is unwritten."""


class JoinTable:
    """Columns of all outstanding ids, with an index by key."""

    def __init__(self, segments: int = 0) -> None:
        self.segment_width = segments
        self.rows = 0
        self.dead = 0
        self.keys: Words = np.zeros((1024, 2), np.uint64)
        self.columns: dict[str, NDArray[Any]] = {n: np.full(1024, f, t) for n, t, f in _COLUMNS}
        self.columns["segments"] = np.full((1024, segments), -1, np.int32)
        self.books: dict[str, NDArray[Any]] = {n: np.full(1024, f, t) for n, t, f in _BOOKS}
        self.ledger = Ledger()
        """The blocks that hold rows, and those that hold changes of labels."""
        self.shadowed: set[int] = set()
        """Blocks with rows whose key is in a newer block too."""
        self.scores: dict[int, NDArray[np.float64]] = {}
        self.unwritten_bytes = 0
        """About what the next commit has to write."""
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
        columns = (*self.columns.values(), *self.books.values())
        wide = sum(c.itemsize * (c.shape[1] if c.ndim > 1 else 1) for c in columns)
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
        self.reserve(start + count)
        rows = np.arange(start, start + count)
        self.keys[start : start + count] = keys
        self.rows = start + count
        self.unwritten_bytes += count * ROW_BYTES
        if self._index.fits(self.rows):
            self._index.insert(keys, rows)
        else:
            self.reindex()
        return rows

    def kill(self, rows: Ints) -> None:
        """Mark rows dead; their keys are found no more after the next compaction."""
        self.flags[rows] |= DEAD
        self.dead += len(rows)
        self.ledger.release(self.books["home"][rows])
        self.ledger.release(self.books["changed"][rows])

    def revive(self, rows: Ints) -> None:
        """Dead rows whose keys come again start anew, every column at its default."""
        for name, _type, fill in _COLUMNS:
            self.columns[name][rows] = fill
        self.columns["segments"][rows] = -1
        self._leave(rows)
        self.dead -= len(rows)
        self.unwritten_bytes += len(rows) * ROW_BYTES
        if self.scores:
            for row in rows.tolist():
                self.scores.pop(row, None)

    def touch(self, rows: Ints) -> None:
        """The labels of rows have changed."""
        self.books["mark"][rows] |= CHANGED
        self.unwritten_bytes += len(rows) * CHANGE_BYTES

    def rewrite(self, rows: Ints) -> None:
        """Rows have changed in more than their label: they are written anew, as new rows."""
        known = rows[self.books["home"][rows] > 0]
        self.ledger.release(self.books["home"][known])
        self.ledger.release(self.books["changed"][known])
        self._leave(known)
        self.unwritten_bytes += len(known) * ROW_BYTES

    def _leave(self, rows: Ints) -> None:
        """Rows are in no block any more, though one may still hold what they were."""
        self.shadowed.update(np.unique(self.books["home"][rows]).tolist())
        self.books["home"][rows] = self.books["changed"][rows] = 0
        self.books["mark"][rows] |= FRESH | OVER

    def compact(self) -> None:
        """Drop the dead rows."""
        keep = np.flatnonzero((self.flags[: self.rows] & DEAD) == 0)
        kept_scores = {int(n): self.scores[o] for n, o in enumerate(keep.tolist()) if o in self.scores}
        self.keys[: len(keep)] = self.keys[keep]
        for column, fill in self._filled():
            column[: len(keep)] = column[keep]
            column[len(keep) : self.rows] = fill
        self.columns["segments"][: len(keep)] = self.columns["segments"][keep]
        self.columns["segments"][len(keep) : self.rows] = -1
        self.rows, self.dead, self.scores = len(keep), 0, kept_scores
        self.reindex()

    def select(self, where: Callable[[JoinTable], Bools]) -> Ints:
        """Live rows for which ``where`` (over whole columns) holds."""
        live = (self.flags[: self.rows] & DEAD) == 0
        return np.flatnonzero(live & where(self)[: self.rows])

    def _filled(self) -> list[tuple[NDArray[Any], int | float]]:
        """All plain columns with what fills an unused row."""
        columns = [(self.columns[n], f) for n, _t, f in _COLUMNS]
        return [*columns, *((self.books[n], f) for n, _t, f in _BOOKS)]

    def read(self, rows: Ints) -> dict[str, NDArray[Any]]:
        """Copies of rows, as columns."""
        arrays = {name: column[rows] for name, column in self.columns.items()}
        arrays["keys"] = self.keys[rows]
        scored = [i for i, row in enumerate(rows.tolist()) if row in self.scores] if self.scores else []
        if scored:
            vectors = [self.scores[int(rows[i])] for i in scored]
            arrays["scored"] = np.array(scored, np.int64)
            arrays["score_lengths"] = np.array([len(v) for v in vectors], np.int64)
            arrays["score_values"] = np.concatenate(vectors)
        return arrays

    def load(self, arrays: dict[str, NDArray[Any]], home: int) -> Ints:
        """Append rows that ``read`` gave, without indexing them: call ``compact`` when all are there."""
        count, start = len(arrays["keys"]), self.rows
        self.reserve(start + count)
        rows = np.arange(start, start + count)
        self.keys[start : start + count] = arrays["keys"]
        for name, column in self.columns.items():
            column[start : start + count] = arrays[name]
        self.books["home"][start : start + count] = home
        self.books["mark"][start : start + count] = 0
        self.rows = start + count
        if "scored" in arrays:
            pieces = np.split(arrays["score_values"], np.cumsum(arrays["score_lengths"])[:-1])
            self.scores |= dict(zip((arrays["scored"] + start).tolist(), pieces, strict=True))
        return rows

    def reserve(self, rows: int) -> None:
        """Have room for so many rows in all."""
        capacity = len(self.keys)
        if rows <= capacity:
            return
        capacity = max(rows, capacity * 2)
        self.keys = _longer(self.keys, capacity, 0)
        for name, _type, fill in _COLUMNS:
            self.columns[name] = _longer(self.columns[name], capacity, fill)
        for name, _type, fill in _BOOKS:
            self.books[name] = _longer(self.books[name], capacity, fill)
        self.columns["segments"] = _longer(self.columns["segments"], capacity, -1)

    def reindex(self) -> None:
        """Build the index of the rows that are not dead anew."""
        rows = np.flatnonzero((self.flags[: self.rows] & DEAD) == 0)
        self._index = KeyIndex.build(self.keys[rows], rows, max(1, self.rows) * 2)


def _longer(column: NDArray[Any], capacity: int, fill: float) -> NDArray[Any]:
    """The column with room for ``capacity`` rows."""
    longer = np.full((capacity, *column.shape[1:]), fill, column.dtype)
    longer[: len(column)] = column
    return longer
