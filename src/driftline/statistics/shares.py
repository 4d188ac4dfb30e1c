"""Flat arrays of many columns side by side, and their reductions column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from driftline.records import Floats, Ints


def sum_by(values: Floats | Ints, starts: Ints) -> Floats:
    """Sums over the last axis between consecutive starts; no stretch is empty."""
    return np.asarray(np.add.reduceat(values, starts, axis=-1))


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """Values of E windows that the reference does not have: one entry per (window, column, value)."""

    end: Ints
    column: Ints
    counts: Ints

    @classmethod
    def of(cls, unseen: Sequence[Sequence[Mapping[str, int]]]) -> Unknown:
        """Of the dictionaries of E windows; pooled values are one.

        By count: their order is that of reading, and sums of floats must not depend on it.
        """
        found = [
            (e, c, n)
            for e, columns in enumerate(unseen)
            for c, values in enumerate(columns)
            if values
            for n in sorted(values.values())
        ]
        end, column, counts = np.array(found, np.int64).reshape(-1, 3).T
        return cls(end, column, counts)

    @property
    def at(self) -> tuple[Ints, Ints]:
        """Where the entries belong in an array [E, columns]."""
        return self.end, self.column


@dataclass(frozen=True, eq=False)
class Shares:
    """Counts of a reference and of E windows over the categories (or bins) of K columns, laid out flat.

    ``reference`` [N] and ``window`` [E, N] are counts; column k is N[starts[k]:starts[k + 1]].
    """

    reference: Ints
    window: Ints
    starts: Ints
    unknown: Unknown | None = None

    @cached_property
    def sizes(self) -> Ints:
        """[K] entries of each column."""
        return np.diff(self.starts, append=self.reference.shape[-1])

    @cached_property
    def reference_n(self) -> Ints:
        """[K] the reference's total of each column."""
        return sum_by(self.reference, self.starts).astype(np.int64)

    @cached_property
    def window_n(self) -> Ints:
        """[E, K] the windows' totals, unknown values included."""
        n = sum_by(self.window, self.starts).astype(np.int64)
        if self.unknown:
            np.add.at(n, self.unknown.at, self.unknown.counts)
        return n

    @cached_property
    def p(self) -> Floats:
        """[N] the reference's shares; NaN where it has no values."""
        return np.asarray(self.reference / np.repeat(self.reference_n, self.sizes))

    @cached_property
    def q(self) -> Floats:
        """[E, N] the windows' shares; NaN where they have no values."""
        return np.asarray(self.window / np.repeat(self.window_n, self.sizes, axis=1))

    @cached_property
    def q_unknown(self) -> Floats:
        """Shares of the unknown values."""
        if self.unknown is None:
            return np.empty(0)
        return np.asarray(self.unknown.counts / self.window_n[self.unknown.at])

    def total(self, terms: Floats, unknown_terms: Floats | None = None) -> Floats:
        """[E, K] sums of terms [E, N] per column, and of the terms of unknown values."""
        sums = sum_by(terms, self.starts)
        if self.unknown is not None and unknown_terms is not None:
            np.add.at(sums, self.unknown.at, unknown_terms)
        return sums
