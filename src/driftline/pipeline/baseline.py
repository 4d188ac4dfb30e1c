"""What ``versus: reference`` compares with: the reference's own value of a statistic, with its uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import evaluate
from driftline.pipeline.values import certain, pick, share, uncertain
from driftline.records import Dimension
from driftline.reference.profile import CategoricalProfile, NumericProfile, Profile
from driftline.rules.spec import Comparison
from driftline.rules.verdict import Estimate, Value
from driftline.settings import WindowKind
from driftline.statistics import intervals
from driftline.statistics.calibration import Bins, expected_error

_FROM_CONFUSION = frozenset(("accuracy", "precision", "recall", "f1", "balanced_accuracy", "mcc"))
_NEVER = frozenset(("unseen_ratio", "out_of_range_ratio"))
"""0 in the reference, since it is what they are measured by."""


def reference_value(slot: Slot, comparison: Comparison, dimension: Dimension) -> Value | None:
    """The reference's value; None where there is no reference, or it does not tell.

    A share comes with Wilson's limits for the reference's own rows, so that a small reference counts for less.
    """
    profile = slot.profile
    if profile is None:
        return None
    if comparison.kind is WindowKind.DRIFT:
        return _drift(profile, comparison.metric, dimension)
    if comparison.metric in _FROM_CONFUSION and profile.performance.get("confusion") is not None:
        return _from_confusion(slot, profile, comparison, dimension)
    value = profile.performance.get("metrics", {}).get(comparison.metric)
    if isinstance(value, dict):
        value = value.get(dimension.average)
    known = isinstance(value, int | float) and dimension.segment is None and dimension.class_ is None
    if not known:
        return None
    sums = profile.performance.get("calibration")
    if comparison.metric == "ece" and sums is not None:
        return _calibration(sums, dimension)
    error = profile.performance.get("errors", {}).get(comparison.metric)
    if error is None:
        return certain(dimension, float(value))
    return uncertain(dimension, float(value), float(error), intervals.KIND[comparison.metric])


def _calibration(sums: Mapping[str, Any], dimension: Dimension) -> Value:
    """Evaluated like a window, from the reference's own sums."""
    parts = (np.asarray(sums[name], np.float64) for name in ("n", "scores", "positives", "squares"))
    value, error, upward = (float(part) for part in expected_error(Bins(*parts)))

    def at(confidence: float) -> Estimate:
        step = intervals.quantile(confidence) * error
        low, high = intervals.raised_limits(np.array(value - step), np.array(value + step), np.array(upward))
        return value, float(low), float(high)

    return Value(dimension, value, 0, True, at)


def _from_confusion(
    slot: Slot, profile: Profile, comparison: Comparison, dimension: Dimension
) -> Value | None:
    """Evaluated like a window, without its gates: the reference is what it is."""
    counts = np.asarray(profile.performance["confusion"], np.int64)
    totals = slot.performance.reference_totals(tuple(profile.performance["classes"]), counts)
    evaluations = evaluate(slot, comparison.kind, 1, totals, frozenset((comparison.metric,)))
    for evaluation in evaluations:
        evaluation.sufficient[:] = True
    return pick(evaluations, comparison.metric, dimension)


def _drift(profile: Profile, metric: str, dimension: Dimension) -> Value | None:
    if metric == "class_ratio":
        return _class_ratio(profile, dimension)
    columns: list[Any] = [*profile.numeric, *profile.categorical]
    column = next((c for c in columns if c.name == dimension.feature), None)
    return _column(column, metric, dimension) if column is not None else None


def _column(column: NumericProfile | CategoricalProfile, metric: str, dimension: Dimension) -> Value | None:
    events = column.n + column.missing + column.invalid
    if metric == "missing_ratio" and events:
        return share(dimension, column.missing / events, events)
    if metric == "invalid_ratio" and events > column.missing:
        return share(dimension, column.invalid / (events - column.missing), events - column.missing)
    if metric in _NEVER:
        return certain(dimension, 0.0)
    if metric in ("mean", "std") and isinstance(column, NumericProfile):
        return certain(dimension, column.mean if metric == "mean" else column.std)
    return None


def _class_ratio(profile: Profile, dimension: Dimension) -> Value | None:
    """The share of a predicted class; of one that the reference never predicted: 0."""
    predicted = profile.predicted
    if predicted is None or not predicted.n:
        return None
    counts = dict(zip(predicted.categories, predicted.counts.tolist(), strict=True))
    return share(dimension, counts.get(dimension.class_ or "", 0) / predicted.n, predicted.n)
