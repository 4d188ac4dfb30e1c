"""Probabilities against labels: histograms per label, and log loss and Brier in fixed point."""

from __future__ import annotations

import numpy as np

from driftline.records import Bools, Codes32, Floats, Ints

UNIT = float(2**32)
"""Log loss and Brier are summed in units of 2**-32, so a mean is off by 1.2e-10 at most."""
CLIP = float(np.finfo(np.float64).eps)
"""Probabilities are clipped to [2**-52, 1 - 2**-52] before the logarithm, as sklearn does."""

NO_LOSS = np.int64(-1)
"""Stands for a row that takes no part in log loss and Brier."""


def score_edges() -> Floats:
    """Inner edges of the right-closed score bins: 1/(1+e^-t) at 256 t evenly in [-13.8, 13.8], and k/10."""
    logistic = 1.0 / (1.0 + np.exp(-np.linspace(-13.8, 13.8, 256)))
    return np.union1d(logistic, np.arange(11) / 10.0)


def usable(score: Floats) -> Bools:
    """Probabilities: numbers from 0 to 1."""
    return (score >= 0.0) & (score <= 1.0)


def usable_rows(scores: Floats) -> Bools:
    """Rows with at least one probability and nothing that is none (NaN: the class is not named)."""
    absent = np.isnan(scores)
    fine, none = np.all(usable(scores) | absent, axis=1), np.all(absent, axis=1)
    return np.asarray(fine & ~none)


def fixed(x: Floats) -> Ints:
    """x in units of 2**-32, rounded to the nearest."""
    return np.rint(x * UNIT).astype(np.int64)


def _log_loss(probability: Floats) -> Ints:
    """-log of the true class's probability, fixed point."""
    return fixed(-np.log(np.clip(probability, CLIP, 1.0 - CLIP)))


def binary_losses(score: Floats, positive: Bools) -> tuple[Ints, Ints]:
    """Per row: log loss -log(p of the true class) and Brier (p - y)^2, fixed point."""
    return _log_loss(np.where(positive, score, 1.0 - score)), fixed((score - positive) ** 2)


def multiclass_losses(scores: Floats, truth: Codes32) -> Ints:
    """[k, 2] log loss and Brier sum_k (p_k - [k = truth])^2 of each row, fixed point.

    A class that is not named has p = 0. ``NO_LOSS`` where there is no label, or no usable row of probabilities.
    """
    losses = np.full((len(scores), 2), NO_LOSS)
    ok = usable_rows(scores) & (truth >= 0)
    losses[ok] = np.stack(_multiclass(scores[ok], truth[ok]), axis=1)
    return losses


def _multiclass(scores: Floats, truth: Codes32) -> tuple[Ints, Ints]:
    p = np.nan_to_num(scores, nan=0.0)
    known = (truth >= 0) & (truth < p.shape[1])
    own = np.where(known, p[np.arange(len(p)), np.where(known, truth, 0)], 0.0)
    brier = (p**2).sum(axis=1) - own**2 + (own - 1.0) ** 2
    return _log_loss(own), fixed(brier)
