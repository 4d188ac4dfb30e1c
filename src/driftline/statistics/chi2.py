"""Pearson's chi-squared test of homogeneity: both samples over the union of their categories."""

from __future__ import annotations

import numpy as np

from driftline.records import Floats
from driftline.statistics.shares import Shares, sum_by


def chi2(shares: Shares) -> tuple[Floats, Floats]:
    """Statistic and degrees of freedom [E, K] of the 2 × categories table, no continuity correction.

    ``scipy.stats.chi2_contingency(correction=False)``. With the row totals n and m the two cells of a
    category deviate by ±δ from what is expected, so Σ = (n + m)(1/n + 1/m) Σ_k δ_k² / t_k. NaN where a
    sample is empty or only one category occurs.
    """
    n, m = shares.window_n, shares.reference_n
    portion: Floats = n / (n + m)
    together = shares.window + shares.reference
    delta = shares.window - np.repeat(portion, shares.sizes, axis=1) * together
    terms = np.where(together > 0, delta**2 / np.maximum(together, 1), 0.0)
    occurs = sum_by((together > 0).astype(np.float64), shares.starts)
    unknown_terms: Floats | None = None
    if shares.unknown is not None:
        counts = shares.unknown.counts.astype(np.float64)
        unknown_terms = ((1 - portion[shares.unknown.at]) ** 2) * counts
        np.add.at(occurs, shares.unknown.at, 1.0)
    value = shares.total(terms, unknown_terms) * (n + m) * (1 / n + 1 / m)
    return np.where(occurs > 1, value, np.nan), occurs - 1


def chi2_pvalue(statistic: Floats, degrees: Floats) -> Floats:
    """Survival function of the chi-squared distribution; NaN where the statistic is."""
    from scipy.special import chdtrc

    return np.asarray(chdtrc(np.maximum(degrees, 1.0), statistic))
