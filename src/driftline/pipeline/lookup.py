"""The samples that rules read at an instant: the latest judged end of each window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from driftline.aggregates.panes import Panes
from driftline.pipeline.baseline import reference_value
from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import evaluate
from driftline.pipeline.values import pick, values_of
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
    seen_ms: int
    """Start of its newest pane that held an event."""
    evaluations: list[Evaluation]


def panes_of(slot: Slot, kind: WindowKind, length_ms: int) -> Panes | None:
    """The slot's panes of a window."""
    panes = slot.drift_panes if kind is WindowKind.DRIFT else slot.performance_panes
    return next((p for p in panes if p.window.length_ms == length_ms), None)


Held = Callable[[WindowKind, int], Latest | None]
"""(kind, length) -> the window at its latest judged end; None where that held no event."""


def latest_end_ms(slot: Slot, kind: WindowKind, slide_ms: int, instant_ms: int) -> int:
    """The latest end of a window that is judged by an instant."""
    return (instant_ms - slot.delay_ms(kind)) // slide_ms * slide_ms


class SlotLookup:
    """What rules see of one (model, version) at an instant."""

    def __init__(self, slot: Slot, held: Held, others: Mapping[str, Slot]) -> None:
        self._slot = slot
        self._held = held
        self._others = others

    def now(self, comparison: Comparison) -> list[Value]:
        """At the latest judged end of the comparison's window; nothing where that held no event."""
        found = self._held(comparison.kind, comparison.window_ms or 0)
        return values_of(found.evaluations, comparison.metric) if found else []

    def other(self, comparison: Comparison, dimension: Dimension) -> Value | None:
        """The reference's, the previous window's or another version's value."""
        versus = comparison.versus or ""
        if versus == "reference":
            return reference_value(self._slot, comparison, dimension)
        if versus == "previous window":
            return self._at_end(self._slot, comparison, dimension, comparison.window_ms or 0)
        slot = self._others.get(versus.removeprefix("version "))
        return self._at_end(slot, comparison, dimension, 0) if slot is not None else None

    def difference(self, first: Estimate, second: Estimate) -> tuple[float, float]:
        """Limits of first - second."""
        return intervals.difference_bounds(first, second)

    def _at_end(
        self, slot: Slot, comparison: Comparison, dimension: Dimension, before_ms: int
    ) -> Value | None:
        """A slot's value so long before the latest judged end of the comparison's own window.

        Another version is read at the very end that this one is: which of the two was judged first at
        an instant, or was seen first in the logs, does not matter.
        """
        length_ms = comparison.window_ms or 0
        found = self._held(comparison.kind, length_ms)
        panes = panes_of(slot, comparison.kind, length_ms)
        if found is None or panes is None:
            return None
        end_ms, only = found.end_ms - before_ms, frozenset((comparison.metric,))
        evaluations = evaluate(
            slot, comparison.kind, length_ms, panes.peek(end_ms), only, slot.counted(panes, end_ms)
        )
        value = pick(evaluations, comparison.metric, dimension)
        return value if value is not None and value.sufficient else None


def held_at(slot: Slot, latest: Mapping[WindowKey, Latest], instant_ms: int) -> Held:
    """The windows as they were judged; an older end than the instant's latest one held nothing since."""

    def held(kind: WindowKind, length_ms: int) -> Latest | None:
        found = latest.get((slot.code, kind, length_ms))
        panes = panes_of(slot, kind, length_ms)
        if found is None or panes is None:
            return None
        end_ms = latest_end_ms(slot, kind, panes.window.slide_ms, instant_ms)
        return found if found.end_ms == end_ms else None

    return held


def held_again(slot: Slot, needed: Callable[[WindowKind, int], frozenset[str]], instant_ms: int) -> Held:
    """The same windows with what is known today: late events and labels included."""

    def held(kind: WindowKind, length_ms: int) -> Latest | None:
        panes = panes_of(slot, kind, length_ms)
        if panes is None:
            return None
        end_ms = latest_end_ms(slot, kind, panes.window.slide_ms, instant_ms)
        totals = panes.peek(end_ms)
        if not totals.counts.any():
            return None
        only = needed(kind, length_ms)
        evaluations = evaluate(slot, kind, length_ms, totals, only, slot.counted(panes, end_ms))
        return Latest(end_ms, instant_ms, end_ms, evaluations)

    return held


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
             "instant_ms": held.instant_ms, "seen_ms": held.seen_ms, "evaluations": evaluations}
        )  # fmt: skip
    return rows


def from_rows(rows: list[dict[str, Any]]) -> dict[WindowKey, Latest]:
    """What ``to_rows`` wrote."""
    return {
        (r["slot"], WindowKind(r["kind"]), r["length_ms"]): Latest(
            r["end_ms"], r["instant_ms"], r["seen_ms"], [_evaluation(e) for e in r["evaluations"]]
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
