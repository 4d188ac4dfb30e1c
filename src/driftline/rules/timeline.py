"""Timelines: made-up samples at instants, and the transitions that rules make of them.

It judges with the engine's own verdicts and machine. One open request a version, cooldowns, ``active_for`` and the
labels' delay are not played: they belong to the engine, and instants here are those of judgement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import isnan

from driftline.records import Dimension
from driftline.rules import machine
from driftline.rules.catalogue import STATISTICS
from driftline.rules.machine import Reason, State
from driftline.rules.resolve import Resolved, resolve
from driftline.rules.spec import Comparison, RuleSpec, Silence
from driftline.rules.verdict import Estimate, Value, Verdict, Violation, bindings, judge
from driftline.settings import LabelSettings, ModelSettings, Task, Window, WindowKind

ARRIVALS = "arrivals"
"""Not a statistic: how many events came since the instant before, for rules on silence."""
SHOWN = (Reason.STARTED, Reason.FIRED, Reason.CLEARED, Reason.RESOLVED, Reason.GAP)
CERTAIN = 1_000_000_000
"""n of a sample that does not say its own: no gate stops it, and its value has no spread."""

Numbers = tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One statistic at each instant: a number, NaN where there is too little data, None where none was judged."""

    metric: str
    values: Numbers
    dimension: Dimension = field(default_factory=Dimension)
    model: str = ""
    version: str = ""
    window_ms: int | None = None
    """None: of every window."""
    n: Numbers | None = None
    low: Numbers | None = None
    high: Numbers | None = None
    """The rule's own one-sided limits, as they are."""
    reference: float | None = None
    reference_n: int | None = None
    gate: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Rules, and what they are shown, ``every_ms`` apart."""

    rules: tuple[RuleSpec, ...]
    every_ms: int
    series: tuple[Series, ...]
    task: Task = Task.BINARY
    first: tuple[int | None, int | None] = (None, None)
    """Lengths of the model's first (drift, performance) window, which rules without one read."""


@dataclass(frozen=True, slots=True)
class Happened:
    """A transition: after how much time, of which rule and instance, and what."""

    at_ms: int
    rule: str
    instance: dict[str, str]
    transition: str
    model: str = ""
    version: str = ""
    then: str | None = field(default=None, compare=False)
    """Of a firing: ``retrain`` or ``notify``; the latter too where ``unless`` holds."""
    violation: Violation | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """How uncertain a sample is. ``of(metric, value, n, confidence)``; ``difference`` as the engine's."""

    of: Callable[[str, float, int, float], Estimate]
    difference: Callable[[Estimate, Estimate], tuple[float, float]]


EXACT = Limits(lambda _metric, value, _n, _confidence: (value, value, value), lambda a, b: (a[0] - b[0],) * 2)
"""Every value is certain."""


class _Instant:
    """What the rules of one (model, version) see at one instant."""

    def __init__(self, timeline: Timeline, version: tuple[str, str], place: int, limits: Limits) -> None:
        self._all, self._place, self._limits = timeline.series, place, limits
        self._every_ms = timeline.every_ms
        self._own = [s for s in timeline.series if (s.model, s.version) == version]
        self._samples: dict[tuple[str, int], list[Value]] = {}

    def judged(self, kind: WindowKind, length_ms: int) -> bool:
        """Whether a window was judged at this very instant."""
        return self._latest(kind, length_ms) == self._place

    def now(self, comparison: Comparison) -> list[Value]:
        """The samples of the statistic at the latest instant that judged its window."""
        key = comparison.metric, comparison.window_ms or 0
        if key not in self._samples:
            place = self._latest(comparison.kind, key[1])
            mine = [s for s in self._of(comparison.kind, key[1]) if s.metric == comparison.metric]
            found = [] if place is None else [self._value(s, place) for s in mine]
            self._samples[key] = [v for v in found if v is not None]
        return self._samples[key]

    def other(self, comparison: Comparison, dimension: Dimension) -> Value | None:
        """The reference's value, the one a window's length ago, or another version's."""
        versus, length_ms = comparison.versus or "", comparison.window_ms or 0
        place = self._latest(comparison.kind, length_ms)
        of = self._own
        if versus.startswith("version "):
            other = self._own[0].model, versus.removeprefix("version ")
            of = [s for s in self._all if (s.model, s.version) == other]
        about = comparison.metric, dimension
        there = self._of(comparison.kind, length_ms, of)
        found = next((s for s in there if (s.metric, s.dimension) == about), None)
        if found is None or place is None:
            return None
        if versus == "reference":
            return self._reference(found)
        before = length_ms // self._every_ms if versus == "previous window" else 0
        return self._value(found, place - before)

    def difference(self, first: Estimate, second: Estimate) -> tuple[float, float]:
        """Limits of first - second."""
        return self._limits.difference(first, second)

    def silent(self, no_events_for_ms: int) -> bool | None:
        """Whether nothing arrived for so long; None where the timeline does not say what arrives."""
        arrivals = next((s.values for s in self._own if s.metric == ARRIVALS), None)
        if arrivals is None:
            return None
        heard = [place for place, count in enumerate(arrivals[: self._place + 1]) if count]
        return (self._place - (heard[-1] if heard else 0)) * self._every_ms >= no_events_for_ms

    def _of(self, kind: WindowKind, length_ms: int, among: list[Series] | None = None) -> list[Series]:
        return [
            s
            for s in (self._own if among is None else among)
            if s.metric != ARRIVALS and STATISTICS[s.metric].kind is kind and s.window_ms in (None, length_ms)
        ]

    def _latest(self, kind: WindowKind, length_ms: int) -> int | None:
        mine = self._of(kind, length_ms)
        places = range(self._place, -1, -1)
        return next((p for p in places if any(_at(s.values, p) is not None for s in mine)), None)

    def _value(self, series: Series, place: int) -> Value | None:
        value = _at(series.values, place)
        if value is None:
            return None
        n = _at(series.n, place) if series.n else None
        count = CERTAIN if n is None or isnan(n) else int(n)
        enough = not isnan(value) and (series.gate <= count)
        return Value(series.dimension, value, count, enough, lambda c: self._estimate(series, place, c))

    def _estimate(self, series: Series, place: int, confidence: float) -> Estimate:
        value, n = _at(series.values, place) or 0.0, _at(series.n, place) if series.n else None
        low, high = (_at(limit, place) if limit else None for limit in (series.low, series.high))
        if low is None and high is None and n is not None:
            return self._limits.of(series.metric, value, int(n), confidence)
        return value, value if low is None else low, value if high is None else high

    def _reference(self, series: Series) -> Value | None:
        value, n, metric = series.reference, series.reference_n, series.metric
        if value is None:
            return None
        if n is None:
            return Value(series.dimension, value, CERTAIN, True, lambda _c: (value, value, value))
        return Value(series.dimension, value, n, True, lambda c: self._limits.of(metric, value, n, c))


def _at(numbers: Numbers, place: int) -> float | None:
    return numbers[place] if 0 <= place < len(numbers) else None


def play(timeline: Timeline, limits: Limits = EXACT) -> list[Happened]:
    """Every transition of a timeline's rules, in order of time, then of the versions, then of the rules."""
    settings = _settings(timeline)
    rules = [r for spec in timeline.rules if (r := resolve(spec, settings)) is not None]
    average = default_average(timeline.task)
    states: dict[tuple[object, ...], State] = {}
    happened: list[Happened] = []
    versions = list(dict.fromkeys((s.model, s.version) for s in timeline.series))
    for place in range(max((len(s.values) for s in timeline.series), default=0)):
        for version in versions:
            lookup = _Instant(timeline, version, place, limits)
            mine = [r for r in rules if not version[0] or r.spec.concerns(*version)]
            for rule in (r for r in mine if _evaluated(r, lookup, place * timeline.every_ms)):
                happened += _judged(rule, lookup, average, place * timeline.every_ms, version, states)
    return happened


def default_average(task: Task) -> str | None:
    """The average that a rule means when it names none."""
    return {Task.BINARY: "binary", Task.MULTICLASS: "macro"}.get(task)


def _settings(timeline: Timeline) -> ModelSettings:
    """A model with the windows that the rules name, each sliding by the time between instants."""
    every_ms = timeline.every_ms
    kinds = zip((WindowKind.DRIFT, WindowKind.PERFORMANCE), timeline.first, strict=True)
    windows = {kind: [Window(first or every_ms, every_ms)] for kind, first in kinds}
    for comparison in (c for spec in timeline.rules for c in spec.comparisons()):
        if comparison.window_ms:
            windows[comparison.kind].append(Window(comparison.window_ms, every_ms))
    return ModelSettings(
        match="*", stream="main", task=timeline.task, drift_windows=tuple(windows[WindowKind.DRIFT]),
        performance_windows=tuple(windows[WindowKind.PERFORMANCE]), labels=LabelSettings(delay_ms=0),
    )  # fmt: skip


def _evaluated(rule: Resolved, lookup: _Instant, at_ms: int) -> bool:
    if rule.finest is None or isinstance(rule.spec.when, Silence):
        return True
    return lookup.judged(rule.finest_kind, rule.finest.length_ms) and rule.judged_at(at_ms)


def _judged(
    rule: Resolved, lookup: _Instant, average: str | None, at_ms: int, version: tuple[str, str],
    states: dict[tuple[object, ...], State],
) -> Iterator[Happened]:  # fmt: skip
    spec = rule.spec
    for binding in bindings(spec.when, lookup, average):
        if isinstance(spec.when, Silence):
            verdict = Verdict(lookup.silent(spec.when.no_events_for_ms))
            if verdict.outcome is None:
                continue
        else:
            verdict = judge(spec.when, lookup, binding, average)
        key = spec.name, version, *sorted(binding.items())
        states[key], reason = machine.step(spec, states.get(key, machine.QUIET), verdict.outcome, at_ms)
        if reason in SHOWN:
            blocked = spec.unless is not None and judge(spec.unless, lookup, binding, average).outcome is True
            then = ("notify" if blocked else spec.then) if reason is Reason.FIRED else None
            first = verdict.violations[0] if verdict.violations else None
            yield Happened(at_ms, spec.name, binding, str(reason), *version, then, first)
