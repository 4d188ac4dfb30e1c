"""Confidence limits: Wilson for shares, through f for F1, standard errors for everything else.

An evaluation carries in ``extra``, each [E, K] with NaN where it does not apply: ``successes`` and
``trials`` of a share; ``f_scale`` 1 where that share is f = TP/(TP+FP+FN) and the value F1 = 2f/(1+f);
``se_logit``, ``se_log`` and ``se``, the standard error of the value's logit (averages of shares, AUC), of its
logarithm (what cannot be negative), and of itself; ``upward``, how far chance alone raises a value of 0…1 at most,
which the lower limit takes off.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from statistics import NormalDist
from sys import float_info

import numpy as np
from numpy.typing import ArrayLike

from driftline.records import Evaluation, Floats
from driftline.statistics.classification import ratio

TWO_SIDED = 0.95
Estimate = tuple[float, float, float]
"""(value, lower limit, upper limit)."""


def quantile(confidence: float) -> float:
    """z of the standard normal with P(Z <= z) = confidence."""
    return NormalDist().inv_cdf(confidence)


def wilson(successes: ArrayLike, trials: ArrayLike, z: float) -> tuple[Floats, Floats]:
    """Score limits of a share k/n (Wilson 1927); NaN without trials.

    (k + z^2/2 -+ z sqrt(k (n - k)/n + z^2/4)) / (n + z^2)
    """
    k, n = np.asarray(successes, np.float64), np.asarray(trials, np.float64)
    half = z * np.sqrt(np.maximum(ratio(k * (n - k), n), 0.0) + z * z / 4)
    middle = k + z * z / 2
    return np.maximum((middle - half) / (n + z * z), 0.0), np.minimum((middle + half) / (n + z * z), 1.0)


def f_to_f1(f: Floats) -> Floats:
    """F1 = 2 f / (1 + f), increasing, so limits of f map to limits of F1."""
    return 2 * f / (1 + f)


@np.errstate(over="ignore")  # odds beyond float64 are those of 1
def logit_limits(value: Floats, error: Floats, z: float) -> tuple[Floats, Floats]:
    """expit(logit(value) -+ z error); NaN where the error is."""
    odds = ratio(value, 1 - value)
    low, high = odds * np.exp(-z * error), odds * np.exp(z * error)
    return low / (1 + low), np.where(np.isinf(high), 1.0, high / (1 + np.minimum(high, float_info.max)))


@np.errstate(over="ignore")  # a limit beyond float64 is infinite
def log_limits(value: Floats, error: Floats, z: float) -> tuple[Floats, Floats]:
    """value · exp(-+ z error); NaN where the error is."""
    return value * np.exp(-z * error), value * np.exp(z * error)


@np.errstate(over="ignore")  # a limit beyond float64 is infinite
def plain_limits(value: Floats, error: Floats, z: float) -> tuple[Floats, Floats]:
    """value -+ z error; NaN where the error is."""
    return value - z * error, value + z * error


def raised_limits(low: Floats, high: Floats, upward: Floats) -> tuple[Floats, Floats]:
    """Limits in 0…1 of a value that chance alone raises by up to ``upward``."""
    return np.maximum(low - upward, 0.0), np.minimum(high, 1.0)


BY_ERROR = {"se_logit": logit_limits, "se_log": log_limits, "se": plain_limits}
"""How limits follow from each kind of standard error."""


KIND = {
    "auc": "se_logit",
    "log_loss": "se_log",
    "brier": "se_log",
    "mae": "se_log",
    "rmse": "se_log",
    "bias": "se",
    "ece": "se",
}
"""The scale on which the limits of each statistic that is no share lie."""


def by_error(value: float, error: float, kind: str, confidence: float) -> Estimate:
    """A value whose own standard error is known, with limits on the scale of its kind; certain without an error."""
    if error == 0:
        return known(value)
    slope = {"se_logit": value * (1 - value), "se_log": value, "se": 1.0}[kind]
    low, high = BY_ERROR[kind](np.array(value), ratio(np.array(error), np.array(slope)), quantile(confidence))
    return value, float(low), float(high)


def limits(value: Floats, extra: Mapping[str, Floats], z: float) -> tuple[Floats, Floats]:
    """Limits at z of whatever each column is; NaN where unknown."""
    doubled = extra["f_scale"] == 1
    low, high = (np.where(doubled, f_to_f1(a), a) for a in wilson(extra["successes"], extra["trials"], z))
    for name, limits_by in BY_ERROR.items():
        if not (known := ~np.isnan(extra[name])).any():
            continue
        pair = limits_by(value, extra[name], z)
        low, high = np.where(known, pair[0], low), np.where(known, pair[1], high)
    if "upward" in extra:
        raised = ~np.isnan(extra["upward"])
        lower, upper = raised_limits(low, high, extra["upward"])
        low, high = np.where(raised, lower, low), np.where(raised, upper, high)
    nothing = np.isnan(value)
    return np.where(nothing, np.nan, low), np.where(nothing, np.nan, high)


def one_sided(evaluation: Evaluation, confidence: float) -> tuple[Floats, Floats]:
    """Lower and upper limits [E, K], each one-sided at the confidence; NaN where unknown."""
    if "trials" not in evaluation.extra:
        nothing = np.full_like(evaluation.value, np.nan)
        return nothing, nothing
    return limits(evaluation.value, dict(evaluation.extra), quantile(confidence))


def bounds(evaluation: Evaluation, e: int, k: int, confidence: float) -> tuple[float, float]:
    """Lower and upper limit of one value, each one-sided at the confidence; NaN where unknown."""
    if "trials" not in evaluation.extra:
        return nan, nan
    extra = {name: column[e, k] for name, column in evaluation.extra.items()}
    low, high = limits(evaluation.value[e, k], extra, quantile(confidence))
    return float(low), float(high)


def estimate(evaluation: Evaluation, e: int, k: int, confidence: float) -> Estimate:
    """A value with its one-sided limits, as ``difference_bounds`` takes it."""
    return (float(evaluation.value[e, k]), *bounds(evaluation, e, k, confidence))


def known(value: float) -> Estimate:
    """A value that is taken as certain: a reference that states no counts."""
    return value, value, value


def times(factor: float, of: Estimate) -> Estimate:
    """The estimate times a factor >= 0.

    "v lies p percent below r" is ``difference_bounds(times(1 - p/100, r), v)[0] > 0``.
    """
    return factor * of[0], factor * of[1], factor * of[2]


def difference_bounds(first: Estimate, second: Estimate) -> tuple[float, float]:
    """Limits of first - second, independent samples, each at the confidence of the estimates' limits.

    lower = d - sqrt((a - l_a)^2 + (u_b - b)^2), upper = d + sqrt((u_a - a)^2 + (b - l_b)^2), d = a - b:
    method 10 of Newcombe, Statistics in Medicine 17 (1998), and with other than Wilson limits MOVER
    (Zou and Donner 2008). A drop is ``difference_bounds(reference, now)``. NaN where a limit is.
    """
    (a, low_a, high_a), (b, low_b, high_b) = first, second
    down = float(np.hypot(a - low_a, high_b - b))
    up = float(np.hypot(high_a - a, b - low_b))
    return a - b - down, a - b + up
