"""The monoid every pane holds: counts and fixed-point sums that subtract, extremes and sets that only merge.

Unseen values are kept as a bottom-k sample by hash. Pooling is exact: a value is in the pool only where
64 others have smaller hashes, and then it is in the pool of every merge with it, so any split and any
order of merging give the same dictionaries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest

import numpy as np
from xxhash import xxh64_intdigest

from driftline.records import Floats, Ints

UNSEEN_KEPT = 64
"""Unseen values of a category that are kept one by one: those with the smallest hash."""

POOLED = ""
"""Key of the pooled others. No value is the empty string: that is missing."""

Unseen = dict[str, int]
"""Count per kept unseen value; the key "" pools the others."""


def _rank(value: str) -> tuple[int, str]:
    return xxh64_intdigest(value.encode("utf-8", "surrogatepass")), value


def keep_unseen(counts: Mapping[str, int]) -> Unseen:
    """Keep the 64 values with the smallest xxh64, pool the others under ``""``; zeros are left out."""
    kept = {value: n for value, n in counts.items() if n and value != POOLED}
    pooled = counts.get(POOLED, 0)
    if len(kept) > UNSEEN_KEPT:
        chosen = {value: kept[value] for value in nsmallest(UNSEEN_KEPT, kept, key=_rank)}
        pooled += sum(kept.values()) - sum(chosen.values())
        kept = chosen
    return {**kept, POOLED: pooled} if pooled else kept


def _merge_one(a: Unseen, b: Unseen) -> Unseen:
    if not b:
        return dict(a)
    if not a:
        return dict(b)
    both = dict(a)
    for value, n in b.items():
        both[value] = both.get(value, 0) + n
    return keep_unseen(both)


def merge_unseen(a: Sequence[Unseen], b: Sequence[Unseen]) -> tuple[Unseen, ...]:
    """The dictionaries of two totals as one, column by column: associative and commutative."""
    return tuple(_merge_one(x, y) for x, y in zip(a, b, strict=True))


@dataclass(slots=True)
class Totals:
    """One flat vector each for all features of a (model, version).

    ``counts`` and ``sums`` are int64 here (panes may store counts as int32); ``low``/``high`` are
    minima and maxima (identity +inf and -inf); ``unseen`` has one dictionary per categorical column.
    """

    counts: Ints
    sums: Ints
    low: Floats
    high: Floats
    unseen: tuple[Unseen, ...] = field(default=())

    @classmethod
    def empty(cls, counts: int, sums: int, extremes: int = 0, categories: int = 0) -> Totals:
        """The identity of the monoid, of the given sizes."""
        return cls(
            np.zeros(counts, np.int64),
            np.zeros(sums, np.int64),
            np.full(extremes, np.inf),
            np.full(extremes, -np.inf),
            tuple({} for _ in range(categories)),
        )

    def merge(self, other: Totals) -> Totals:
        """Both together, as a new value: associative and commutative, with ``empty`` as identity."""
        merged = self.copy()
        merged.add(other)
        return merged

    def add(self, other: Totals) -> None:
        """Merge ``other`` into this one in place."""
        self.counts += other.counts
        self.sums += other.sums
        np.minimum(self.low, other.low, out=self.low)
        np.maximum(self.high, other.high, out=self.high)
        self.unseen = merge_unseen(self.unseen, other.unseen)

    def subtract(self, other: Totals) -> None:
        """Take the counts and sums of ``other`` out again, in place; extremes and sets cannot and stay."""
        self.counts -= other.counts
        self.sums -= other.sums

    def copy(self) -> Totals:
        """An independent copy."""
        unseen = tuple(dict(u) for u in self.unseen)
        return Totals(self.counts.copy(), self.sums.copy(), self.low.copy(), self.high.copy(), unseen)
