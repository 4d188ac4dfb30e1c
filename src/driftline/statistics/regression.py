"""MAE, RMSE, R2, MAPE and bias from exact sums, as sklearn.metrics, and the standard errors that follow from them."""

from __future__ import annotations

from fractions import Fraction
from math import inf, nan
from typing import NamedTuple

from driftline.aggregates.exact import root, to_float
from driftline.aggregates.regression import slices
from driftline.records import Ints

NAMES = ("mae", "rmse", "r2", "mape", "bias")
ERRORS = ("mae", "rmse", "bias")
"""Statistics with a standard error; on which scale, says ``intervals.KIND``."""


class Found(NamedTuple):
    """By name: the statistics of a window, and the standard errors of those that have one."""

    values: dict[str, float]
    errors: dict[str, float]


def regression_statistics(limbs: Ints, n: int, zero_labels: int) -> Found:
    """The statistics of one window of n rows; NaN where undefined.

    mae = sum|e|/n, rmse = sqrt(sum e^2/n), bias = sum e/n (prediction - label),
    mape = sum|e/y| over the rows with y != 0, r2 = 1 - sum e^2 / (sum y^2 - (sum y)^2/n), undefined for
    constant labels. The sums are exact, so r2 loses nothing by cancellation.
    """
    if n <= 0:
        return Found(dict.fromkeys(NAMES, nan), dict.fromkeys(ERRORS, nan))
    sums = {name: accumulator.fraction(limbs[place]) for name, (place, accumulator) in slices().items()}
    spread = sums["y2"] - sums["y"] ** 2 / n
    values = {
        "mae": to_float(sums["abs_e"] / n),
        "rmse": root(sums["e2"] / n),
        "r2": to_float(1 - sums["e2"] / spread) if spread > 0 else nan,
        "mape": _mean(sums["ratio"], n - zero_labels),
        "bias": to_float(sums["e"] / n),
    }
    return Found(values, _errors(sums, values, n))


def _errors(sums: dict[str, Fraction], values: dict[str, float], n: int) -> dict[str, float]:
    """By the central limit theorem; of RMSE by the delta method, half of that of log(MSE)."""
    mean_square = to_float(sums["e2"] / n)
    of_mae, of_square = _error(sums["abs_e"], sums["e2"], n), _error(sums["e2"], sums["e4"], n)
    return {
        "mae": of_mae / values["mae"] if values["mae"] > 0 else nan,
        "rmse": of_square / mean_square / 2 if 0 < mean_square < inf else nan,
        "bias": _error(sums["e"], sums["e2"], n),
    }


def _error(total: Fraction, squares: Fraction, n: int) -> float:
    """Of a mean of n numbers: √((Σx² - (Σx)²/n) / (n (n-1)))."""
    return root(max((squares - total**2 / n) / (n * (n - 1)), Fraction(0))) if n > 1 else nan


def _mean(total: Fraction, n: int) -> float:
    return to_float(total / n) if n > 0 else nan
