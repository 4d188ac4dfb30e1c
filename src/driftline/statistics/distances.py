"""Distances between a reference's shares p and a window's q, and Wasserstein's of binned values."""

from __future__ import annotations

import numpy as np

from driftline.records import Floats
from driftline.statistics.shares import Shares


def js_distance(shares: Shares) -> Floats:
    """Jensen–Shannon distance [E, K], √(½ KL(p‖m) + ½ KL(q‖m)), m = (p + q)/2, base 2: 0 to 1."""
    p, q = shares.p, shares.q
    m = (p + q) / 2
    terms = (_entropy_term(p, m) + _entropy_term(q, m)) / 2
    total = shares.total(terms, shares.q_unknown / 2)
    return np.sqrt(np.clip(total, 0.0, 1.0))


def _entropy_term(share: Floats, mean: Floats) -> Floats:
    ratio = np.where(share == 0, 1.0, share / mean)
    return np.asarray(share * np.log2(ratio))


def hellinger(shares: Shares) -> Floats:
    """Hellinger distance [E, K], √(1 − Σ√(pq)): 0 to 1."""
    return np.sqrt(np.clip(1.0 - shares.total(np.sqrt(shares.p * shares.q)), 0.0, 1.0))


def total_variation(shares: Shares) -> Floats:
    """Total variation [E, K], ½ Σ|p − q|: 0 to 1."""
    return shares.total(np.abs(shares.p - shares.q), shares.q_unknown) / 2


def l_infinity(shares: Shares) -> Floats:
    """Largest difference of shares [E, K], max |p − q|: 0 to 1."""
    largest = np.asarray(np.maximum.reduceat(np.abs(shares.p - shares.q), shares.starts, axis=-1))
    if shares.unknown is not None:
        np.maximum.at(largest, shares.unknown.at, shares.q_unknown)
    return largest


@np.errstate(over="ignore")  # beyond float64 it is infinite, and so undefined
def wasserstein(
    reference: Floats, window: Floats, below: Floats, differences: Floats, p: Floats, q: Floats
) -> Floats:
    """First Wasserstein distance [E, F] of values that stand bin by bin, ∫|F_reference − F_window|.

    Parameters
    ----------
    reference, window
        [F, B] and [E, F, B], a value of each side in each bin, so that only the two of one bin need sorting.
    below, differences
        [E, F, B], F_reference − F_window before and after each bin.
    p, q
        [F, B] and [E, F, B], shares.

    Equal to ``scipy.stats.wasserstein_distance`` of those values with those weights.

    """
    window = np.where(q > 0, window, reference)
    reference = np.where(p > 0, reference, window)
    first, last = np.minimum(reference, window), np.maximum(reference, window)
    within = np.where(reference < window, np.abs(below + p), np.abs(below - q)) * (last - first)
    between = np.abs(differences[..., :-1]) * np.maximum(first[..., 1:] - last[..., :-1], 0.0)
    return np.asarray(within.sum(axis=-1) + between.sum(axis=-1))
