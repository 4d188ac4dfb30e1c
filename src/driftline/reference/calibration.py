"""How far the reference's probabilities are from its labels, in each of ten equal right-closed bins."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from driftline.aggregates.calibration import BINS, bins_of
from driftline.records import Bools, Floats

_CHUNK_ROWS = 1 << 20
Sums = Mapping[str, list[float]]


def sums(score: Floats, labelled: Bools, positive: Bools) -> Sums:
    """Rows, Σp, Σy and Σ(p-y)² of labelled rows with 0 <= score <= 1 in each bin; empty without such a row."""
    found = np.zeros((4, BINS))
    for i in range(0, score.size, _CHUNK_ROWS):
        rows = slice(i, i + _CHUNK_ROWS)
        usable = labelled[rows] & (score[rows] >= 0) & (score[rows] <= 1)
        p, y = score[rows][usable], positive[rows][usable]
        at = bins_of(p)
        found += [np.bincount(at, weight, BINS) for weight in (np.ones(p.size), p, y, np.square(p - y))]
    if not found[0].any():
        return {}
    return dict(zip(("n", "scores", "positives", "squares"), found.tolist(), strict=True))


def expected_error(of: Sums) -> dict[str, float]:
    """``ece``: the sum of |Σp - Σy| over the bins, divided by the rows; nothing without any."""
    if not of:
        return {}
    gaps = np.abs(np.subtract(of["scores"], of["positives"]))
    return {"ece": float(gaps.sum() / sum(of["n"]))}
