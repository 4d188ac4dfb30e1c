"""Numeric columns as counts per bin and fixed-point sums of z = (x - reference median) / reference deviation.

A sum is two int64 limbs: v = rint(z 2^40), high = Σ(v >> 32), low = Σ(v & 0xffffffff), so it neither
overflows below 2^31 values nor depends on the order. z is clipped to ±1024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftline.aggregates.binning import BinTable
from driftline.aggregates.totals import Totals
from driftline.records import Bools, Codes32, Floats, Ints
from driftline.reference.profile import NumericProfile

CLIP = 1024.0
UNIT = 2.0**40
TAIL = 3
"""Outermost bins on each side that have sums of their own."""
SUMS = 4 + 4 * TAIL
"""int64 per column: Σz and Σz², then Σz of the tail bins, (high, low) each."""
EXTRAS = 5
MISSING_AT, INVALID_AT, BELOW_AT, ABOVE_AT, CLIPPED_AT = range(EXTRAS)
"""Counts after a column's bins, in this order."""
_FLAGS = np.arange(3)[:, None]
"""Below, above and clipped follow each other."""
_LIMB = 32
_FLOAT32_MAX = float(np.finfo(np.float32).max)

Rows = slice | NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class NumericPart:
    """The values of a part, ready to be summed by groups of rows: [F, k] each."""

    position: Ints | Codes32
    x: Floats
    """NaN where not valid."""
    z: Ints
    zz: Ints
    tail: Bools
    flags: Bools
    """[3, F, k]: below and above the reference's range, clipped."""


def tail_slots(bins: int) -> NDArray[np.int64]:
    """Slot of each bin's own sum, or -1: 0..2 from below, 3..5 from above; a bin has at most one."""
    slots = np.full(bins, -1)
    for k in range(min(TAIL, bins)):
        slots[bins - 1 - k] = TAIL + k
    for k in range(min(TAIL, bins)):
        slots[k] = k
    return slots


def _limbs(values: Ints) -> Ints:
    """[F, 2] high and low limbs of the sums over rows of [F, k]; the wrap-around of Σv cancels."""
    high = (values >> _LIMB).sum(axis=1)
    return np.stack((high, values.sum(axis=1) - (high << _LIMB)), axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class NumericLayout:
    """Where each numeric column's counts and sums stand in the flat vectors."""

    names: tuple[str, ...]
    bins: Ints
    """[F] bins of each column."""
    starts: Ints
    """[F] position of each column's first bin."""
    table: BinTable
    slot: Ints
    """Index into ``sums`` of the tail sum of the bin at each position, or -1."""
    center: Floats
    scale: Floats
    minimum: Floats
    maximum: Floats
    """[F, 1] each."""
    float32: Ints
    """Columns that are compared as float32."""

    @classmethod
    def of(cls, profiles: Sequence[NumericProfile]) -> NumericLayout:
        """Of the reference's columns, from position 0 of counts and sums."""
        bins = np.array([len(p.edges) + 1 for p in profiles], np.int64)
        ends = np.cumsum(bins + EXTRAS)
        starts = ends - bins - EXTRAS
        size = int(ends[-1]) if len(profiles) else 0
        slot = np.full(size, -1, np.int64)
        for f, (start, b) in enumerate(zip(starts, bins, strict=True)):
            local = tail_slots(int(b))
            slot[start : start + b] = np.where(local >= 0, f * SUMS + 4 + 2 * local, -1)
        table = BinTable.of([p.edges for p in profiles], [int(s) for s in starts], size)
        moments = np.array([(p.center, p.scale, p.minimum, p.maximum) for p in profiles], np.float64).reshape(
            -1, 4
        )
        center, scale, minimum, maximum = (moments[:, k : k + 1].copy() for k in range(4))
        center[~np.isfinite(center)] = 0.0
        names = tuple(p.name for p in profiles)
        float32 = np.flatnonzero([p.float32 for p in profiles])
        return cls(names, bins, starts, table, slot, center, scale, minimum, maximum, float32)

    @property
    def size(self) -> int:
        """Length of the counts of all columns."""
        return len(self.slot)

    def extra(self, which: int) -> Ints:
        """[F] positions of one of the counts after the bins."""
        return self.starts + self.bins + which

    def prepare(self, values: Floats) -> NumericPart:
        """Bin values [F, k]: NaN is missing, ±inf invalid, all else valid."""
        values = self._as_compared(values)
        valid = np.isfinite(values)
        whole = bool(valid.all())
        x = values if whole else np.where(valid, values, self.center)
        position = self.table.locate(x)
        flags = np.empty((len(_FLAGS), *x.shape), np.bool_)
        z, zz = self._fixed_point(x, flags[2])
        np.less(x, self.minimum, out=flags[0])
        np.greater(x, self.maximum, out=flags[1])
        if not whole:
            flags &= valid
            apart = self.extra(MISSING_AT)[:, None] + np.isinf(values)
            position = np.where(valid, position, apart)
            x = np.where(valid, x, np.nan)
        return NumericPart(position, x, z, zz, self.slot.take(position) >= 0, flags)

    def _as_compared(self, values: Floats) -> Floats:
        if not len(self.float32):
            return values
        values = values.copy()
        rows = values[self.float32]
        with np.errstate(over="ignore"):
            rounded = rows.astype(np.float32).astype(np.float64)
        large = np.isinf(rounded) & np.isfinite(rows)
        values[self.float32] = np.where(large, np.copysign(_FLOAT32_MAX, rows), rounded)
        return values

    def _fixed_point(self, x: Floats, clipped: Bools) -> tuple[Ints, Ints]:
        with np.errstate(over="ignore"):
            z = x - self.center
            z /= self.scale
        np.greater(np.abs(z), CLIP, out=clipped)
        np.minimum(z, CLIP, out=z)
        np.maximum(z, -CLIP, out=z)
        squared = z * z
        z *= UNIT
        squared *= UNIT
        return np.rint(z, out=z).astype(np.int64), np.rint(squared, out=squared).astype(np.int64)

    def add(self, part: NumericPart, rows: Rows, totals: Totals) -> None:
        """Add the given rows of a prepared part to totals that start with these columns."""
        if not self.names:
            return
        position, z = part.position[:, rows], part.z[:, rows]
        totals.counts[: self.size] += np.bincount(position.ravel(), minlength=self.size)
        totals.counts[self.extra(BELOW_AT) + _FLAGS] += part.flags[:, :, rows].sum(axis=2)
        sums = totals.sums[: len(self.names) * SUMS].reshape(-1, SUMS)
        sums[:, 0:2] += _limbs(z)
        sums[:, 2:4] += _limbs(part.zz[:, rows])
        self._add_tails(position, z, part.tail[:, rows], totals.sums)
        x = part.x[:, rows]
        totals.low[: len(x)] = np.fmin(totals.low[: len(x)], np.fmin.reduce(x, axis=1, initial=np.inf))
        totals.high[: len(x)] = np.fmax(totals.high[: len(x)], np.fmax.reduce(x, axis=1, initial=-np.inf))

    def _add_tails(self, position: Ints | Codes32, z: Ints, tail: Bools, sums: Ints) -> None:
        where = np.flatnonzero(tail)
        at, own = self.slot[position.ravel()[where]], z.ravel()[where]
        np.add.at(sums, at, own >> _LIMB)
        np.add.at(sums, at + 1, own & ((1 << _LIMB) - 1))
