"""Numeric columns at E window ends beside their reference: counts, shares and distribution functions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from driftline.aggregates.comparison import Grouping, NumericComparison
from driftline.aggregates.numeric import ABOVE_AT, BELOW_AT, INVALID_AT, MISSING_AT, NumericLayout
from driftline.records import Floats, Ints
from driftline.statistics import distances, ks, moments
from driftline.statistics.shares import Shares, sum_by


@dataclass(frozen=True, eq=False)
class NumericView:
    """[E, F] of everything; computed when first asked for. ``counts`` [E, C + 1] ends with a zero."""

    layout: NumericLayout
    reference: NumericComparison
    counts: Ints
    sums: Ints

    @cached_property
    def flat(self) -> Ints:
        """[E, all bins]."""
        return self.counts[:, self.reference.flat]

    @cached_property
    def n(self) -> Ints:
        """Valid values."""
        return sum_by(self.flat, np.cumsum(self.layout.bins) - self.layout.bins).astype(np.int64)

    @cached_property
    def missing(self) -> Ints:
        """Missing values."""
        return self.counts[:, self.layout.extra(MISSING_AT)]

    @cached_property
    def invalid(self) -> Ints:
        """Invalid values."""
        return self.counts[:, self.layout.extra(INVALID_AT)]

    @cached_property
    def outside(self) -> Ints:
        """Values below or above the reference's range."""
        return self.counts[:, self.layout.extra(BELOW_AT)] + self.counts[:, self.layout.extra(ABOVE_AT)]

    def _shares(self, grouping: Grouping) -> Shares:
        window = np.add.reduceat(self.flat, grouping.at, axis=1)
        return Shares(grouping.reference, window, grouping.columns)

    @cached_property
    def coarse(self) -> Shares:
        """Over the coarse bins."""
        return self._shares(self.reference.coarse)

    @cached_property
    def deciles(self) -> Shares:
        """Over the reference's deciles."""
        return self._shares(self.reference.deciles)

    @cached_property
    def _padded(self) -> Ints:
        return self.counts[:, self.reference.padded]

    @cached_property
    def p(self) -> Floats:
        """[F, B] the reference's shares of the fine bins."""
        return np.asarray(self.reference.counts / self.reference.n[:, None])

    @cached_property
    def q(self) -> Floats:
        """[E, F, B] the windows' shares of the fine bins."""
        return np.asarray(self._padded / self.n[..., None])

    @cached_property
    def differences(self) -> Floats:
        """[E, F, B] F_reference − F_window at the upper edges: integers are summed, so the last is 0."""
        reference = np.cumsum(self.reference.counts, axis=1) / self.reference.n[:, None]
        return np.asarray(reference - np.cumsum(self._padded, axis=2) / self.n[..., None])

    @cached_property
    def below(self) -> Floats:
        """[E, F, B] the same at the lower edges."""
        shifted = np.zeros_like(self.differences)
        shifted[..., 1:] = self.differences[..., :-1]
        return shifted

    @cached_property
    def ks(self) -> Floats:
        """D at the bin edges."""
        return ks.ks(self.differences)

    @cached_property
    def ks_high(self) -> Floats:
        """The certified upper bound of D."""
        return ks.ks_high(self.below, self.differences, self.p, self.q, self.reference.single)

    @cached_property
    def ks_pvalue(self) -> Floats:
        """Asymptotic p-value of ``ks``."""
        return ks.ks_pvalue(self.ks, self.n, self.reference.n)

    @cached_property
    def _sums(self) -> Floats:
        return moments.float_sums(self.sums, len(self.layout.names))

    @cached_property
    def _moments(self) -> tuple[Floats, Floats]:
        return moments.z_moments(self._sums, self.n)

    @cached_property
    def mean(self) -> Floats:
        """Mean of the clipped values; NaN where the reference's deviation is not finite."""
        value = self.reference.center + self.reference.scale * self._moments[0]
        return np.where(np.isfinite(self.reference.std), value, np.nan)

    @cached_property
    def std(self) -> Floats:
        """Population deviation of the clipped values; NaN where the reference's is not finite."""
        return np.where(np.isfinite(self.reference.std), self.reference.scale * self._moments[1], np.nan)

    @cached_property
    def wasserstein(self) -> Floats:
        """In reference deviations; NaN where that is 0 or not finite."""
        column, local, slot = self.reference.tail
        values = np.broadcast_to(self.reference.values, self._padded.shape).copy()
        own = self._padded[:, column, local]
        mean = self._sums[:, column, 2 + slot] / np.maximum(own, 1)
        values[:, column, local] = np.where(own > 0, mean, values[:, column, local])
        value = distances.wasserstein(
            self.reference.values, values, self.below, self.differences, self.p, self.q
        )
        usable = (self.reference.std > 0) & np.isfinite(self.reference.std) & (self.n > 0)
        return np.where(usable, value, np.nan)
