"""The samples that rules read at an instant: the latest judged end of each window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from driftline.aggregates.panes import Panes
from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import evaluate
from driftline.records import Dimension, Evaluation
from driftline.rules.spec import Comparison
from driftline.rules.verdict import Estimate, Value
from driftline.settings import WindowKind
from driftline.statistics import intervals

WindowKey = tuple[int, WindowKind, int]
"""(slot code, kind, length)"""


@dataclass(slots=True)
class Latest:
    """A window's latest judged end and its values."""

    end_ms: int
    instant_ms: int
    evaluations: list[Evaluation]


def values_of(evaluations: list[Evaluation], metric: str) -> list[Value]:
    """Every sample of a statistic."""
    return [
        _value(evaluation, place)
        for evaluation in evaluations
        if evaluation.statistic == metric
        for place in range(len(evaluation.dimensions))
    ]


def _value(evaluation: Evaluation, place: int) -> Value:
    return Value(
        evaluation.dimensions[place], float(evaluation.value[0, place]), int(evaluation.n[0, place]),
        bool(evaluation.sufficient[0, place]), lambda c: intervals.estimate(evaluation, 0, place, c),
    )  # fmt: skip


def panes_of(slot: Slot, kind: WindowKind, length_ms: int) -> Panes | None:
    """The slot's panes of a window."""
    panes = slot.drift_panes if kind is WindowKind.DRIFT else slot.performance_panes
    return next((p for p in panes if p.window.length_ms == length_ms), None)


class SlotLookup:
    """What rules see of one (model, version) at an instant."""

    def __init__(self, slot: Slot, latest: dict[WindowKey, Latest], others: dict[str, Slot]) -> None:
        self._slot = slot
        self._latest = latest
        self._others = others

    def now(self, comparison: Comparison) -> list[Value]:
        """At the latest judged end of the comparison's window."""
        found = self._latest.get((self._slot.code, comparison.kind, comparison.window_ms or 0))
        return values_of(found.evaluations, comparison.metric) if found else []

    def other(self, comparison: Comparison, dimension: Dimension) -> Value | None:
        """The reference's, the previous window's or another version's value."""
        versus = comparison.versus or ""
        if versus == "reference":
            return self._reference(comparison, dimension)
        if versus == "previous window":
            return self._previous(comparison, dimension)
        slot = self._others.get(versus.removeprefix("version "))
        return self._at_end(slot, comparison, dimension, 0) if slot is not None else None

    def difference(self, first: Estimate, second: Estimate) -> tuple[float, float]:
        """Limits of first - second."""
        return intervals.difference_bounds(first, second)

    def _previous(self, comparison: Comparison, dimension: Dimension) -> Value | None:
        return self._at_end(self._slot, comparison, dimension, comparison.window_ms or 0)

    def _at_end(
        self, slot: Slot, comparison: Comparison, dimension: Dimension, before_ms: int
    ) -> Value | None:
        """A slot's value so long before the latest judged end of the comparison's own window.

        Another version is read at the very end that this one is: which of the two was judged first at
        an instant, or was seen first in the logs, does not matter.
        """
        length_ms = comparison.window_ms or 0
        found = self._latest.get((self._slot.code, comparison.kind, length_ms))
        panes = panes_of(slot, comparison.kind, length_ms)
        if found is None or panes is None:
            return None
        totals = panes.peek(found.end_ms - before_ms)
        evaluations = evaluate(slot, comparison.kind, length_ms, totals, frozenset((comparison.metric,)))
        value = _pick(evaluations, comparison.metric, dimension)
        return value if value is not None and value.sufficient else None

    def _reference(self, comparison: Comparison, dimension: Dimension) -> Value | None:
        profile = self._slot.profile
        if profile is None:
            return None
        if comparison.kind is WindowKind.DRIFT:
            return _reference_moment(self._slot, comparison.metric, dimension)
        counts = profile.performance.get("confusion")
        if counts is not None and comparison.metric in _FROM_CONFUSION:
            layout = self._slot.performance
            totals = layout.reference_totals(
                tuple(profile.performance["classes"]), np.asarray(counts, np.int64)
            )
            evaluations = evaluate(self._slot, comparison.kind, 1, totals, frozenset((comparison.metric,)))
            for evaluation in evaluations:
                evaluation.sufficient[:] = True
            return _pick(evaluations, comparison.metric, dimension)
        value = profile.performance.get("metrics", {}).get(comparison.metric)
        return _known(float(value), dimension) if isinstance(value, int | float) else None


_FROM_CONFUSION = frozenset(("accuracy", "precision", "recall", "f1", "balanced_accuracy", "mcc"))


def _known(value: float, dimension: Dimension) -> Value:
    return Value(dimension, value, 0, True, lambda _c: intervals.known(value))


def _reference_moment(slot: Slot, metric: str, dimension: Dimension) -> Value | None:
    profile = slot.profile
    assert profile is not None  # noqa: S101
    columns: list[Any] = [*profile.numeric, *profile.categorical]
    column = next((c for c in columns if c.name == dimension.feature), None)
    if column is None:
        return None
    events = column.n + column.missing + column.invalid
    if metric == "missing_ratio" and events:
        return _known(column.missing / events, dimension)
    if metric == "invalid_ratio" and events > column.missing:
        return _known(column.invalid / (events - column.missing), dimension)
    if metric in ("mean", "std") and hasattr(column, "mean"):
        return _known(column.mean if metric == "mean" else column.std, dimension)
    return None


def _pick(evaluations: list[Evaluation], metric: str, dimension: Dimension) -> Value | None:
    return next((v for v in values_of(evaluations, metric) if v.dimension == dimension), None)


def to_rows(latest: dict[WindowKey, Latest]) -> list[dict[str, Any]]:
    """Plain values, for the snapshot."""
    rows = []
    for (slot, kind, length), held in latest.items():
        evaluations = [
            {
                "statistic": e.statistic, "value": e.value[0].tolist(), "n": e.n[0].tolist(),
                "sufficient": e.sufficient[0].tolist(), "low": None if e.low is None else e.low[0].tolist(),
                "high": None if e.high is None else e.high[0].tolist(),
                "extra": {name: column[0].tolist() for name, column in e.extra.items()},
                "dimensions": [[d.feature, d.class_, d.segment, d.output, d.average] for d in e.dimensions],
            }
            for e in held.evaluations
        ]  # fmt: skip
        rows.append(
            {"slot": slot, "kind": str(kind), "length_ms": length, "end_ms": held.end_ms,
             "instant_ms": held.instant_ms, "evaluations": evaluations}
        )  # fmt: skip
    return rows


def from_rows(rows: list[dict[str, Any]]) -> dict[WindowKey, Latest]:
    """What ``to_rows`` wrote."""
    return {
        (r["slot"], WindowKind(r["kind"]), r["length_ms"]): Latest(
            r["end_ms"], r["instant_ms"], [_evaluation(e) for e in r["evaluations"]]
        )
        for r in rows
    }


def _evaluation(row: dict[str, Any]) -> Evaluation:
    def floats(values: list[float] | None) -> Any:
        return None if values is None else np.array([values], np.float64)

    dimensions = tuple(Dimension(f, c, tuple(s) if s else None, o, a) for f, c, s, o, a in row["dimensions"])
    return Evaluation(
        row["statistic"], dimensions, floats(row["value"]), np.array([row["n"]], np.int64),
        np.array([row["sufficient"]], np.bool_), floats(row["low"]), floats(row["high"]),
        {name: floats(values) for name, values in row["extra"].items()},
    )  # fmt: skip
