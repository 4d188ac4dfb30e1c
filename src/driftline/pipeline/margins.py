"""How uncertain a made-up sample is: its limits from its n, as the engine has them from its counts."""

from __future__ import annotations

from math import nan

import numpy as np

from driftline.rules.catalogue import STATISTICS
from driftline.rules.timeline import Limits
from driftline.rules.verdict import Estimate
from driftline.statistics import intervals

_SHARES = frozenset(
    ("accuracy", "precision", "recall", "label_coverage", *(n for n, s in STATISTICS.items() if s.proportion))
)


def limits_of(metric: str, value: float, n: int, confidence: float) -> Estimate:
    """A value with its one-sided limits; NaN for a statistic whose limits do not follow from its n.

    Shares are Wilson's k/n with k = value · n. F1 is taken with as many false positives as false negatives:
    of n positives, TP = F1 · n, so that TP + FP + FN = n (2 - F1).
    """
    if metric not in _SHARES and metric != "f1":
        return value, nan, nan
    trials = n * (2 - value) if metric == "f1" else float(n)
    low, high = intervals.wilson(np.asarray(value * n), np.asarray(trials), intervals.quantile(confidence))
    if metric == "f1":
        low, high = intervals.f_to_f1(low), intervals.f_to_f1(high)
    return value, float(low), float(high)


AS_THE_ENGINE = Limits(limits_of, intervals.difference_bounds)
"""For ``rules.timeline.play``."""
