"""Bins of many columns at once: a lookup table over an even grid, and a fix-up that makes it exact.

Cell ``c(x) = floor((x - origin) * slope)`` never falls as x rises, floating point included. So the edges
of lower cells are below x, those of higher cells above it, and only the edges of x's own cell are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from driftline.records import Codes32, Floats, Ints

CELLS = 512
"""Cells of a column's grid."""
_TAIL_EDGES = 2
"""Edges outside the grid on each side, where heavy tails would stretch it."""
_STEEPEST = 1e200


def _grid(edges: Floats) -> tuple[float, float]:
    """Origin and slope of a column's grid; slope 0 (one cell) where there is no usable range."""
    inner = edges[_TAIL_EDGES:-_TAIL_EDGES] if len(edges) > 2 * _TAIL_EDGES + 1 else edges
    with np.errstate(over="ignore"):
        span = inner[-1] - inner[0] if len(inner) > 1 else 0.0
    if not 1 / _STEEPEST < span < np.inf:
        return 0.0, 0.0
    return float(inner[0]), float((CELLS - 2) / span)


def _cell(values: Floats, origin: Floats, slope: Floats) -> Ints:
    cell = values - origin
    cell *= slope
    cell += 1.0
    np.maximum(cell, 0.0, out=cell)
    np.minimum(cell, CELLS - 1.0, out=cell)
    return cell.astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class BinTable:
    """Finds the position in a flat count vector of each value's right-closed bin."""

    origin: Floats
    slope: Floats
    """[F, 1] each."""
    rows: Ints
    """[F, 1] start of each column's cells in ``first``."""
    first: Codes32
    """[F * CELLS] position of the lowest bin that touches a cell."""
    extra: Codes32
    """[F * CELLS] edges of the cell beyond the first one. Both narrow: every model has tables of its own."""
    upper: Floats
    """Upper edge of the bin at each position; +inf for a column's last bin."""

    @classmethod
    def of(cls, edges: Sequence[Floats], starts: Sequence[int], size: int) -> BinTable:
        """Of the inner edges of each column and the positions of their first bins; ``size`` positions."""
        columns = len(edges)
        grids = np.array([_grid(e) for e in edges], np.float64).reshape(columns, 2)
        upper = np.full(size, np.inf)
        first = np.empty((columns, CELLS), np.int32)
        extra = np.empty((columns, CELLS), np.int32)
        with np.errstate(over="ignore"):
            for f, (column, start) in enumerate(zip(edges, starts, strict=True)):
                upper[start : start + len(column)] = column
                inside = np.bincount(_cell(column, grids[f, :1], grids[f, 1:]), minlength=CELLS)
                first[f] = start + np.cumsum(inside) - inside
                extra[f] = np.maximum(inside - 1, 0)
        rows = np.arange(columns, dtype=np.int64)[:, None] * CELLS
        return cls(grids[:, :1].copy(), grids[:, 1:].copy(), rows, first.ravel(), extra.ravel(), upper)

    def locate(self, values: Floats) -> Codes32:
        """Positions of finite values [F, k]: start + the number of the column's edges below the value."""
        with np.errstate(over="ignore"):
            cell = _cell(values, self.origin, self.slope)
        cell += self.rows
        position = self.first.take(cell)
        position += values > self.upper.take(position)
        crowded = self.extra.take(cell)
        if crowded.any():
            self._fix(values, position, crowded)
        return position

    def _fix(self, values: Floats, position: Codes32, crowded: Codes32) -> None:
        """Binary search within the cells that hold several edges."""
        where = np.flatnonzero(crowded)
        x, low = values.ravel()[where], position.ravel()[where]
        high = low + crowded.ravel()[where]
        while (open_ := low < high).any():
            middle = (low + high) >> 1
            above = x > self.upper[middle]
            low = np.where(open_ & above, middle + 1, low)
            high = np.where(open_ & ~above, middle, high)
        position.ravel()[where] = low
