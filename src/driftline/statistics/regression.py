"""MAE, RMSE, R2, MAPE and bias from exact sums, as sklearn.metrics."""

from __future__ import annotations

from fractions import Fraction
from math import nan

from driftline.aggregates.exact import root, to_float
from driftline.aggregates.regression import slices
from driftline.records import Ints

NAMES = ("mae", "rmse", "r2", "mape", "bias")


def regression_statistics(limbs: Ints, n: int, zero_labels: int) -> dict[str, float]:
    """The statistics of one window of n rows; NaN where undefined.

    mae = sum|e|/n, rmse = sqrt(sum e^2/n), bias = sum e/n (prediction - label),
    mape = sum|e/y| over the rows with y != 0, r2 = 1 - sum e^2 / (sum y^2 - (sum y)^2/n), undefined for
    constant labels. The sums are exact, so r2 loses nothing by cancellation.
    """
    if n <= 0:
        return dict.fromkeys(NAMES, nan)
    sums = {name: accumulator.fraction(limbs[place]) for name, (place, accumulator) in slices().items()}
    spread = sums["y2"] - sums["y"] ** 2 / n
    return {
        "mae": to_float(sums["abs_e"] / n),
        "rmse": root(sums["e2"] / n),
        "r2": to_float(1 - sums["e2"] / spread) if spread > 0 else nan,
        "mape": _mean(sums["ratio"], n - zero_labels),
        "bias": to_float(sums["e"] / n),
    }


def _mean(total: Fraction, n: int) -> float:
    return to_float(total / n) if n > 0 else nan
