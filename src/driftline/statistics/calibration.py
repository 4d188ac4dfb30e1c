"""Expected calibration error of a binary model's probabilities, over ten equal bins, with what its limits need."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import NamedTuple

import numpy as np

from driftline.aggregates import calibration
from driftline.aggregates.performance import LOSSES
from driftline.aggregates.scores import UNIT
from driftline.records import Bools, Floats, Ints
from driftline.statistics.classification import ratio
from driftline.statistics.errors import score_losses

_MEAN_SIZE = sqrt(2 / pi)
"""Mean of |Z|, Z standard normal."""
_MORE = 2
"""Rows of each label that the spread of a bin is taken to have beside its own (Agresti and Coull 1998)."""


@dataclass(frozen=True, slots=True)
class Bins:
    """What is known of each bin, [..., 10]."""

    n: Floats
    scores: Floats
    """Sum of p."""
    positives: Floats
    squares: Floats
    """Sum of (p - y)^2."""


class Found(NamedTuple):
    """[...] each; NaN without rows."""

    value: Floats
    error: Floats
    """Standard error."""
    upward: Floats
    """How far chance alone raises the value on average, at most."""


def of_windows(both: Ints, sums: Ints, edges: Floats) -> tuple[Found, Bools]:
    """Of E windows, from score histograms [E, 2, B] of labels 0 and 1 and all sums of a binary layout.

    The second says which windows have the sums of all their rows; nothing is found of the others.
    """
    kept = sums[:, LOSSES:]
    whole = kept[:, calibration.UNCOUNTED] == 0
    found = expected_error(_bins_of(both, kept, edges))
    return Found(*(np.where(whole, part, np.nan) for part in found)), whole


def _bins_of(both: Ints, sums: Ints, edges: Floats) -> Bins:
    """From the histograms, and sums [E, calibration.SIZE].

    Squares are of the middles of the histograms' bins: only the limits rest on them.
    """
    first = calibration.starts(edges)
    squares = (both * score_losses(edges)[1]).sum(axis=1)
    counts = np.add.reduceat(both, first, axis=-1).astype(np.float64)
    scores = sums[:, : calibration.BINS] / UNIT
    return Bins(counts.sum(axis=1), scores, counts[:, 1], np.add.reduceat(squares, first, axis=-1))


def expected_error(bins: Bins) -> Found:
    """ECE = Σ_b (n_b/N) |mean(y)_b - mean(p)_b| = Σ_b |D_b|/N, D_b = Σp - Σy over the rows of b.

    Chance moves D_b, and |D_b| is on average the larger for it: ECE is biased upwards, by at most sqrt(2/pi) σ_b
    in each bin, σ_b the standard error of D_b/N, and by all of that where the model is calibrated. So the limits at z
    are ECE - Σ_b sqrt(2/pi) σ_b - z σ and ECE + z σ, σ² = (Σ(p - y)²/N - ECE²)/N. The upper one holds for any signs of
    the true D_b, |x| >= ±x; the lower one since |D_b| <= |E D_b| + |noise|, and the sum of |noise| is beyond its mean
    by z of its largest standard deviation no more often than a normal is. Wide where the model is calibrated.

    Bins with rows have two more of each label at their mean p in σ: all alike, they would not vary.
    """
    total = bins.n.sum(axis=-1)
    gap = np.abs(bins.scores - bins.positives)
    value = ratio(gap.sum(axis=-1), total)
    mean = np.nan_to_num(ratio(bins.scores, bins.n))
    more = np.where(bins.n > 0, _MORE * (mean**2 + (1 - mean) ** 2), 0.0)
    spread = ratio(bins.squares + more, total[..., None])
    each = np.maximum(spread - ratio(gap, total[..., None]) ** 2, 0.0)
    whole = np.maximum(spread.sum(axis=-1) - value**2, 0.0)
    upward = _MEAN_SIZE * np.sqrt(ratio(each, total[..., None])).sum(axis=-1)
    return Found(value, np.sqrt(ratio(whole, total)), upward)
