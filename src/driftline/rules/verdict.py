"""Does a condition hold at an instant: true, false, or too little to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from math import isnan, nan
from typing import Protocol

from driftline.records import Dimension
from driftline.rules.catalogue import STATISTICS
from driftline.rules.spec import Combination, Comparison, Condition, comparisons

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
    other: float = nan
    """What a drop or a rise is measured from."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """True, False, or None: too little data; with the values that it rests on."""

    outcome: bool | None
    violations: tuple[Violation, ...] = ()


def judge(
    condition: Condition, lookup: Lookup, binding: dict[str, str], default_average: str | None
) -> Verdict:
    """The verdict of a condition for one instance; ``binding`` names the instance's dimensions."""
    if isinstance(condition, Combination):
        verdicts = [judge(part, lookup, binding, default_average) for part in condition.conditions]
        return _combined(condition.how, verdicts)
    if not isinstance(condition, Comparison):
        return Verdict(None)
    values = [v for v in lookup.now(condition) if matches(condition, v.dimension, binding, default_average)]
    verdicts = [_compare(condition, value, lookup) for value in values]
    if not verdicts:
        return Verdict(None)
    if condition.at_least is not None:
        return _at_least(condition.at_least, verdicts)
    if len(verdicts) == 1:
        return verdicts[0]
    return _combined("any", verdicts)


def bindings(condition: Condition, lookup: Lookup, average: str | None) -> list[dict[str, str]]:
    """The instances of a condition at an instant: one for each name (or pair of names) that its patterns match.

    One empty binding where no pattern is named; none where nothing matches yet.
    """
    found: dict[str, set[str]] = {}
    for comparison in comparisons(condition):
        for name in comparison.globs:
            names = found.setdefault(name, set())
            for value in lookup.now(comparison):
                if matches(comparison, value.dimension, {}, average):
                    names.add(_name(value.dimension, name))
    return [dict(zip(found, names, strict=True)) for names in product(*map(sorted, found.values()))]


def _name(dimension: Dimension, of: str) -> str:
    segment = dimension.segment[1] if dimension.segment else None
    return {"feature": dimension.feature, "class": dimension.class_, "segment": segment}[of] or ""


def _combined(how: str, verdicts: list[Verdict]) -> Verdict:
    """Three-valued *and*, *or*; what decided an *any* is shown alone."""
    outcomes = [v.outcome for v in verdicts]
    decisive = how == "any"
    if decisive in outcomes:
        shown = [v for v in verdicts if v.outcome is decisive] if decisive else verdicts
        return Verdict(decisive, _violations(shown))
    return Verdict(None if None in outcomes else not decisive, _violations(verdicts))


def _violations(verdicts: list[Verdict]) -> tuple[Violation, ...]:
    return tuple(x for v in verdicts for x in v.violations)


def _at_least(count: int, verdicts: list[Verdict]) -> Verdict:
    true = [v for v in verdicts if v.outcome]
    open_ = sum(v.outcome is None for v in verdicts)
    if len(true) >= count:
        return Verdict(True, _violations(true))
    return Verdict(None if len(true) + open_ >= count else False, _violations(true))


def matches(
    condition: Comparison, dimension: Dimension, binding: dict[str, str], average: str | None
) -> bool:
    """Whether a sample is one that the comparison is about."""
    segment, of = condition.segment or (None, None), dimension.segment or (None, None)
    any_class = condition.metric == "class_ratio" and condition.class_ is None
    return (
        segment[0] == of[0]
        and _named(condition, "segment", segment[1], of[1], binding)
        and _named(condition, "feature", condition.feature, dimension.feature, binding)
        and (any_class or _named(condition, "class", condition.class_, dimension.class_, binding))
        and condition.output in (None, dimension.output)
        and _averaged(condition, dimension, average)
    )


def _named(
    condition: Comparison, name: str, asked: str | None, found: str | None, binding: dict[str, str]
) -> bool:
    """Whether a sample's name is asked for: by a pattern, the instance's own only."""
    if asked is None or found is None:
        return asked is found
    bound = binding.get(name)
    if bound is not None and name in condition.globs and fnmatchcase(bound, asked):
        return found == bound
    return fnmatchcase(found, asked)


def _averaged(condition: Comparison, dimension: Dimension, average: str | None) -> bool:
    if not STATISTICS[condition.metric].averaged or condition.class_ is not None:
        return True
    return dimension.average == (condition.average or average)


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
    """A drop (a rise): the value is worse than the other by more than the threshold.

    Points are hundredths; percent are of the other's absolute value, so that a negative one worsens too.
    """
    other = lookup.other(condition, value.dimension)
    size = condition.limit(value.dimension.feature)[0] / 100
    known = other is not None and other.sufficient and not isnan(other.value)
    if other is None or not known or not value.sufficient or isnan(value.value):
        return Verdict(None, (_violation(condition, value, nan, nan, nan),))
    sign = 1 if condition.op == "drop" else -1
    relative = condition.unit == "percent"
    threshold = other.value - sign * size * (abs(other.value) if relative else 1)
    if condition.confidence is None:
        worse = sign * (threshold - value.value)
        return Verdict(worse > 0, (_violation(condition, value, nan, nan, threshold, other.value),))
    now, base = value.at(condition.confidence), other.at(condition.confidence)
    if relative:
        base = _times(1 - sign * size * (1 if base[0] >= 0 else -1), base)
    low, high = lookup.difference(base, now)
    edge = 0.0 if relative else size
    outcome = _beyond(low, edge) if sign > 0 else _beyond(-high, edge)
    return Verdict(outcome, (_violation(condition, value, now[1], now[2], threshold, other.value),))


def _times(factor: float, of: Estimate) -> Estimate:
    """The estimate times a factor; a negative one turns the limits around."""
    value, low, high = (factor * x for x in of)
    return (value, low, high) if factor >= 0 else (value, high, low)


def _violation(
    condition: Comparison, value: Value, low: float, high: float, threshold: float, other: float = nan
) -> Violation:
    # What rests on too little data is no value: it is neither published nor shown.
    known = value.value if value.sufficient else nan
    return Violation(
        condition.metric, condition.window_ms, value.dimension, known, low, high, threshold, value.n, other
    )
