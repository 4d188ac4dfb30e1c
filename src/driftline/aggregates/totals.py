"""The monoid every pane holds: counts and fixed-point sums that subtract, extremes and sets that only merge."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from driftline.records import Floats, Ints

UNSEEN_KEPT = 64
"""Unseen values of a category that are kept one by one: those with the smallest hash."""

Unseen = dict[str, int]
"""Count per kept unseen value; the key "" pools the others."""


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
