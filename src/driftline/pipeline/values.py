"""Samples as rules read them: a value with its limits at whatever confidence a rule asks for."""

from __future__ import annotations

from math import nan

from driftline.records import Dimension, Evaluation
from driftline.rules.catalogue import STATISTICS
from driftline.rules.verdict import Estimate, Value
from driftline.statistics import intervals


def values_of(evaluations: list[Evaluation], metric: str) -> list[Value]:
    """Every sample of a statistic."""
    return [
        _value(evaluation, place)
        for evaluation in evaluations
        if evaluation.statistic == metric
        for place in range(len(evaluation.dimensions))
    ]


def pick(evaluations: list[Evaluation], metric: str, dimension: Dimension) -> Value | None:
    """The sample of one dimension."""
    return next((v for v in values_of(evaluations, metric) if v.dimension == dimension), None)


def _value(evaluation: Evaluation, place: int) -> Value:
    value, n = float(evaluation.value[0, place]), int(evaluation.n[0, place])
    sufficient = bool(evaluation.sufficient[0, place])
    if STATISTICS[evaluation.statistic].proportion and "trials" not in evaluation.extra:
        return share(evaluation.dimensions[place], value, n, sufficient=sufficient)
    return Value(
        evaluation.dimensions[place],
        value,
        n,
        sufficient,
        lambda c: intervals.estimate(evaluation, 0, place, c),
    )


def share(dimension: Dimension, value: float, n: int, *, sufficient: bool = True) -> Value:
    """A share of n, with Wilson's limits; NaN without any."""

    def at(confidence: float) -> Estimate:
        if value != value or n <= 0:  # noqa: PLR0124
            return value, nan, nan
        low, high = intervals.wilson(round(value * n), n, intervals.quantile(confidence))
        return value, float(low), float(high)

    return Value(dimension, value, n, sufficient, at)


def uncertain(dimension: Dimension, value: float, error: float, kind: str) -> Value:
    """A value with its standard error; ``kind`` says on which scale its limits lie (``intervals.KIND``)."""

    def at(confidence: float) -> Estimate:
        return intervals.by_error(value, error, kind, confidence)

    return Value(dimension, value, 0, True, at)


def certain(dimension: Dimension, value: float) -> Value:
    """A value without an uncertainty."""
    return Value(dimension, value, 0, True, lambda _c: intervals.known(value))
