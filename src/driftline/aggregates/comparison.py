"""The reference laid out as the flat count vector is, so that statistics have no loop over features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from driftline.aggregates.categories import CategoricalLayout
from driftline.aggregates.numeric import NumericLayout, tail_slots
from driftline.records import Bools, Floats, Ints
from driftline.reference.profile import CategoricalProfile, NumericProfile


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Neighbouring bins taken together."""

    at: Ints
    """Where each group starts among all bins."""
    columns: Ints
    """Where each column starts among all groups."""
    reference: Ints
    """The reference's count of each group."""


def _grouping(profiles: Sequence[NumericProfile], cuts: Sequence[Floats], starts: Ints) -> Grouping:
    """Groups between the given edges of each column, a subset of its own."""
    local = [
        np.concatenate(([0], np.searchsorted(p.edges, c) + 1)) for p, c in zip(profiles, cuts, strict=True)
    ]
    sizes = np.array([len(x) for x in local], np.int64)
    at = np.concatenate([x + s for x, s in zip(local, starts, strict=True)]).astype(np.int64)
    reference = np.add.reduceat(np.concatenate([p.counts for p in profiles]), at)
    return Grouping(at, np.cumsum(sizes) - sizes, reference)


@dataclass(frozen=True, slots=True, eq=False)
class NumericComparison:
    """F numeric columns. Flat arrays hold all bins one after the other; padded ones are [F, most bins]."""

    flat: Ints
    """Positions in the counts of all bins."""
    coarse: Grouping
    deciles: Grouping
    padded: Ints
    """Positions in the counts; the padding points to the place behind the last count."""
    counts: Ints
    """Padded."""
    values: Floats
    """Padded: z of the reference's mean in each bin; where empty the midpoint, or an open bin's edge."""
    single: Bools
    """Padded: bins of a single value."""
    tail: tuple[Ints, Ints, Ints]
    """(column, bin, slot) of the bins that have sums of their own."""
    n: Ints
    center: Floats
    scale: Floats
    std: Floats

    @classmethod
    def of(
        cls, profiles: Sequence[NumericProfile], layout: NumericLayout, size: int
    ) -> NumericComparison | None:
        """Of the columns of a layout whose count vector has the given size; None without columns."""
        if not profiles:
            return None
        bins = [int(b) for b in layout.bins]
        starts = np.cumsum(layout.bins) - layout.bins
        ranges = [np.arange(b) + int(s) for b, s in zip(bins, layout.starts, strict=True)]
        tails = [(f, k, s) for f, b in enumerate(bins) for k, s in enumerate(tail_slots(b)) if s >= 0]
        column, local, slot = np.array(tails, np.int64).T
        return cls(
            np.concatenate(ranges),
            _grouping(profiles, [p.coarse_edges for p in profiles], starts),
            _grouping(profiles, [p.decile_edges for p in profiles], starts),
            _padded(ranges, size),
            _padded([p.counts for p in profiles], 0),
            _padded([_values(p) for p in profiles], 0.0),
            _padded([np.isin(np.arange(b), p.single) for p, b in zip(profiles, bins, strict=True)], False),
            (column, local, slot),
            np.array([p.n for p in profiles], np.int64),
            layout.center[:, 0],
            layout.scale[:, 0],
            np.array([p.std for p in profiles], np.float64),
        )


_Entry = TypeVar("_Entry", bound=np.generic)


def _padded(rows: Sequence[NDArray[_Entry]], fill: float) -> NDArray[_Entry]:
    table = np.full((len(rows), max(map(len, rows))), fill, rows[0].dtype)
    for f, row in enumerate(rows):
        table[f, : len(row)] = row
    return table


def _values(profile: NumericProfile) -> Floats:
    """z of a value that stands for the reference in each bin."""
    center = profile.center if np.isfinite(profile.center) else 0.0
    edges = profile.edges if len(profile.edges) else np.array([center])
    bounds = np.concatenate((edges[:1], edges, edges[-1:]))[: len(profile.counts) + 1]
    middle = bounds[:-1] / 2 + bounds[1:] / 2 if len(bounds) == len(profile.counts) + 1 else edges
    with np.errstate(over="ignore"):
        z = (np.where(profile.counts > 0, profile.means, middle) - center) / profile.scale
    return np.nan_to_num(z)


@dataclass(frozen=True, slots=True, eq=False)
class CategoricalComparison:
    """K categorical columns, all known values in a row; a column without any has one empty entry."""

    flat: Ints
    """Positions in the counts; the empty entry points to the place behind the last count."""
    starts: Ints
    counts: Ints
    n: Ints

    @classmethod
    def of(
        cls, profiles: Sequence[CategoricalProfile], layout: CategoricalLayout, size: int
    ) -> CategoricalComparison | None:
        """Of the columns that the reference has; None without columns."""
        if not profiles:
            return None
        pairs = list(zip(profiles, layout.starts, strict=False))
        at = [np.arange(len(p.categories)) + int(s) if p.categories else np.array([size]) for p, s in pairs]
        counts = [p.counts if p.categories else np.zeros(1, np.int64) for p in profiles]
        sizes = np.array([len(x) for x in at], np.int64)
        n = np.array([p.n for p in profiles], np.int64)
        return cls(np.concatenate(at), np.cumsum(sizes) - sizes, np.concatenate(counts).astype(np.int64), n)
