"""Does a condition hold at an instant: true, false, or too little to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import isnan, nan
from typing import Protocol

from driftline.records import Dimension
from driftline.rules.spec import AVERAGED_METRICS, Combination, Comparison, Condition

LOWER_IS_BETTER = frozenset(
    "log_loss brier mae rmse mape psi psi_deciles ks ks_high wasserstein js_distance hellinger total_variation"
    " l_infinity chi2 missing_ratio invalid_ratio unseen_ratio out_of_range_ratio prediction_psi"
    " prediction_js_distance latency_p50 latency_p95 latency_p99".split()
)

Estimate = tuple[float, float, float]
"""(value, lower, upper), one-sided at a confidence; NaN where unknown."""


@dataclass(frozen=True, slots=True)
class Value:
    """A sample as a rule reads it."""

    dimension: Dimension
    value: float
    n: int
    sufficient: bool
    at: Callable[[float], Estimate]
    """The value with its one-sided limits at a confidence."""


class Lookup(Protocol):
    """The samples at an instant."""

    def now(self, comparison: Comparison) -> list[Value]:
        """At the latest judged end of the comparison's window."""

    def other(self, comparison: Comparison, dimension: Dimension) -> Value | None:
        """What a drop or rise is compared with."""

    def difference(self, first: Estimate, second: Estimate) -> tuple[float, float]:
        """Limits of first - second."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One comparison's part in a verdict."""

    metric: str
    window_ms: int | None
    dimension: Dimension
    value: float
    low: float
    high: float
    threshold: float
    n: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """True, False, or None: too little data; with the values that it rests on."""

    outcome: bool | None
    violations: tuple[Violation, ...] = ()


def judge(condition: Condition, lookup: Lookup, binding: dict[str, str], default_average: str | None) -> Verdict:
    """The verdict of a condition for one instance; ``binding`` names the instance's dimensions."""
    if isinstance(condition, Combination):
        verdicts = [judge(part, lookup, binding, default_average) for part in condition.conditions]
        return _combined(condition.how, verdicts)
    if not isinstance(condition, Comparison):
        return Verdict(None)
    values = [v for v in lookup.now(condition) if matches(condition, v.dimension, binding, default_average)]
    verdicts = [_compare(condition, value, lookup) for value in values]
    if condition.at_least is not None:
        return _at_least(condition.at_least, verdicts)
    if not verdicts:
        return Verdict(None)
    if len(verdicts) == 1:
        return verdicts[0]
    return _combined("any", verdicts)


def _combined(how: str, verdicts: list[Verdict]) -> Verdict:
    outcomes = [v.outcome for v in verdicts]
    decisive = how == "any"
    violations = tuple(x for v in verdicts if v.outcome is not False or how == "all" for x in v.violations)
    if decisive in outcomes:
        return Verdict(decisive, violations)
    return Verdict(None if None in outcomes else not decisive, violations)


def _at_least(count: int, verdicts: list[Verdict]) -> Verdict:
    true = [v for v in verdicts if v.outcome]
    open_ = sum(v.outcome is None for v in verdicts)
    violations = tuple(x for v in true for x in v.violations)
    if len(true) >= count:
        return Verdict(True, violations)  # noqa: FBT003
    return Verdict(None if len(true) + open_ >= count else False, violations)


def matches(condition: Comparison, dimension: Dimension, binding: dict[str, str], average: str | None) -> bool:
    """Whether a sample is one that the comparison is about."""
    wanted = {
        "feature": (condition.feature, dimension.feature),
        "class": (condition.class_, dimension.class_),
        "segment": (
            condition.segment[1] if condition.segment else None,
            dimension.segment[1] if dimension.segment else None,
        ),
    }
    if (condition.segment[0] if condition.segment else None) != (dimension.segment[0] if dimension.segment else None):
        return False
    for name, (asked, found) in wanted.items():
        if (asked is None) != (found is None) and not (name == "class" and condition.metric == "class_ratio"):
            return False
        if asked is not None and not fnmatchcase(found or "", asked):
            return False
        if name in binding and found is not None and binding[name] != found and asked is not None:
            return False
    if condition.output is not None and condition.output != dimension.output:
        return False
    if condition.metric in AVERAGED_METRICS and condition.class_ is None:
        return dimension.average == (condition.average or average)
    return True


def _compare(condition: Comparison, value: Value, lookup: Lookup) -> Verdict:
    if condition.op in ("drop", "rise"):
        return _change(condition, value, lookup)
    limit = condition.limit(value.dimension.feature)
    if not value.sufficient or isnan(value.value):
        return Verdict(None, (_violation(condition, value, nan, nan, limit[0]),))
    now, low, high = _limits(condition, value)
    shown_low, shown_high = (low, high) if condition.confidence else (nan, nan)
    if condition.op == "above":
        outcome = _beyond(low, limit[0])
        threshold = limit[0]
    elif condition.op == "below":
        outcome = _beyond(-high, -limit[0])
        threshold = limit[0]
    else:
        under, over = _beyond(-high, -limit[0]), _beyond(low, limit[1])
        outcome = True if under or over else (None if under is None or over is None else False)
        threshold = limit[0] if now < limit[0] else limit[1]
    return Verdict(outcome, (_violation(condition, value, shown_low, shown_high, threshold),))


def _limits(condition: Comparison, value: Value) -> Estimate:
    """The value itself without a confidence; with one, the interval, unknown where there is none."""
    if condition.confidence is None:
        return value.value, value.value, value.value
    return value.at(condition.confidence)


def _beyond(value: float, limit: float) -> bool | None:
    return None if isnan(value) else value > limit


def _change(condition: Comparison, value: Value, lookup: Lookup) -> Verdict:
    """A drop (a rise): the value is worse than the other by more than the threshold."""
    other = lookup.other(condition, value.dimension)
    size = condition.threshold[0] / 100
    if other is None or isnan(other.value) or not value.sufficient or isnan(value.value):
        return Verdict(None, (_violation(condition, value, nan, nan, nan),))
    sign = 1 if condition.op == "drop" else -1
    relative = condition.unit == "percent"
    threshold = other.value * (1 - sign * size) if relative else other.value - sign * size
    if condition.confidence is None:
        worse = sign * (threshold - value.value)
        return Verdict(worse > 0, (_violation(condition, value, nan, nan, threshold),))
    now, base = value.at(condition.confidence), other.at(condition.confidence)
    scaled = (base[0] * (1 - sign * size), base[1] * (1 - sign * size), base[2] * (1 - sign * size)) if relative else base
    low, high = lookup.difference(scaled, now)
    edge = 0.0 if relative else size
    outcome = _beyond(low, edge) if sign > 0 else _beyond(-high, edge)
    return Verdict(outcome, (_violation(condition, value, now[1], now[2], threshold),))


def _violation(condition: Comparison, value: Value, low: float, high: float, threshold: float) -> Violation:
    return Violation(
        condition.metric, condition.window_ms, value.dimension, value.value, low, high, threshold, value.n
    )
