"""The two-sample Kolmogorov–Smirnov statistic of binned values, with a certified bound and its p-value."""

from __future__ import annotations

import numpy as np

from driftline.records import Bools, Floats, Ints

_SWITCH = 0.82
"""Below it the theta form of the Kolmogorov series converges faster, above it the alternating one."""
_TERMS = 5
"""At the switch the sixth term of either form is below 1e-20."""


def ks(differences: Floats) -> Floats:
    """D at the bin edges [E, F]: max |d|, d = F_reference − F_window at the edges [E, F, B]."""
    return np.asarray(np.abs(differences).max(axis=-1))


def ks_high(below: Floats, differences: Floats, p: Floats, q: Floats, single: Bools) -> Floats:
    """Upper bound of D on the raw values [E, F]: max_k max(d_{k−1} + p_k, −d_{k−1} + q_k).

    A bin that holds a single value contributes |d_k| only. ``below`` is d_{k−1}.
    """
    bound = np.maximum(below + p, q - below)
    return np.asarray(np.where(single, np.abs(differences), bound).max(axis=-1))


def ks_pvalue(statistic: Floats, n: Ints, m: Ints) -> Floats:
    """Asymptotic p-value: kolmogorov(s + 1/(6√N) + (s − 1)/(4N)), s = √N D, N = round(nm / (n + m))."""
    size = np.rint(n.astype(np.float64) * m / (n + m))
    root = np.sqrt(size)
    s = root * statistic
    return kolmogorov(s + 1 / (6 * root) + (s - 1) / (4 * size))


def kolmogorov(x: Floats) -> Floats:
    """Survival function of the Kolmogorov distribution (``scipy.stats.kstwobign.sf``); 1 for x ≤ 0."""
    positive = np.where(x > 0, x, 1.0)
    k = np.arange(1, _TERMS + 1).reshape(-1, *([1] * np.ndim(x)))
    theta = np.exp(-(((2 * k - 1) * np.pi / positive) ** 2) / 8).sum(axis=0)
    alternating = ((-1.0) ** (k - 1) * np.exp(-2 * (k * positive) ** 2)).sum(axis=0)
    low = 1 - np.sqrt(2 * np.pi) / positive * theta
    value = np.where(positive < _SWITCH, low, 2 * alternating)
    return np.where(np.isnan(x), np.nan, np.where(x > 0, np.clip(value, 0.0, 1.0), 1.0))
