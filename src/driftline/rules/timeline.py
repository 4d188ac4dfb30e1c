"""Timelines: made-up samples at instants, and the transitions that rules make of them.

It reads plain values, as a YAML file gives them, and judges with the engine's own verdicts and machine.
Requests, cooldowns and labels' delays are not played: they belong to the engine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

from driftline.durations import duration_ms
from driftline.errors import ConfigError, Problem
from driftline.records import Dimension
from driftline.rules import machine
from driftline.rules.catalogue import STATISTICS
from driftline.rules.machine import Reason, State
from driftline.rules.parse import parse_rules
from driftline.rules.resolve import Resolved, resolve
from driftline.rules.spec import Comparison, RuleSpec
from driftline.rules.verdict import Estimate, Value, bindings, judge
from driftline.settings import LabelSettings, ModelSettings, Task, Window, WindowKind

SHOWN = frozenset(
    (Reason.STARTED, Reason.FIRED, Reason.CLEARED, Reason.RESOLVED, Reason.GAP)
)  # fmt: skip
_VALUE = re.compile(r"(_|\.|-?\d+(?:\.\d+)?(?:e-?\d+)?)(?:x(\d+))?")
_MANY = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Series:
    """One statistic at each instant: a number, NaN where there is too little data, None where none was judged."""

    metric: str
    dimension: Dimension
    values: tuple[float | None, ...]
    reference: float | None


@dataclass(frozen=True, slots=True)
class Happened:
    """A transition: after how much time, of which rule and instance, and what."""

    at_ms: int
    rule: str
    instance: dict[str, str]
    transition: str


class _Instant:
    """What rules see at one instant."""

    def __init__(self, series: tuple[Series, ...], place: int, slide_ms: int) -> None:
        self._series, self._place, self._slide_ms = series, place, slide_ms

    def now(self, comparison: Comparison) -> list[Value]:
        """The samples of the statistic."""
        return [
            _value(s, v)
            for s in self._series
            if s.metric == comparison.metric and (v := _at(s, self._place)) is not None
        ]

    def other(self, comparison: Comparison, dimension: Dimension) -> Value | None:
        """The reference's value, or the one a window's length ago."""
        found = next(
            (s for s in self._series if (s.metric, s.dimension) == (comparison.metric, dimension)), None
        )
        if found is None:
            return None
        if comparison.versus == "previous window":
            value = _at(found, self._place - (comparison.window_ms or 0) // self._slide_ms)
        else:
            value = found.reference if comparison.versus == "reference" else None
        return None if value is None else _value(found, value)

    def difference(self, first: Estimate, second: Estimate) -> tuple[float, float]:
        """Of certain values: both limits are the difference."""
        return first[0] - second[0], first[0] - second[0]


def _at(series: Series, place: int) -> float | None:
    return series.values[place] if 0 <= place < len(series.values) else None


def _value(series: Series, value: float) -> Value:
    return Value(series.dimension, value, _MANY, value == value, lambda _c: (value, value, value))  # noqa: PLR0124


def values(text: str) -> tuple[float | None, ...]:
    """``"0.95x3 _ .x2 0.91"``: a number, ``_`` too little data, ``.`` not judged; ``xN`` repeats.

    Raises
    ------
    ValueError
        Anything else, with what would be right.
    """
    found: list[float | None] = []
    for word in text.split():
        match = _VALUE.fullmatch(word)
        if match is None:
            raise ValueError(f'"{word}" is no sample; write a number, _ or ., and xN to repeat, as "0.91x48"')
        value = {"_": nan, ".": None}.get(match[1], match[1])
        found += [None if value is None else float(value)] * int(match[2] or 1)
    return tuple(found)


def play(raw: Mapping[str, Any]) -> list[Happened]:
    """Every transition of a timeline's rules, in order of time, then of the rules.

    ``raw`` has ``rules``, ``every`` (time between instants), ``samples`` (each with ``metric``, ``values`` and, as
    it applies, ``feature``, ``class``, ``average``, ``reference``), and optionally ``task``.

    Raises
    ------
    ConfigError
        The rules or samples have mistakes: all of those of the rules at once.
    """
    specs, problems = parse_rules(raw.get("rules"), "rules")
    if problems:
        raise ConfigError(problems)
    try:
        every_ms = duration_ms(raw.get("every"))
        task = Task(raw.get("task", "binary"))
        average = {Task.BINARY: "binary", Task.MULTICLASS: "macro"}.get(task)
        series = tuple(_series(s, average) for s in raw.get("samples", ()))
    except (KeyError, ValueError) as error:
        raise ConfigError([Problem("samples", str(error))]) from error
    settings = _settings(specs, task, every_ms)
    rules = [r for spec in specs if (r := resolve(spec, settings)) is not None]
    return list(_played(rules, series, every_ms, average))


def _series(raw: Mapping[str, Any], average: str | None) -> Series:
    metric = raw["metric"]
    if metric not in STATISTICS:
        raise ValueError(f'"{metric}" is not a statistic')
    whole = STATISTICS[metric].averaged and "class" not in raw
    segment = raw.get("segment")
    dimension = Dimension(
        raw.get("feature"), raw.get("class"), next(iter(segment.items())) if segment else None,
        raw.get("output"), raw.get("average", average) if whole else None,
    )  # fmt: skip
    return Series(metric, dimension, values(str(raw["values"])), raw.get("reference"))


def _settings(specs: tuple[RuleSpec, ...], task: Task, every_ms: int) -> ModelSettings:
    """A model with the windows that the rules name, each sliding by the time between instants."""
    windows = {
        WindowKind.DRIFT: [Window(every_ms, every_ms)],
        WindowKind.PERFORMANCE: [Window(every_ms, every_ms)],
    }
    for comparison in (c for spec in specs for c in spec.comparisons()):
        if comparison.window_ms:
            windows[comparison.kind].append(Window(comparison.window_ms, every_ms))
    return ModelSettings(
        match="*", stream="main", task=task, drift_windows=tuple(windows[WindowKind.DRIFT]),
        performance_windows=tuple(windows[WindowKind.PERFORMANCE]), labels=LabelSettings(delay_ms=0),
    )  # fmt: skip


def _played(
    rules: list[Resolved], series: tuple[Series, ...], every_ms: int, average: str | None
) -> Iterator[Happened]:
    states: dict[tuple[str, tuple[tuple[str, str], ...]], State] = {}
    for place in range(max((len(s.values) for s in series), default=0)):
        if all(_at(s, place) is None for s in series):
            continue
        lookup, at_ms = _Instant(series, place, every_ms), place * every_ms
        for rule in (r for r in rules if r.judged_at(at_ms)):
            for binding in bindings(rule.spec.when, lookup, average):
                key = rule.spec.name, tuple(sorted(binding.items()))
                outcome = judge(rule.spec.when, lookup, binding, average).outcome
                state, reason = machine.step(rule.spec, states.get(key, machine.QUIET), outcome, at_ms)
                states[key] = state
                if reason in SHOWN:
                    yield Happened(at_ms, rule.spec.name, binding, str(reason))
